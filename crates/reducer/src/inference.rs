//! Requests to the model and their answers.
//!
//! Source: reduction, section 7.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fmt::Display,
};

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{DiagnosticCode, Execution, InferenceCall, ItemId};
use rollout_trace_schema::{
    CodexTurnEnded, CodexTurnId, ExecutionStatus, InferenceCallId, InferenceCancelled, InferenceCompleted,
    InferenceFailed, InferenceStarted, PayloadRef, RequestInputMode, ResponseId, SchemaVersion, ThreadEnded, ThreadId,
    UpstreamRequestId,
};

use crate::{
    context::Context,
    conversation::Conversations,
    documents,
    item::{Sighting, normalize},
    json::Json,
    links::Links,
    origin::Origin,
    readers::Readers,
    request::{Input, RequestDocument},
    threads, turns,
    usage::{is_token_usage, token_usage},
};

/// What is remembered about inference calls beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Inference {
    /// The calls of each turn that its end ends, unless they end before.
    open_calls: HashMap<CodexTurnId, Vec<InferenceCallId>>,
    responses: Responses,
    readers: Readers,
}

/// The calls of a thread that got each response, in the order of their ids.
type Responses = HashMap<(ThreadId, ResponseId), BTreeSet<InferenceCallId>>;

/// What an event says about a call's response.
struct Answer<'a> {
    call: &'a InferenceCallId,
    payload: Option<&'a PayloadRef>,
    response_id: Option<&'a ResponseId>,
    upstream_request_id: Option<&'a UpstreamRequestId>,
}

impl Inference {
    pub(crate) fn started(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &InferenceStarted,
    ) {
        let id = &event.inference_call_id;
        let known = cx.graph.inference_calls.get(id);
        if known.is_some_and(|call| !call.execution.start_unobserved) {
            let message = format!("inference call {id} starts a second time; the first start counts");
            cx.report.event(DiagnosticCode::DuplicateStart, &[id], message);
            return;
        }
        let is_new = known.is_none();
        turns::ensure_known(cx, &event.codex_turn_id, &event.thread_id);
        threads::ensure_known(cx, &event.thread_id);
        let of_turn = &cx.graph.codex_turns[&event.codex_turn_id].thread_id;
        if *of_turn != event.thread_id {
            let message = format!(
                "inference call {id} belongs to thread {}, but its turn {} belongs to thread {of_turn}",
                event.thread_id, event.codex_turn_id
            );
            cx.report.event(DiagnosticCode::UnknownTurn, &[id, &event.codex_turn_id], message);
        }
        let (time, seq) = (cx.at.time, cx.at.seq);
        if is_new {
            let call = new_call(id, &event.thread_id, Some(&event.codex_turn_id), Execution::started(time, seq));
            cx.graph.insert(id, call);
            self.open_calls.entry(event.codex_turn_id.clone()).or_default().push(id.clone());
        }
        let call = cx.graph.object_mut(id);
        call.execution.start(time, seq);
        call.model = event.model.clone();
        call.provider_name = event.provider_name.clone();
        call.raw_request_payload_id = Some(event.request_payload.raw_payload_id.clone());
        let items = self.read_request(cx, conversations, links, event);
        conversations.note_call(&event.thread_id, id, items.is_some());
        let call = cx.graph.object_mut(id);
        call.request_item_ids = items.unwrap_or_default();
        let started = call.execution.started_seq;
        let items = &cx.graph.inference_calls[id].request_item_ids;
        conversations.sightings.note_call(cx.graph, id);
        conversations.sightings.note_shown(cx.graph, id, items);
        conversations.sightings.note_seen(items, started);
        self.readers.note_use(&event.thread_id, seq);
    }

