//! Checks the links within a graph.

use std::{borrow::Borrow, collections::BTreeSet, fmt::Display};

use rollout_trace_schema::{CodexTurnId, RawPayloadId, ThreadId};

use crate::{
    Anchor, BodyPart, CodeCell, Compaction, ConversationItem, DiagnosticCode, EvidenceGrade, Execution, InferenceCall,
    InteractionEdge, ItemId, ItemKind, ProducerRef, Requester, RolloutTrace, TerminalOperation, TerminalSession,
    ThreadOrigin, ToolCall,
};

impl RolloutTrace {
    /// Lists the inconsistent links of a graph: dangling ids, and links in only one direction.
    ///
    /// Every graph that the reducer creates is consistent, even if the bundle is damaged. Some links may dangle: an id
    /// that a diagnostic names, since its object was lost; an empty id, since it is unknown; and the edge and the
    /// parent of a spawned thread, since they need not have been observed. If the log itself is out of order, an end
    /// may have a lower seq than its start.
    ///
    /// ```
    /// use rollout_trace_model::RolloutTrace;
    /// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
    ///
    /// let mut graph: RolloutTrace = serde_json::from_str(json)?;
    /// assert!(graph.check_links().is_empty());
    ///
    /// graph.threads.clear();
    /// assert_eq!(graph.check_links(), ["turn-1: thread thread-1 is not in the graph"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn check_links(&self) -> Vec<String> {
        let lost = self.diagnostics.iter().flat_map(|diagnostic| &diagnostic.ids).map(String::as_str).collect();
        // Events out of order apply at their place in the log, whatever their seqs are.
        let disordered = [DiagnosticCode::OutOfOrder, DiagnosticCode::RepeatedSeq, DiagnosticCode::UnparsableLine];
        let is_ordered = self.diagnostics.iter().all(|diagnostic| !disordered.contains(&diagnostic.code));
        let mut check = Check { graph: self, lost, is_ordered, found: Vec::new() };
        check.threads();
        check.items();
        self.inference_calls.values().for_each(|call| check.inference_call(call));
        self.tool_calls.values().for_each(|tool| check.tool_call(tool));
        self.code_cells.values().for_each(|cell| check.code_cell(cell));
        self.terminal_sessions.values().for_each(|session| check.terminal_session(session));
        self.terminal_operations.values().for_each(|operation| check.terminal_operation(operation));
        self.compactions.values().for_each(|compaction| check.compaction(compaction));
        check.compaction_requests();
        self.interaction_edges.values().for_each(|edge| check.edge(edge));
        for (key, payload) in &self.raw_payloads {
            check.require(*key == payload.raw_payload_id, key, "is stored under another key");
        }
        check.found
    }
}

struct Check<'a> {
    graph: &'a RolloutTrace,
    /// The ids that a diagnostic names.
    lost: BTreeSet<&'a str>,
    /// Whether the order of seqs is the order of events.
    is_ordered: bool,
    found: Vec<String>,
}

impl<'a> Check<'a> {
    fn require(&mut self, holds: bool, object: impl Display, complaint: &str) {
        if !holds {
            self.found.push(format!("{object} {complaint}"));
        }
    }

    /// Requires that the target of a link exists, unless its id may dangle.
    fn require_target(&mut self, exists: bool, from: impl Display, what: &str, to: impl Display) {
        if !exists {
            let to = to.to_string();
            if !to.is_empty() && !self.lost.contains(to.as_str()) {
                self.found.push(format!("{from}: {what} {to} is not in the graph"));
            }
        }
    }

    fn thread(&mut self, from: impl Display, thread: &ThreadId) {
        self.require_target(self.graph.threads.contains_key(thread), from, "thread", thread);
    }

    fn turn(&mut self, from: impl Display, turn: &CodexTurnId) {
        self.require_target(self.graph.codex_turns.contains_key(turn), from, "turn", turn);
    }

