//! Requests to the model and their answers.

use std::{borrow::Cow, fmt::Display};

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{DiagnosticCode, Execution, InferenceCall, ItemId, TokenUsage};
use rollout_trace_schema::{
    CodexTurnEnded, CodexTurnId, ExecutionStatus, InferenceCallId, InferenceCancelled, InferenceCompleted,
    InferenceFailed, InferenceStarted, PayloadRef, RequestInputMode, ResponseId, SchemaVersion, ThreadId,
    UpstreamRequestId,
};

use crate::{
    at::At,
    conversation::Origin,
    item::{Sighting, normalise},
    json::Json,
    reducer::Reducer,
    request::{Input, RequestDocument, RequestReader},
};

/// The memory that the last requests of all threads may take together before those of the least used are given back.
const REQUEST_MEMORY: usize = 96 << 20;

impl Reducer {
    pub(crate) fn inference_started(&mut self, at: &At, event: &InferenceStarted, payloads: &mut dyn PayloadSource) {
        let id = &event.inference_call_id;
        let known = self.trace.inference_calls.get(id);
        if known.is_some_and(|call| !call.execution.start_unobserved) {
            let message = format!("inference call {id} starts a second time; nothing changes");
            self.report.at(at, DiagnosticCode::DuplicateStart, &[id], message);
            return;
        }
        let is_new = known.is_none();
        self.ensure_turn(at, &event.codex_turn_id, &event.thread_id);
        self.ensure_thread(at, &event.thread_id);
        let of_turn = self.trace.codex_turns[&event.codex_turn_id].thread_id.clone();
        if of_turn != event.thread_id {
            let message = format!(
                "inference call {id} is of thread {}, but its turn {} is of thread {of_turn}",
                event.thread_id, event.codex_turn_id
            );
            self.report.at(at, DiagnosticCode::UnknownTurn, &[id, &event.codex_turn_id], message);
        }
        if is_new {
            let call = new_call(id, &event.thread_id, Some(&event.codex_turn_id), Execution::started(at.time, at.seq));
            self.trace.inference_calls.insert(id.clone(), call);
            self.open_calls.entry(event.codex_turn_id.clone()).or_default().push(id.clone());
        }
        let call = self.trace.inference_calls.get_mut(id).expect("it was made sure of");
        call.execution.start(at.time, at.seq);
        call.model = event.model.clone();
        call.provider_name = event.provider_name.clone();
        call.raw_request_payload_id = Some(event.request_payload.raw_payload_id.clone());
        let items = self.read_request(at, event, payloads);
        let latest_calls = &mut self.conversations.thread(&event.thread_id).latest_calls;
        if items.is_some() {
            latest_calls.clear();
        }
        latest_calls.push(id.clone());
        let call = self.trace.inference_calls.get_mut(id).expect("it was made sure of");
        call.request_item_ids = items.unwrap_or_default();
        self.bound_request_memory(at, &event.thread_id);
    }

    /// The items that the request shows; none if it is lost.
    fn read_request(
        &mut self,
        at: &At,
        event: &InferenceStarted,
        payloads: &mut dyn PayloadSource,
    ) -> Option<Vec<ItemId>> {
        // What is read from the reader's text is looked at together with all else.
        let mut reader = std::mem::take(&mut self.conversations.thread(&event.thread_id).reader);
        let items = self.read_request_by(&mut reader, at, event, payloads);
        self.conversations.thread(&event.thread_id).reader = reader;
        items
    }

    fn read_request_by(
        &mut self,
        reader: &mut RequestReader,
        at: &At,
        event: &InferenceStarted,
        payloads: &mut dyn PayloadSource,
    ) -> Option<Vec<ItemId>> {
        let thread = &event.thread_id;
        let reference = &event.request_payload;
        self.documents.note(reference);
        let max_nesting = self.limits.max_nesting;
        let conversation = self.conversations.thread(thread);
        let shared = match conversation.replacement {
            Some(_) => 0,
            None => reader.shared_items(conversation.live.items()),
        };
        let mut document = match reader.read(reference, payloads, max_nesting, shared) {
            Ok(document) => document,
            Err(error) => {
                self.payload_lost(at, reference, &error);
                return None;
            }
        };
        let (known, rest) = self.request_input(at, reference, &mut document)?;
        let origin =
            Origin { thread, turn: Some(&event.codex_turn_id), payload: &reference.raw_payload_id, response_of: None };
        let sightings: Vec<_> = rest.iter().map(|item| self.sighting(item, &origin)).collect();
        let is_item: Vec<_> = sightings.iter().map(Option::is_some).collect();
        let sightings: Vec<_> = sightings.into_iter().flatten().collect();
        if let Some(previous) = self.previous_response(event, &document) {
            let prefix = self.prefix_of_delta(at, event, &previous, payloads);
            return Some(self.reconcile_delta(at, &origin, prefix, sightings));
        }
        let damaged = document.damage.is_some();
        let layout = document.layout;
        let items = self.reconcile_request(at, &origin, known, sightings, damaged);
        let stable = items.iter().position(|&item| self.conversations.facts(item).overruled).unwrap_or(items.len());
        if let Some(layout) = layout {
            reader.remember(layout, &is_item, &items, stable);
        }
        Some(items)
    }

