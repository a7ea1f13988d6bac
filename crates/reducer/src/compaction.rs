//! Compactions.

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{
    Body, Compaction, CompactionRequest, ConversationItem, DiagnosticCode, Execution, ItemId, ItemKind, ProducerRef,
    Role,
};
use rollout_trace_schema::{
    CodexTurnId, CompactionId, CompactionInstalled, CompactionRequestCompleted, CompactionRequestFailed,
    CompactionRequestId, CompactionRequestStarted, ExecutionStatus, ThreadId,
};

use crate::{at::At, conversation::Origin, item::refresh_raw_identity, json::Json, reducer::Reducer};

impl Reducer {
    pub(crate) fn compaction_request_started(&mut self, at: &At, event: &CompactionRequestStarted) {
        let id = &event.compaction_request_id;
        let known = self.trace.compaction_requests.get(id);
        if known.is_some_and(|request| !request.execution.start_unobserved) {
            let message = format!("compaction request {id} starts a second time; nothing changes");
            self.report.at(at, DiagnosticCode::DuplicateStart, &[id], message);
            return;
        }
        self.ensure_turn(at, &event.codex_turn_id, &event.thread_id);
        self.ensure_thread(at, &event.thread_id);
        let mut request = CompactionRequest {
            compaction_request_id: id.clone(),
            compaction_id: event.compaction_id.clone(),
            thread_id: event.thread_id.clone(),
            codex_turn_id: Some(event.codex_turn_id.clone()),
            execution: Execution::started(at.time, at.seq),
            model: event.model.clone(),
            provider_name: event.provider_name.clone(),
            raw_request_payload_id: Some(event.request_payload.raw_payload_id.clone()),
            raw_response_payload_id: None,
            error: None,
        };
        if let Some(known) = self.trace.compaction_requests.remove(id) {
            request.execution = known.execution;
            request.execution.start(at.time, at.seq);
            request.raw_response_payload_id = known.raw_response_payload_id;
            request.error = known.error;
        }
        self.add_compaction_request(request);
    }

    pub(crate) fn compaction_request_completed(&mut self, at: &At, event: &CompactionRequestCompleted) {
        let request = self.ended_request(at, &event.compaction_id, &event.compaction_request_id);
        request.execution.end(at.time, at.seq, ExecutionStatus::Completed);
        request.raw_response_payload_id = Some(event.response_payload.raw_payload_id.clone());
    }

    pub(crate) fn compaction_request_failed(&mut self, at: &At, event: &CompactionRequestFailed) {
        let request = self.ended_request(at, &event.compaction_id, &event.compaction_request_id);
        request.execution.end(at.time, at.seq, ExecutionStatus::Failed);
        request.error = Some(event.error.clone());
    }

    /// The request that ends, with what is known of it if its start is lost.
    fn ended_request(
        &mut self,
        at: &At,
        compaction: &CompactionId,
        id: &CompactionRequestId,
    ) -> &mut CompactionRequest {
        if !self.trace.compaction_requests.contains_key(id) {
            let message =
                format!("compaction request {id} was never started; it is in the graph with what is known of it");
            self.report.at(at, DiagnosticCode::UnknownCompactionRequest, &[id], message);
            let thread_id = self.thread_of_event(at, id);
            self.add_compaction_request(CompactionRequest {
                compaction_request_id: id.clone(),
                compaction_id: compaction.clone(),
                thread_id,
                codex_turn_id: at.turn.clone(),
                execution: Execution { start_unobserved: true, ..Execution::started(at.time, at.seq) },
                model: String::new(),
                provider_name: String::new(),
                raw_request_payload_id: None,
                raw_response_payload_id: None,
                error: None,
            });
        }
        self.trace.compaction_requests.get_mut(id).expect("it was made sure of")
    }

    fn add_compaction_request(&mut self, request: CompactionRequest) {
        let id = request.compaction_request_id.clone();
        if let Some(compaction) = self.trace.compactions.get_mut(&request.compaction_id)
            && let Err(place) = compaction.request_ids.binary_search(&id)
        {
            compaction.request_ids.insert(place, id.clone());
        }
        self.requests_of_compaction.entry(request.compaction_id.clone()).or_default().insert(id.clone());
        self.trace.compaction_requests.insert(id, request);
    }

    pub(crate) fn compaction_installed(
        &mut self,
        at: &At,
        event: &CompactionInstalled,
        payloads: &mut dyn PayloadSource,
    ) {
        let id = &event.compaction_id;
        if self.trace.compactions.contains_key(id) {
            let message = format!("compaction {id} is installed a second time; nothing changes");
            self.report.at(at, DiagnosticCode::DuplicateStart, &[id], message);
            return;
        }
        let thread = self.thread_of_event(at, id);
        if at.turn.is_none() {
            let message = format!("compaction {id} was installed, but the event names no turn");
            self.report.at(at, DiagnosticCode::UnknownTurn, &[id], message);
        }
        let reference = &event.checkpoint_payload;
        let payload = &reference.raw_payload_id;
        let mut buffer = PayloadBuffer::default();
        let document = self.document(at, reference, payloads, &mut buffer);
        let origin = Origin { thread: &thread, turn: at.turn.as_ref(), payload, response_of: None };
        let history = |reducer: &mut Self, name: &str| {
            let document = document.as_ref()?;
            let Some(items) = document.get(name).and_then(Json::as_array) else {
                reducer.payload_malformed(
                    at,
                    reference,
                    &format!("a checkpoint without an array {name}; its items are lost"),
                );
                return None;
            };
            Some(items.iter().filter_map(|item| reducer.sighting(item, &origin)).collect::<Vec<_>>())
        };
        let input = history(self, "input_history").unwrap_or_default();
        let input_item_ids = self.reconcile_compacted(at, &origin, input);
        let marker_item_id = self.new_marker(at, &thread, at.turn.as_ref(), id);
        // Without a replacement the model goes on with what it had, as far as anybody can tell.
        let replacement = history(self, "replacement_history");
        let replacement_item_ids =
            replacement.map(|sightings| self.install_replacement(at, &origin, id, sightings)).unwrap_or_default();
        let request_ids = self.requests_of_compaction.get(id).into_iter().flatten().cloned().collect();
        let compaction = Compaction {
            compaction_id: id.clone(),
            thread_id: thread,
            codex_turn_id: at.turn.clone(),
            installed_at_unix_ms: at.time,
            marker_item_id,
            request_ids,
            input_item_ids,
            replacement_item_ids,
        };
        self.trace.compactions.insert(id.clone(), compaction);
    }

    fn new_marker(
        &mut self,
        at: &At,
        thread: &ThreadId,
        turn: Option<&CodexTurnId>,
        compaction: &CompactionId,
    ) -> ItemId {
        let mut item = ConversationItem {
            item_id: ItemId(0),
            responses_item_id: None,
            accepted_at_unix_ms: None,
            accepted_seq: None,
            thread_id: thread.clone(),
            codex_turn_id: turn.cloned(),
            first_seen_at_unix_ms: at.time,
            role: Role::Assistant,
            channel: None,
            kind: ItemKind::CompactionMarker,
            agent_message: None,
            body: Body::default(),
            call_id: None,
            produced_by: vec![ProducerRef::Compaction { compaction_id: compaction.clone() }],
            inferred_producers: Vec::new(),
            first_seen_seq: at.seq,
            last_seen_seq: at.seq,
        };
        item.item_id = self.conversations.add(refresh_raw_identity(&item));
        self.list(&[item.item_id]);
        let id = item.item_id;
        self.trace.conversation_items.insert(id, item);
        id
    }
}