    fn payloads(&mut self, from: impl Display + Copy, payloads: impl IntoIterator<Item = &'a RawPayloadId>) {
        for payload in payloads {
            self.require_target(self.graph.raw_payloads.contains_key(payload), from, "payload", payload);
        }
    }

    /// Requires that items exist, and that each of them satisfies `holds`.
    fn each_item(
        &mut self,
        from: impl Display + Copy,
        items: impl IntoIterator<Item: Borrow<ItemId>>,
        holds: impl Fn(&ConversationItem) -> bool,
        complaint: &str,
    ) {
        for id in items {
            let id = id.borrow();
            match self.graph.conversation_items.get(id) {
                None => self.require_target(false, from, "item", id),
                Some(item) => self.require(holds(item), format_args!("{from}: {id}"), complaint),
            }
        }
    }

    /// Requires that no item is listed twice.
    fn distinct(&mut self, from: impl Display + Copy, items: &[ItemId]) {
        let distinct: BTreeSet<_> = items.iter().collect();
        self.require(distinct.len() == items.len(), from, "lists an item twice");
    }

    fn execution(&mut self, of: impl Display + Copy, execution: &Execution) {
        let has_end = execution.ended_at_unix_ms.is_some();
        self.require(execution.ended_seq.is_some() == has_end, of, "has only one of ended_seq and ended_at_unix_ms");
        let in_order = execution.ended_seq.is_none_or(|end| end >= execution.started_seq);
        self.require(in_order || !self.is_ordered, of, "ended before it began");
    }

    fn threads(&mut self) {
        let graph = self.graph;
        for (id, thread) in &graph.threads {
            self.require(*id == thread.thread_id, id, "is stored under another key");
            self.execution(id, &thread.execution);
            let here = |item: &ConversationItem| item.thread_id == *id;
            self.each_item(id, &thread.conversation_item_ids, here, "belongs to another thread");
            self.distinct(id, &thread.conversation_item_ids);
            if let ThreadOrigin::Spawned { parent_thread_id, .. } = &thread.origin {
                self.require(parent_thread_id != id, id, "is its own parent");
            }
            self.payloads(id, &thread.raw_metadata_payload_id);
            self.payloads(id, thread.markers.iter().flat_map(|marker| &marker.raw_payload_ids));
        }
        for (id, turn) in &graph.codex_turns {
            self.require(*id == turn.codex_turn_id, id, "is stored under another key");
            self.execution(id, &turn.execution);
            self.thread(id, &turn.thread_id);
            let here = |item: &ConversationItem| item.thread_id == turn.thread_id;
            self.each_item(id, &turn.new_input_item_ids, here, "belongs to another thread");
            self.distinct(id, &turn.new_input_item_ids);
        }
    }

    fn items(&mut self) {
        let graph = self.graph;
        for (id, item) in &graph.conversation_items {
            self.require(*id == item.item_id, id, "is stored under another key");
            self.thread(id, &item.thread_id);
            let accepted = item.accepted_seq.is_some() == item.accepted_at_unix_ms.is_some();
            self.require(accepted, id, "has only one of accepted_seq and accepted_at_unix_ms");
            self.require(item.last_seen_seq >= item.first_seen_seq, id, "was last seen before it was first seen");
            self.payloads(id, item.body.parts.iter().filter_map(BodyPart::raw_payload_id));
            let shown = item.shown.as_ref().map(|shown| &shown.payload_id);
            self.payloads(id, shown.into_iter().chain(&item.accepted_payload_id));
            for producer in &item.produced_by {
                self.producer(*id, producer);
            }
        }
    }