    /// Returns the items that the request shows, or `None` if it is lost.
    fn read_request(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &InferenceStarted,
    ) -> Option<Vec<ItemId>> {
        let thread = &event.thread_id;
        let reference = &event.request_payload;
        cx.documents.note(reference);
        let max_nesting = cx.documents.max_nesting();
        let reader = self.readers.reader(thread);
        let shared = reader.shared_items(conversations.live_items(thread));
        let mut document = match reader.read(reference, cx.payloads, max_nesting, shared) {
            Ok(document) => document,
            Err(error) => {
                documents::report_lost(cx.report, reference, &error);
                return None;
            }
        };
        let (known, rest) = request_input(cx, reference, &mut document)?;
        let origin =
            Origin { thread, turn: Some(&event.codex_turn_id), payload: &reference.raw_payload_id, response_of: None };
        let sightings: Vec<_> = rest.iter().map(|item| normalize(item, origin.payload, cx.version)).collect();
        let is_item: Vec<_> = sightings.iter().map(Option::is_some).collect();
        let sightings: Vec<_> = sightings.into_iter().flatten().collect();
        if let Some(previous) = previous_response(event, &document, cx.version) {
            let prefix = match untraced_prefix(event, cx.version) {
                Some(prefix) => {
                    let origin = Origin { payload: &prefix.raw_payload_id, ..origin.clone() };
                    let sightings = prefix_document(cx, prefix, &origin);
                    sightings.map(|sightings| conversations.pass(cx, links, &origin).request(0, sightings))
                }
                None => prefix_of_response(&self.responses, cx, event, previous),
            };
            return Some(conversations.pass(cx, links, &origin).delta(prefix, sightings));
        }
        let is_damaged = document.damage.is_some();
        let layout = document.layout;
        let mut pass = conversations.pass(cx, links, &origin);
        let items = if is_damaged { pass.damaged_request(known, sightings) } else { pass.request(known, sightings) };
        if let Some(layout) = layout {
            reader.remember(layout, &is_item, &items, conversations.stable_prefix(&items));
        }
        Some(items)
    }

    pub(crate) fn completed(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &InferenceCompleted,
    ) {
        let answer = Answer {
            call: &event.inference_call_id,
            payload: Some(&event.response_payload),
            response_id: event.response_id.as_ref(),
            upstream_request_id: event.upstream_request_id.as_ref(),
        };
        self.answered(cx, conversations, links, &answer);
        end(cx, answer.call, ExecutionStatus::Completed);
    }

    pub(crate) fn failed(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &InferenceFailed,
    ) {
        let answer = Answer {
            call: &event.inference_call_id,
            payload: event.partial_response_payload.as_ref(),
            response_id: None,
            upstream_request_id: event.upstream_request_id.as_ref(),
        };
        self.answered(cx, conversations, links, &answer);
        end(cx, answer.call, ExecutionStatus::Failed).error = Some(event.error.clone());
    }

    pub(crate) fn cancelled(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &InferenceCancelled,
    ) {
        let answer = Answer {
            call: &event.inference_call_id,
            payload: event.partial_response_payload.as_ref(),
            response_id: None,
            upstream_request_id: event.upstream_request_id.as_ref(),
        };
        self.answered(cx, conversations, links, &answer);
        end(cx, answer.call, ExecutionStatus::Cancelled).cancel_reason = Some(event.reason.clone());
    }