    /// What the request's input says: how many items are known from the request before, and the rest. None if it is lost.
    fn request_input<'a>(
        &mut self,
        at: &At,
        reference: &PayloadRef,
        document: &mut RequestDocument<'a>,
    ) -> Option<(usize, Vec<Json<'a>>)> {
        if document.replaced_bytes {
            self.payload_replaced_bytes(at, reference);
        }
        if let Some(marks) = &document.marks {
            self.payload_has_holes(at, reference, marks);
        }
        let input = std::mem::replace(&mut document.input, Input::Missing);
        if let Some(damage) = &document.damage {
            let kept = match &input {
                Input::Items { known, rest } => format!("; the {} items before the damage count", known + rest.len()),
                _ => String::new(),
            };
            let message = format!("{} is not whole JSON: {damage}{kept}", reference.path);
            self.report.payload(at, DiagnosticCode::PayloadUnreadable, &reference.raw_payload_id, &[], message);
        }
        match input {
            Input::Items { known, rest } => Some((known, rest)),
            Input::Text(text) => {
                let message = format!("{}: input is a string; it counts as one message of the user", reference.path);
                self.report.payload(at, DiagnosticCode::UnknownValue, &reference.raw_payload_id, &[], message);
                let fields = [("type", "message"), ("role", "user"), ("content", text.as_str())];
                let message = fields.map(|(key, value)| (Cow::from(key), Json::String(Cow::Owned(value.to_owned()))));
                Some((0, vec![Json::Object(message.into_iter().collect())]))
            }
            Input::Missing if document.damage.is_some() => None,
            Input::Missing | Input::Other => {
                self.payload_malformed(at, reference, "a request whose input is no array; its items are lost");
                None
            }
        }
    }

    /// The response that the request's input follows; none for a full request.
    fn previous_response(&self, event: &InferenceStarted, document: &RequestDocument<'_>) -> Option<ResponseId> {
        let of_payload = || document.previous_response_id.as_deref().map(ResponseId::from);
        match (&event.request_input_mode, self.version) {
            (Some(RequestInputMode::FullSnapshot), SchemaVersion::V1) => None,
            (
                Some(
                    RequestInputMode::Incremental { previous_response_id }
                    | RequestInputMode::IncrementalWithUntracedPrefix { previous_response_id, .. },
                ),
                SchemaVersion::V1,
            ) => Some(previous_response_id.clone()),
            _ => of_payload(),
        }
    }

    /// The conversation that an incremental request follows; none if it is not known.
    fn prefix_of_delta(
        &mut self,
        at: &At,
        event: &InferenceStarted,
        previous: &ResponseId,
        payloads: &mut dyn PayloadSource,
    ) -> Option<Vec<ItemId>> {
        if let (Some(RequestInputMode::IncrementalWithUntracedPrefix { prefix_payload, .. }), SchemaVersion::V1) =
            (&event.request_input_mode, self.version)
        {
            let origin = Origin {
                thread: &event.thread_id,
                turn: Some(&event.codex_turn_id),
                payload: &prefix_payload.raw_payload_id,
                response_of: None,
            };
            let sightings =
                self.item_document(at, prefix_payload, &["input", "input_items", "items"], &origin, payloads)?;
            return Some(self.reconcile_request(at, &origin, 0, sightings, false));
        }
        let calls = self.conversations.thread(&event.thread_id).responses.get(previous);
        let Some(first) = calls.and_then(|calls| calls.first()) else {
            let message = format!(
                "inference call {} follows response {previous}, which its thread never got; what precedes its input is not known",
                event.inference_call_id
            );
            let code = DiagnosticCode::UnknownPreviousResponse;
            self.report.at(at, code, &[&event.inference_call_id, previous], message);
            return None;
        };
        let call = &self.trace.inference_calls[first];
        Some(call.request_item_ids.iter().chain(&call.response_item_ids).copied().collect())
    }

    pub(crate) fn inference_completed(
        &mut self,
        at: &At,
        event: &InferenceCompleted,
        payloads: &mut dyn PayloadSource,
    ) {
        let id = &event.inference_call_id;
        self.ensure_call(at, id);
        let response = Some(&event.response_payload);
        self.read_response(at, id, response, event.response_id.as_ref(), event.upstream_request_id.as_ref(), payloads);
        self.end_call(at, id, ExecutionStatus::Completed);
    }

    pub(crate) fn inference_failed(&mut self, at: &At, event: &InferenceFailed, payloads: &mut dyn PayloadSource) {
        let id = &event.inference_call_id;
        self.ensure_call(at, id);
        let response = event.partial_response_payload.as_ref();
        self.read_response(at, id, response, None, event.upstream_request_id.as_ref(), payloads);
        self.end_call(at, id, ExecutionStatus::Failed);
        self.trace.inference_calls.get_mut(id).expect("it was made sure of").error = Some(event.error.clone());
    }

    pub(crate) fn inference_cancelled(
        &mut self,
        at: &At,
        event: &InferenceCancelled,
        payloads: &mut dyn PayloadSource,
    ) {
        let id = &event.inference_call_id;
        self.ensure_call(at, id);
        let response = event.partial_response_payload.as_ref();
        self.read_response(at, id, response, None, event.upstream_request_id.as_ref(), payloads);
        self.end_call(at, id, ExecutionStatus::Cancelled);
        self.trace.inference_calls.get_mut(id).expect("it was made sure of").cancel_reason = Some(event.reason.clone());
    }

    fn read_response(
        &mut self,
        at: &At,
        id: &InferenceCallId,
        response: Option<&PayloadRef>,
        response_id: Option<&ResponseId>,
        upstream_request_id: Option<&UpstreamRequestId>,
        payloads: &mut dyn PayloadSource,
    ) {
        let call = self.trace.inference_calls.get_mut(id).expect("it was made sure of");
        if let Some(upstream) = upstream_request_id {
            call.upstream_request_id = Some(upstream.clone());
        }
        if let Some(response_id) = response_id {
            let older = call.response_id.replace(response_id.clone());
            let responses = &mut self.conversations.thread(&call.thread_id).responses;
            if let Some(bearers) = older.and_then(|older| responses.get_mut(&older)) {
                bearers.remove(id);
            }
            responses.entry(response_id.clone()).or_default().insert(id.clone());
        }
        let Some(reference) = response else { return };
        call.raw_response_payload_id = Some(reference.raw_payload_id.clone());
        let (thread, turn) = (call.thread_id.clone(), call.codex_turn_id.clone());
        let mut buffer = PayloadBuffer::default();
        let Some(document) = self.document(at, reference, payloads, &mut buffer) else { return };
        let usage = document.get("token_usage").filter(|usage| !matches!(usage, Json::Null));
        if usage.is_some_and(|usage| !is_token_usage(usage)) {
            self.payload_malformed(
                at,
                reference,
                "token_usage holds something else than numbers; what is none counts as 0",
            );
        }
        let usage = usage.filter(|usage| usage.is_object()).map(token_usage);
        let call = self.trace.inference_calls.get_mut(id).expect("it was made sure of");
        call.usage = usage.or(call.usage);
        let Some(items) = document.get("output_items").and_then(Json::as_array) else {
            self.payload_malformed(at, reference, "a response without an array output_items; its items are lost");
            return;
        };
        let origin =
            Origin { thread: &thread, turn: turn.as_ref(), payload: &reference.raw_payload_id, response_of: Some(id) };
        let sightings = items.iter().filter_map(|item| self.sighting(item, &origin)).collect();
        let items = self.reconcile_response(at, &origin, id, sightings);
        self.answered.insert(id.clone(), at.seq);
        let call = self.trace.inference_calls.get_mut(id).expect("it was made sure of");
        let older = std::mem::replace(&mut call.response_item_ids, items);
        if !older.is_empty() {
            let ids: Vec<_> = older.iter().map(|item| item as &dyn Display).chain([id as &dyn Display]).collect();
            let message = format!(
                "inference call {id} is answered a second time; the later answer counts, the items of both stay"
            );
            self.report.at(at, DiagnosticCode::RepeatedEnd, &ids, message);
        }
    }

    /// Ends a call, unless the end of its turn did so before.
    fn end_call(&mut self, at: &At, id: &InferenceCallId, status: ExecutionStatus) {
        let call = self.trace.inference_calls.get_mut(id).expect("it was made sure of");
        if call.execution.is_running() {
            call.execution.end(at.time, at.seq, status);
        }
    }

    /// Makes sure that the call is in the graph, with what is known of it if its start is lost.
    fn ensure_call(&mut self, at: &At, id: &InferenceCallId) {
        if self.trace.inference_calls.contains_key(id) {
            return;
        }
        let message = format!("inference call {id} was never started; it is in the graph with what is known of it");
        self.report.at(at, DiagnosticCode::UnknownInferenceCall, &[id], message);
        let thread = self.thread_of_event(at, id);
        let execution = Execution { start_unobserved: true, ..Execution::started(at.time, at.seq) };
        let call = new_call(id, &thread, at.turn.as_ref(), execution);
        self.trace.inference_calls.insert(id.clone(), call);
    }

    /// Ends the calls that a turn leaves running.
    pub(crate) fn end_calls_of_turn(&mut self, at: &At, event: &CodexTurnEnded) {
        let status = match event.status {
            ExecutionStatus::Completed | ExecutionStatus::Cancelled => ExecutionStatus::Cancelled,
            ExecutionStatus::Failed => ExecutionStatus::Failed,
            ExecutionStatus::Aborted => ExecutionStatus::Aborted,
            _ => return,
        };
        for id in self.open_calls.remove(&event.codex_turn_id).unwrap_or_default() {
            self.end_call(at, &id, status.clone());
        }
    }

    /// The sighting of a model item; none for what is no part of a conversation.
    pub(crate) fn sighting(&self, item: &Json<'_>, origin: &Origin<'_>) -> Option<Sighting> {
        normalise(item, origin.payload, self.version)
    }

    /// The sightings in a document that is an array of model items, or has one under one of these names.
    pub(crate) fn item_document(
        &mut self,
        at: &At,
        reference: &PayloadRef,
        names: &[&str],
        origin: &Origin<'_>,
        payloads: &mut dyn PayloadSource,
    ) -> Option<Vec<Sighting>> {
        let mut buffer = PayloadBuffer::default();
        let document = self.document(at, reference, payloads, &mut buffer)?;
        let items = document.as_array().or_else(|| names.iter().find_map(|name| document.get(name)?.as_array()));
        let Some(items) = items else {
            self.payload_malformed(at, reference, "it holds no array of model items; they are lost");
            return None;
        };
        Some(items.iter().filter_map(|item| self.sighting(item, origin)).collect())
    }

    /// Gives back the memory of the requests that were used least, if all together take too much.
    fn bound_request_memory(&mut self, at: &At, current: &ThreadId) {
        self.conversations.thread(current).reader.last_used = at.seq;
        loop {
            let mut total = 0;
            let mut oldest = None;
            for (thread, conversation) in self.conversations.threads_mut() {
                let reader = &mut conversation.reader;
                total += reader.bytes();
                if thread != current
                    && reader.bytes() > 0
                    && oldest.as_ref().is_none_or(|(seq, _)| reader.last_used < *seq)
                {
                    oldest = Some((reader.last_used, thread.clone()));
                }
            }
            match oldest {
                Some((_, thread)) if total > REQUEST_MEMORY => self.conversations.thread(&thread).reader.forget(),
                _ => return,
            }
        }
    }
}