    fn producer(&mut self, item: ItemId, producer: &ProducerRef) {
        let graph = self.graph;
        let (linked_back, id): (Option<bool>, &dyn Display) = match producer {
            ProducerRef::Inference { inference_call_id: id } => {
                (graph.inference_calls.get(id).map(|call| call.response_item_ids.contains(&item)), id)
            }
            ProducerRef::Tool { tool_call_id: id } => {
                // In schema 3 an output may have been accepted that the model has not seen.
                let is_accepted = graph.recording_status.is_some()
                    && graph.conversation_items.get(&item).is_some_and(|item| item.accepted_seq.is_some());
                let lists = |tool: &ToolCall| tool.model_visible_output_item_ids.contains(&item) || is_accepted;
                (graph.tool_calls.get(id).map(lists), id)
            }
            ProducerRef::CodeCell { code_cell_id: id } => {
                (graph.code_cells.get(id).map(|cell| cell.output_item_ids.contains(&item)), id)
            }
            ProducerRef::Compaction { compaction_id: id } => {
                let made = |compaction: &Compaction| {
                    compaction.marker_item_id == item || compaction.replacement_item_ids.contains(&item)
                };
                (graph.compactions.get(id).map(made), id)
            }
        };
        self.require_target(linked_back.is_some(), item, "producer", id);
        // A later answer of a call replaces an earlier one, whose items a diagnostic then names.
        let superseded = self.lost.contains(item.to_string().as_str());
        self.require(linked_back != Some(false) || superseded, item, "names a producer that does not list it");
    }

    fn inference_call(&mut self, call: &'a InferenceCall) {
        let graph = self.graph;
        let id = &call.inference_call_id;
        self.require(graph.inference_calls.get(id).is_some_and(|kept| kept == call), id, "is stored under another key");
        self.execution(id, &call.execution);
        self.thread(id, &call.thread_id);
        if let Some(turn) = &call.codex_turn_id {
            self.turn(id, turn);
        }
        self.payloads(id, &call.raw_request_payload_id);
        self.payloads(id, &call.raw_response_payload_id);
        let listed: BTreeSet<_> =
            graph.threads.get(&call.thread_id).into_iter().flat_map(|thread| &thread.conversation_item_ids).collect();
        let thread_known = graph.threads.contains_key(&call.thread_id);
        let in_thread = |item: &ConversationItem| !thread_known || listed.contains(&item.item_id);
        self.each_item(id, call.request_item_ids.iter(), in_thread, "was in a request but is not listed by the thread");
        let producer = ProducerRef::Inference { inference_call_id: id.clone() };
        let produced = |item: &ConversationItem| item.produced_by.contains(&producer);
        self.each_item(id, &call.response_item_ids, produced, "is in a response but is not linked back to it");
        for tool_id in &call.tool_call_ids_started_by_response {
            let tool = graph.tool_calls.get(tool_id);
            self.require_target(tool.is_some(), id, "tool call", tool_id);
            // A later answer may have replaced the one with the call; a diagnostic then names the items of the replaced
            // answer.
            let requests =
                |item: &ItemId| call.response_item_ids.contains(item) || self.lost.contains(item.to_string().as_str());
            let asked = tool.is_none_or(|tool| tool.model_visible_call_item_ids.iter().any(requests));
            self.require(asked, id, "lists a tool call that its response did not request");
        }
    }

    fn tool_call(&mut self, tool: &'a ToolCall) {
        let graph = self.graph;
        let id = &tool.tool_call_id;
        self.require(graph.tool_calls.get(id).is_some_and(|kept| kept == tool), id, "is stored under another key");
        self.execution(id, &tool.execution);
        self.thread(id, &tool.thread_id);
        tool.started_by_codex_turn_id.iter().for_each(|turn| self.turn(id, turn));
        self.payloads(id, &tool.raw_invocation_payload_id);
        self.payloads(id, &tool.raw_result_payload_id);
        self.payloads(id, &tool.raw_runtime_payload_ids);
        if let Requester::CodeCell { code_cell_id } = &tool.requester {
            let cell = graph.code_cells.get(code_cell_id);
            self.require_target(cell.is_some(), id, "code cell", code_cell_id);
            let listed = cell.is_none_or(|cell| cell.nested_tool_call_ids.contains(id));
            self.require(listed, id, "was called by a code cell that does not list it");
        }
        if let Some(cell) = &tool.started_code_cell_id {
            self.require_target(graph.code_cells.contains_key(cell), id, "code cell", cell);
        }
        // The items may be in any thread, since a thread may begin with another thread's items.
        let fits = |item: &ConversationItem| item.call_id == tool.model_visible_call_id;
        self.each_item(id, &tool.model_visible_call_item_ids, fits, "has another call id");
        self.distinct(id, &tool.model_visible_call_item_ids);
        let producer = ProducerRef::Tool { tool_call_id: id.clone() };
        let answers = |item: &ConversationItem| fits(item) && item.produced_by.contains(&producer);
        self.each_item(id, &tool.model_visible_output_item_ids, answers, "is not linked back to the tool call");
        self.distinct(id, &tool.model_visible_output_item_ids);
        if let Some(operation_id) = &tool.terminal_operation_id {
            let operation = graph.terminal_operations.get(operation_id);
            self.require_target(operation.is_some(), id, "operation", operation_id);
            let linked = operation.is_none_or(|operation| operation.tool_call_id == *id);
            self.require(linked, id, "has the operation of another tool call");
        }
    }