    /// Applies what an event says about a call's response, whole or partial.
    fn answered(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        answer: &Answer<'_>,
    ) {
        let id = answer.call;
        if !cx.graph.inference_calls.contains_key(id) {
            add_unstarted(cx, id);
            conversations.sightings.note_call(cx.graph, id);
        }
        let call = cx.graph.object_mut(id);
        let (thread, turn) = (call.thread_id.clone(), call.codex_turn_id.clone());
        if let Some(upstream) = answer.upstream_request_id {
            call.upstream_request_id = Some(upstream.clone());
        }
        if let Some(response_id) = answer.response_id {
            let older = call.response_id.replace(response_id.clone());
            if let Some(calls) = older.and_then(|older| self.responses.get_mut(&(thread.clone(), older))) {
                calls.remove(id);
            }
            self.responses.entry((thread.clone(), response_id.clone())).or_default().insert(id.clone());
        }
        let Some(reference) = answer.payload else { return };
        call.raw_response_payload_id = Some(reference.raw_payload_id.clone());
        let mut buffer = PayloadBuffer::default();
        let Some(document) = cx.read(reference, &mut buffer) else { return };
        let usage = document.get("token_usage").filter(|usage| !matches!(usage, Json::Null));
        if usage.is_some_and(|usage| !is_token_usage(usage)) {
            let reason = "token_usage has a count that is missing or not a number; that count is taken as 0";
            cx.report_malformed(reference, reason);
        }
        if let Some(usage) = usage.filter(|usage| usage.is_object()) {
            cx.graph.object_mut(id).usage = Some(token_usage(usage));
        }
        let Some(items) = document.get("output_items").and_then(Json::as_array) else {
            cx.report_malformed(reference, "the response has no array output_items; its items are lost");
            return;
        };
        let origin =
            Origin { thread: &thread, turn: turn.as_ref(), payload: &reference.raw_payload_id, response_of: Some(id) };
        let sightings = items.iter().filter_map(|item| normalize(item, origin.payload, cx.version)).collect();
        let items = conversations.pass(cx, links, &origin).response(id, sightings);
        conversations.sightings.note_shown(cx.graph, id, &items);
        conversations.sightings.note_seen(&items, cx.at.seq);
        let older = std::mem::replace(&mut cx.graph.object_mut(id).response_item_ids, items);
        if !older.is_empty() {
            let ids: Vec<_> = older.iter().map(|item| item as &dyn Display).chain([id as &dyn Display]).collect();
            let message = format!(
                "inference call {id} is answered a second time; the later answer counts, and the items of both stay"
            );
            cx.report.event(DiagnosticCode::RepeatedEnd, &ids, message);
        }
    }

    /// Ends the calls that a turn leaves running.
    ///
    /// Source: reduction, section 3.4.
    pub(crate) fn end_of_turn(&mut self, cx: &mut Context<'_>, event: &CodexTurnEnded) {
        let status = match event.status {
            ExecutionStatus::Completed | ExecutionStatus::Cancelled => ExecutionStatus::Cancelled,
            ExecutionStatus::Failed => ExecutionStatus::Failed,
            ExecutionStatus::Aborted => ExecutionStatus::Aborted,
            _ => return,
        };
        for id in self.open_calls.remove(&event.codex_turn_id).unwrap_or_default() {
            end(cx, &id, status.clone());
        }
    }

    /// Frees the request that is kept to read the thread's next one.
    pub(crate) fn end_of_thread(&mut self, event: &ThreadEnded) {
        self.readers.forget(&event.thread_id);
    }
}

/// Reads a request's input. Returns how many items are known from the previous request, and the rest, or `None` if the
/// input is lost.
///
/// Source: reduction, section 14.6.
fn request_input<'a>(
    cx: &mut Context<'_>,
    reference: &PayloadRef,
    document: &mut RequestDocument<'a>,
) -> Option<(usize, Vec<Json<'a>>)> {
    let payload = &reference.raw_payload_id;
    if document.replaced_bytes {
        documents::report_replaced_bytes(cx.report, reference);
    }
    if let Some(marks) = &document.marks {
        documents::report_holes(cx.report, reference, marks);
    }
    let input = std::mem::replace(&mut document.input, Input::Missing);
    if let Some(damage) = &document.damage {
        let kept = match &input {
            Input::Items { known, rest } => format!("; the {} items before the damage count", known + rest.len()),
            _ => String::new(),
        };
        let message = format!("{reference} cannot be read to its end: {damage}{kept}");
        cx.report.payload(DiagnosticCode::PayloadUnreadable, payload, &[], message);
    }
    match input {
        Input::Items { known, rest } => Some((known, rest)),
        Input::Text(text) => {
            let message = format!("{reference}: the request's input is a string; it counts as one message of the user");
            cx.report.payload(DiagnosticCode::UnknownValue, payload, &[], message);
            let fields = [("type", "message"), ("role", "user"), ("content", text.as_str())];
            let message = fields.map(|(key, value)| (Cow::from(key), Json::String(Cow::Owned(value.to_owned()))));
            Some((0, vec![Json::Object(message.into_iter().collect())]))
        }
        Input::Missing if document.damage.is_some() => None,
        Input::Missing | Input::Other => {
            cx.report_malformed(reference, "the request's input is not an array; its items are lost");
            None
        }
    }
}