fn new_call(
    id: &InferenceCallId,
    thread: &ThreadId,
    turn: Option<&CodexTurnId>,
    execution: Execution,
) -> InferenceCall {
    InferenceCall {
        inference_call_id: id.clone(),
        thread_id: thread.clone(),
        codex_turn_id: turn.cloned(),
        execution,
        model: String::new(),
        provider_name: String::new(),
        response_id: None,
        upstream_request_id: None,
        request_item_ids: Vec::new(),
        response_item_ids: Vec::new(),
        tool_call_ids_started_by_response: Vec::new(),
        usage: None,
        raw_request_payload_id: None,
        raw_response_payload_id: None,
        error: None,
        cancel_reason: None,
    }
}

/// Whether all counts are numbers.
fn is_token_usage(usage: &Json<'_>) -> bool {
    let is_count = |name: &str| usage.get(name).is_some_and(|count| count.as_i64().is_some());
    let is_optional = |name: &str| usage.get(name).is_none_or(|count| count.as_i64().is_some());
    ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"].into_iter().all(is_count)
        && is_optional("cache_write_input_tokens")
}

fn token_usage(usage: &Json<'_>) -> TokenUsage {
    let tokens = |name: &str| usage.get(name).and_then(Json::as_i64).unwrap_or_default();
    TokenUsage {
        input_tokens: tokens("input_tokens"),
        cached_input_tokens: tokens("cached_input_tokens"),
        cache_write_input_tokens: tokens("cache_write_input_tokens"),
        output_tokens: tokens("output_tokens"),
        reasoning_output_tokens: tokens("reasoning_output_tokens"),
    }
}