    fn code_cell(&mut self, cell: &'a CodeCell) {
        let graph = self.graph;
        let id = &cell.code_cell_id;
        self.require(graph.code_cells.get(id).is_some_and(|kept| kept == cell), id, "is stored under another key");
        self.execution(id, &cell.execution);
        self.thread(id, &cell.thread_id);
        if let Some(turn) = &cell.codex_turn_id {
            self.turn(id, turn);
        }
        self.payloads(id, &cell.raw_initial_response_payload_id);
        self.payloads(id, &cell.raw_result_payload_id);
        let fits = |item: &ConversationItem| item.call_id.as_ref() == Some(&cell.model_visible_call_id);
        let is_source = |item: &ConversationItem| item.thread_id == cell.thread_id && fits(item);
        self.each_item(id, [cell.source_item_id], is_source, "has another call id or thread");
        let producer = ProducerRef::CodeCell { code_cell_id: id.clone() };
        let answers = |item: &ConversationItem| fits(item) && item.produced_by.contains(&producer);
        self.each_item(id, &cell.output_item_ids, answers, "is not linked back to the code cell");
        self.distinct(id, &cell.output_item_ids);
        for tool_id in &cell.nested_tool_call_ids {
            let tool = graph.tool_calls.get(tool_id);
            self.require_target(tool.is_some(), id, "tool call", tool_id);
            let requester = Requester::CodeCell { code_cell_id: id.clone() };
            self.require(
                tool.is_none_or(|tool| tool.requester == requester),
                id,
                "lists a tool call that it did not make",
            );
        }
        for tool_id in &cell.wait_tool_call_ids {
            self.require_target(graph.tool_calls.contains_key(tool_id), id, "tool call", tool_id);
        }
    }

    fn terminal_session(&mut self, session: &'a TerminalSession) {
        let graph = self.graph;
        let id = &session.terminal_id;
        self.require(
            graph.terminal_sessions.get(id).is_some_and(|kept| kept == session),
            id,
            "is stored under another key",
        );
        self.execution(id, &session.execution);
        self.thread(id, &session.thread_id);
        self.require(!session.operation_ids.is_empty(), id, "has no operation");
        for operation_id in &session.operation_ids {
            let operation = graph.terminal_operations.get(operation_id);
            self.require_target(operation.is_some(), id, "operation", operation_id);
            let linked = operation.is_none_or(|operation| operation.terminal_id.as_ref() == Some(id));
            self.require(linked, id, "lists an operation of another session");
        }
        let creator = session.created_by_operation_id;
        self.require_target(graph.terminal_operations.contains_key(&creator), id, "operation", creator);
    }