/// Returns the response that the request's input follows, or `None` for a full request.
///
/// Source: bundle 1, section 5.2; bundle 2, section 2.8.
fn previous_response(
    event: &InferenceStarted,
    document: &RequestDocument<'_>,
    version: SchemaVersion,
) -> Option<ResponseId> {
    match &event.request_input_mode {
        Some(RequestInputMode::FullSnapshot) if version == SchemaVersion::V1 => None,
        Some(
            RequestInputMode::Incremental { previous_response_id }
            | RequestInputMode::IncrementalWithUntracedPrefix { previous_response_id, .. },
        ) if version == SchemaVersion::V1 => Some(previous_response_id.clone()),
        _ => document.previous_response_id.as_deref().map(ResponseId::from),
    }
}

/// Returns the payload with the items that precede the request's input and that no traced request showed, if the event
/// names one.
///
/// Source: reduction, section 5.7.
fn untraced_prefix(event: &InferenceStarted, version: SchemaVersion) -> Option<&PayloadRef> {
    match &event.request_input_mode {
        Some(RequestInputMode::IncrementalWithUntracedPrefix { prefix_payload, .. })
            if version == SchemaVersion::V1 =>
        {
            Some(prefix_payload)
        }
        _ => None,
    }
}

/// Reads the sightings in a document that is an array of model items or holds one.
fn prefix_document(cx: &mut Context<'_>, reference: &PayloadRef, origin: &Origin<'_>) -> Option<Vec<Sighting>> {
    let mut buffer = PayloadBuffer::default();
    let document = cx.read(reference, &mut buffer)?;
    let names = ["input", "input_items", "items"];
    let items = document.as_array().or_else(|| names.iter().find_map(|name| document.get(name)?.as_array()));
    let Some(items) = items else {
        cx.report_malformed(reference, "the document has no array of model items; its items are lost");
        return None;
    };
    Some(items.iter().filter_map(|item| normalize(item, origin.payload, cx.version)).collect())
}

/// Returns the conversation up to and including a response, or `None` if the thread never received the response.
///
/// Source: reduction, section 5.7.
fn prefix_of_response(
    responses: &Responses,
    cx: &mut Context<'_>,
    event: &InferenceStarted,
    previous: ResponseId,
) -> Option<Vec<ItemId>> {
    let key = (event.thread_id.clone(), previous);
    let Some(first) = responses.get(&key).and_then(|calls| calls.first()) else {
        let (_, previous) = key;
        let message = format!(
            "inference call {} continues response {previous}, which its thread never received; the items \
             before its input are unknown",
            event.inference_call_id
        );
        let code = DiagnosticCode::UnknownPreviousResponse;
        cx.report.event(code, &[&event.inference_call_id, &previous], message);
        return None;
    };
    let call = &cx.graph.inference_calls[first];
    Some(call.request_item_ids.iter().chain(&call.response_item_ids).copied().collect())
}

/// Ends a call, unless it has ended already, and returns it.
///
/// Source: reduction, section 7.4.
fn end<'a>(cx: &'a mut Context<'_>, id: &InferenceCallId, status: ExecutionStatus) -> &'a mut InferenceCall {
    let call = cx.graph.object_mut(id);
    if call.execution.is_running() {
        call.execution.end(cx.at.time, cx.at.seq, status);
    }
    call
}

/// Adds a call whose start is lost, with what is known about it.
fn add_unstarted(cx: &mut Context<'_>, id: &InferenceCallId) {
    let message = format!("inference call {id} was never started; it is in the graph with what is known about it");
    cx.report.event(DiagnosticCode::UnknownInferenceCall, &[id], message);
    let thread = turns::thread_of_event(cx, id);
    let execution = Execution { start_unobserved: true, ..Execution::started(cx.at.time, cx.at.seq) };
    cx.graph.insert(id, new_call(id, &thread, cx.at.turn.as_ref(), execution));
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