    fn terminal_operation(&mut self, operation: &'a TerminalOperation) {
        let graph = self.graph;
        let id = &operation.operation_id;
        self.require(graph.terminal_operations.get(id) == Some(operation), id, "is stored under another key");
        self.execution(id, &operation.execution);
        self.payloads(id, &operation.raw_payload_ids);
        if let Some(terminal_id) = &operation.terminal_id {
            let session = graph.terminal_sessions.get(terminal_id);
            self.require_target(session.is_some(), id, "session", terminal_id);
            let listed = session.is_none_or(|session| session.operation_ids.contains(id));
            self.require(listed, id, "belongs to a session that does not list it");
        }
        let Some(tool) = graph.tool_calls.get(&operation.tool_call_id) else {
            return self.require_target(false, id, "tool call", &operation.tool_call_id);
        };
        self.require(tool.terminal_operation_id.as_ref() == Some(id), id, "is not the operation of its tool call");
        for observation in &operation.model_observations {
            self.each_item(id, &observation.call_item_ids, |_| true, "");
            self.each_item(id, &observation.output_item_ids, |_| true, "");
        }
    }

    fn compaction(&mut self, compaction: &'a Compaction) {
        let graph = self.graph;
        let id = &compaction.compaction_id;
        self.require(
            graph.compactions.get(id).is_some_and(|kept| kept == compaction),
            id,
            "is stored under another key",
        );
        self.thread(id, &compaction.thread_id);
        if let Some(turn) = &compaction.codex_turn_id {
            self.turn(id, turn);
        }
        self.payloads(id, &compaction.raw_checkpoint_payload_id);
        let here = |item: &ConversationItem| item.thread_id == compaction.thread_id;
        self.each_item(id, &compaction.input_item_ids, here, "belongs to another thread");
        self.distinct(id, &compaction.input_item_ids);
        let producer = ProducerRef::Compaction { compaction_id: id.clone() };
        // An inferred compaction made nothing: its history is what the next request shows, and an item of it marks the place.
        let is_inferred = compaction.evidence == Some(EvidenceGrade::Inferred);
        let made = |item: &ConversationItem| here(item) && (is_inferred || item.produced_by.contains(&producer));
        self.each_item(id, &compaction.replacement_item_ids, made, "is not linked back to the compaction");
        self.distinct(id, &compaction.replacement_item_ids);
        let marks = |item: &ConversationItem| made(item) && (is_inferred || item.kind == ItemKind::CompactionMarker);
        self.each_item(id, [compaction.marker_item_id], marks, "is not a marker of the compaction");
        for request_id in &compaction.request_ids {
            let request = graph.compaction_requests.get(request_id);
            self.require_target(request.is_some(), id, "compaction request", request_id);
            let linked = request.is_none_or(|request| request.compaction_id == *id);
            self.require(linked, id, "lists a request for another compaction");
        }
    }

    fn compaction_requests(&mut self) {
        let graph = self.graph;
        for (id, request) in &graph.compaction_requests {
            self.require(*id == request.compaction_request_id, id, "is stored under another key");
            self.execution(id, &request.execution);
            self.thread(id, &request.thread_id);
            if let Some(turn) = &request.codex_turn_id {
                self.turn(id, turn);
            }
            self.payloads(id, &request.raw_request_payload_id);
            self.payloads(id, &request.raw_response_payload_id);
            // A compaction that was never installed is known only from its requests.
            let compaction = graph.compactions.get(&request.compaction_id);
            let listed = compaction.is_none_or(|compaction| compaction.request_ids.contains(id));
            self.require(listed, id, "is for a compaction that does not list it");
        }
    }

    fn edge(&mut self, edge: &'a InteractionEdge) {
        let graph = self.graph;
        let id = &edge.edge_id;
        self.require(
            graph.interaction_edges.get(id).is_some_and(|kept| kept == edge),
            id,
            "is stored under another key",
        );
        for anchor in [&edge.source, &edge.target] {
            match anchor {
                Anchor::ConversationItem { item_id } => self.each_item(id, [*item_id], |_| true, ""),
                Anchor::ToolCall { tool_call_id } => {
                    self.require_target(graph.tool_calls.contains_key(tool_call_id), id, "tool call", tool_call_id);
                }
                Anchor::Thread { thread_id } => self.thread(id, thread_id),
            }
        }
        self.each_item(id, &edge.carried_item_ids, |_| true, "");
        self.payloads(id, &edge.carried_raw_payload_ids);
    }
}
