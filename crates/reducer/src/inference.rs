//! Requests to the model and their answers.
//!
//! Source: reduction, section 7.

use std::{borrow::Cow, collections::BTreeSet, fmt::Display};

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{DiagnosticCode, Execution, InferenceCall, ItemId, ItemRuns, MessageIndexes, Role};
use rollout_trace_schema::{
    CodexTurnEnded, CodexTurnId, ExecutionStatus, InferenceCallId, InferenceCancelled, InferenceCompleted,
    InferenceFailed, InferenceStarted, PayloadRef, RawPayloadId, RequestInputMode, ResponseId, ThreadEnded, ThreadId,
    UpstreamRequestId,
};

use crate::{
    client_compactions::ClientCompactions,
    context::Context,
    conversation::{Before, Conversations, Prefix},
    conversation_tools::{self, ConversationTools},
    documents,
    item::{Shown, Sighting, sightings},
    json::Json,
    links::Links,
    map::{HashMap, HashSet},
    observer::ReadRequest,
    origin::{Appearance, Origin},
    readers::Readers,
    request::{Input, RequestDocument},
    rules::Rules,
    threads, turns,
    wire::{self, Outcome, RequestShape, Wire},
};

/// What is remembered about inference calls beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Inference {
    /// The calls of each turn. Those that are still running when it ends are ended with it.
    open_calls: HashMap<CodexTurnId, Vec<InferenceCallId>>,
    responses: Responses,
    readers: Readers,
    /// The calls whose requests offer no tools, if tools and agents are not observed otherwise.
    pub(crate) without_tools: HashSet<InferenceCallId>,
    client_compactions: ClientCompactions,
}

/// The calls of a thread that got each response, in the order of their ids.
type Responses = HashMap<(ThreadId, ResponseId), BTreeSet<InferenceCallId>>;

/// A request that was read.
#[derive(Default)]
struct Request {
    items: ItemRuns,
    /// The call that it continues, whose request and response it begins with.
    continues: Option<InferenceCallId>,
    message_indexes: MessageIndexes,
    /// Whether it offers tools to the model.
    has_tools: bool,
}

/// How the sightings in a request relate to the conversation.
struct Settling {
    /// The number of leading items that are those of the previous request.
    known: usize,
    /// The response that it continues.
    previous: Option<ResponseId>,
    is_damaged: bool,
}

/// The items that a request shows.
enum Settled {
    /// It shows the whole conversation.
    Whole(Vec<ItemId>),
    /// It continues a response, which is that of a call unless no request showed what is before it.
    Continued(ItemRuns, Option<InferenceCallId>),
}

/// What an event says about a call's response.
struct Answer<'a> {
    call: &'a InferenceCallId,
    payload: Option<&'a PayloadRef>,
    response_id: Option<&'a ResponseId>,
    upstream_request_id: Option<&'a UpstreamRequestId>,
}

impl<'a> Answer<'a> {
    /// Returns what arrived before a call failed or was canceled.
    fn partial(
        call: &'a InferenceCallId,
        payload: &'a Option<PayloadRef>,
        upstream_request_id: &'a Option<UpstreamRequestId>,
    ) -> Self {
        let (payload, upstream_request_id) = (payload.as_ref(), upstream_request_id.as_ref());
        Self { call, payload, response_id: None, upstream_request_id }
    }
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
            let execution = Execution::started(time, seq);
            let mut call = new_call(id, &event.thread_id, Some(&event.codex_turn_id), execution);
            (call.evidence, call.evidence_source) = (cx.at.evidence.clone(), cx.at.source);
            cx.graph.insert(id, call);
            self.open_calls.entry(event.codex_turn_id.clone()).or_default().push(id.clone());
        }
        let call = cx.graph.object_mut(id);
        call.execution.start(time, seq);
        let started = call.execution.started_seq;
        call.model = event.model.clone();
        call.provider_name = event.provider_name.clone();
        call.wire_api = event.wire_api.clone();
        call.raw_request_payload_id = Some(event.request_payload.raw_payload_id.clone());
        call.prepared_prompt_payload_id =
            event.prepared_prompt_payload.as_ref().map(|reference| reference.raw_payload_id.clone());
        cx.report_named(Some(&event.request_payload), Some(started));
        if untraced_prefix(event, cx.rules).is_some()
            && let Some(observer) = &mut cx.observer
        {
            observer.prefix_untraced(id);
        }
        let wire = Wire::of(event.wire_api.as_ref());
        let request = if let (Wire::Unknown, Some(api)) = (wire, &event.wire_api) {
            let message = format!(
                "inference call {id} uses the unknown API {:?}; its request and its response are one item each",
                api.as_str()
            );
            cx.report.event(DiagnosticCode::UnknownValue, &[id], message);
            read_unknown_request(cx, conversations, links, event)
        } else {
            self.read_request(cx, conversations, links, event)
        };
        let overtakes = request.is_some() || cx.rules.responses_replace_snapshots();
        conversations.note_call(&event.thread_id, id, overtakes);
        let Request { items, continues, message_indexes, has_tools } = request.unwrap_or_default();
        cx.documents.growth.add_runs(items.own_runs() + message_indexes.own_runs());
        let call = cx.graph.object_mut(id);
        call.request_item_ids = items;
        call.request_message_indexes = message_indexes;
        if cx.rules.tools_are_unobserved() && !has_tools {
            self.without_tools.insert(id.clone());
        }
        conversations.sightings.note_call(cx.graph, id);
        conversations.sightings.note_request(cx.graph, id, continues.as_ref());
        self.readers.note_use(&event.thread_id, seq);
    }

    /// Returns the items that the request shows, or `None` if it is lost.
    fn read_request(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &InferenceStarted,
    ) -> Option<Request> {
        let thread = &event.thread_id;
        let reference = event.warmup_context_payload.as_ref().unwrap_or(&event.request_payload);
        cx.documents.note(reference);
        if reference.is_missing() || !cx.may_grow(reference) {
            return None;
        }
        if event.warmup_context_payload.is_some() && !event.request_payload.is_missing() {
            // Nothing is read from the request, but the next one may continue it, if all of it is there.
            cx.documents.check(&event.request_payload, cx.payloads, cx.report);
        }
        let max_nesting = cx.documents.max_nesting();
        if !event.stripped_tool_output_ids.is_empty() {
            // The next request is compared with the bytes of this one, which lack the ids.
            self.readers.forget(thread);
        }
        let wire = Wire::of(event.wire_api.as_ref());
        let shape = wire.request_shape();
        let reader = self.readers.reader(thread);
        let shared = if reader.holds_request() { reader.shared_items(conversations.live_items(thread)) } else { 0 };
        let mut document = match reader.read((reference, shape), cx.payloads, max_nesting, shared) {
            Ok(document) => document,
            Err(error) => {
                cx.documents.note_partial(&reference.raw_payload_id);
                documents::report_lost(cx.report, reference, &error);
                return None;
            }
        };
        if document.damage.is_some() || !document.missing_parts.is_empty() {
            cx.documents.note_partial(&reference.raw_payload_id);
        }
        let Some((known, mut rest)) = request_input(cx, reference, shape, &mut document) else {
            report_request(cx, event, &document, (0, &[]));
            return None;
        };
        restore_ids(cx, event, &mut rest);
        let origin = Origin {
            thread,
            turn: Some(&event.codex_turn_id),
            payload: &reference.raw_payload_id,
            appearance: Appearance::Shown,
        };
        let shown = Shown::new(reference, document.missing_parts, cx.rules);
        let mut counts = Vec::with_capacity(rest.len());
        let mut shown_items = Vec::with_capacity(rest.len());
        for element in &rest {
            let before = shown_items.len();
            wire.message(element, &shown, &mut shown_items);
            counts.push(shown_items.len() - before);
        }
        let (sightings, values): (Vec<_>, Vec<_>) = shown_items.into_iter().unzip();
        let is_room = cx.may_add(reference, &origin, &sightings);
        report_request(cx, event, &document, (if is_room { known + sightings.len() } else { 0 }, &rest));
        if !is_room {
            return None;
        }
        let layout = document.layout.take();
        let has_tools = document.has_tools || rest.iter().any(offers_tools);
        let is_observed = cx.has_observer();
        let settling = Settling {
            known,
            previous: previous_response(event, &document, cx.rules).filter(|_| wire == Wire::Responses),
            is_damaged: document.damage.is_some(),
        };
        let responses = &self.responses;
        let settle = |values: Vec<&Json<'_>>| {
            let context = (event, &origin);
            settle_request(responses, cx, (conversations, links), context, (settling, sightings), values)
        };
        let settled = if is_observed {
            settle(values)
        } else {
            // A request of many small items takes much more memory than its text.
            drop(values);
            drop(rest);
            settle(Vec::new())
        };
        let items = match settled {
            Settled::Whole(items) => items,
            Settled::Continued(items, continues) => {
                if cx.rules.tools_are_unobserved() {
                    let own: Vec<_> = items.skip(items.len() - counts.iter().sum::<usize>()).collect();
                    conversation_tools::note_outputs(cx, conversations, &own);
                }
                return Some(Request { items, continues, has_tools, ..Request::default() });
            }
        };
        if cx.rules.tools_are_unobserved() {
            conversation_tools::note_outputs(cx, conversations, &items[known..]);
            self.client_compactions.note_request(cx, event, &items);
        }
        let message_indexes = match wire {
            Wire::Responses | Wire::Unknown => MessageIndexes::default(),
            _ => reader.message_indexes(known, &counts),
        };
        if let Some(layout) = layout.filter(|_| event.stripped_tool_output_ids.is_empty()) {
            let stable = conversations.stable_prefix(&items);
            reader.remember((layout, shape), &counts, (&items, &message_indexes), stable);
        }
        Some(Request { items: items.into_iter().collect(), continues: None, message_indexes, has_tools })
    }

    pub(crate) fn completed(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        (links, tools): (&mut Links, &mut ConversationTools),
        event: &InferenceCompleted,
    ) {
        let answer = Answer {
            call: &event.inference_call_id,
            payload: Some(&event.response_payload),
            response_id: event.response_id.as_ref(),
            upstream_request_id: event.upstream_request_id.as_ref(),
        };
        self.answered(cx, conversations, (links, tools), &answer);
        end(cx, answer.call, ExecutionStatus::Completed);
    }

    pub(crate) fn failed(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        (links, tools): (&mut Links, &mut ConversationTools),
        event: &InferenceFailed,
    ) {
        let id = &event.inference_call_id;
        let answer = Answer::partial(id, &event.partial_response_payload, &event.upstream_request_id);
        self.answered(cx, conversations, (links, tools), &answer);
        end(cx, id, ExecutionStatus::Failed).error = Some(event.error.clone());
    }

    pub(crate) fn cancelled(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        (links, tools): (&mut Links, &mut ConversationTools),
        event: &InferenceCancelled,
    ) {
        let id = &event.inference_call_id;
        let answer = Answer::partial(id, &event.partial_response_payload, &event.upstream_request_id);
        self.answered(cx, conversations, (links, tools), &answer);
        end(cx, id, ExecutionStatus::Cancelled).cancel_reason = Some(event.reason.clone());
    }

    /// Applies what an event says about a call's response, whole or partial.
    fn answered(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        (links, tools): (&mut Links, &mut ConversationTools),
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
        call.raw_response_payload_id = answer.payload.map(|reference| reference.raw_payload_id.clone());
        call.response_seq = answer.payload.map(|_| cx.at.seq);
        let older = std::mem::replace(&mut call.response_id, answer.response_id.cloned());
        if let Some(calls) = older.and_then(|older| self.responses.get_mut(&(thread.clone(), older))) {
            calls.remove(id);
        }
        if let Some(response_id) = answer.response_id {
            self.responses.entry((thread.clone(), response_id.clone())).or_default().insert(id.clone());
        }
        let Some(reference) = answer.payload else { return };
        let mut buffer = PayloadBuffer::default();
        let Some(document) = cx.read_items(reference, &mut buffer) else { return };
        if let Some(observer) = &mut cx.observer
            && document.is_object()
        {
            observer.response_read(id);
        }
        let wire = Wire::of(cx.graph.inference_calls[id].wire_api.as_ref());
        let Outcome { usage, finish_reason } = wire.outcome(cx, reference, &document);
        let call = cx.graph.object_mut(id);
        call.usage = usage.or(call.usage);
        call.finish_reason = finish_reason.or(call.finish_reason.take());
        let origin = Origin {
            thread: &thread,
            turn: turn.as_ref(),
            payload: &reference.raw_payload_id,
            appearance: Appearance::Answered(id),
        };
        let shown = Shown::new(reference, document.missing_parts(), cx.rules);
        let Some(items) = wire.answer(&document, &shown) else {
            cx.report_malformed(reference, &format!("the response has no {}; its items are lost", wire.answer_list()));
            return;
        };
        let (sightings, values): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        if !cx.may_add(reference, &origin, &sightings) {
            return;
        }
        let items = conversations.pass(cx, links, &origin).response(id, sightings);
        cx.documents.growth.add_list(items.len());
        cx.report_items(origin.payload, items.iter().copied(), values);
        conversations.sightings.note_shown(cx.graph, id, items.iter().copied());
        conversations.sightings.note_seen(items.iter().copied(), cx.at.seq);
        let older = std::mem::replace(&mut cx.graph.object_mut(id).response_item_ids, items);
        if !older.is_empty() {
            links.calls.forget_response(id);
            let ids: Vec<_> = older.iter().map(|item| item as &dyn Display).chain([id as &dyn Display]).collect();
            let message = format!(
                "inference call {id} is answered a second time; the later answer counts, and the items of both stay"
            );
            cx.report.event(DiagnosticCode::RepeatedEnd, &ids, message);
        }
        if cx.rules.tools_are_unobserved() {
            self.client_compactions.note_answer(cx.graph, id);
            tools.requested(cx, conversations, links, id);
            let items = cx.graph.inference_calls[id].response_item_ids.clone();
            conversation_tools::note_outputs(cx, conversations, &items);
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

    /// Frees the request that was kept for reading the thread's next one.
    pub(crate) fn end_of_thread(&mut self, event: &ThreadEnded) {
        self.readers.forget(&event.thread_id);
    }
}

/// Tells the observer of a request, if it was read to its end, with the number of its items and the elements that were
/// parsed.
fn report_request(
    cx: &mut Context<'_>,
    event: &InferenceStarted,
    document: &RequestDocument<'_>,
    (items, elements): (usize, &[Json<'_>]),
) {
    let max_nesting = cx.documents.max_nesting();
    let Some(observer) = &mut cx.observer else { return };
    if document.damage.is_some() {
        return;
    }
    let text = match document.replaced_bytes {
        true => Cow::Owned(String::from_utf8_lossy(document.text).into_owned().into_bytes()),
        false => Cow::Borrowed(document.text),
    };
    observer.request_read(&ReadRequest {
        call: &event.inference_call_id,
        thread: &event.thread_id,
        text,
        input: document.input_range(),
        shared_elements: document.shared_elements,
        items,
        elements,
        max_nesting,
    });
}

/// Finds out which items the sightings in a request belong to. `values` are the items as the request has them, if there is
/// an observer.
fn settle_request(
    responses: &Responses,
    cx: &mut Context<'_>,
    (conversations, links): (&mut Conversations, &mut Links),
    (event, origin): (&InferenceStarted, &Origin<'_>),
    (settling, sightings): (Settling, Vec<Sighting>),
    values: Vec<&Json<'_>>,
) -> Settled {
    let Settling { known, previous, is_damaged } = settling;
    let Some(previous) = previous else {
        let mut pass = conversations.pass(cx, links, origin);
        let items = if is_damaged { pass.damaged_request(known, sightings) } else { pass.request(known, sightings) };
        cx.report_items(origin.payload, items[known..].iter().copied(), values);
        return Settled::Whole(items);
    };
    let prefix = match untraced_prefix(event, cx.rules) {
        Some(prefix) => {
            let origin = Origin { payload: &prefix.raw_payload_id, ..origin.clone() };
            match prefix_items(cx, conversations, links, prefix, &origin) {
                Some(items) => Prefix::Known(Before { items: items.into_iter().collect(), call: None }),
                None => Prefix::Unknown,
            }
        }
        None => prefix_of_response(responses, cx, event, previous),
    };
    let continues = match &prefix {
        Prefix::Known(before) | Prefix::Partial(before) => before.call.clone(),
        Prefix::Unknown => None,
    };
    let own_items = sightings.len();
    let items = conversations.pass(cx, links, origin).delta(prefix, sightings);
    cx.report_items(origin.payload, items.skip(items.len() - own_items), values);
    Settled::Continued(items, continues)
}

/// Returns whether an element of a request offers tools to the model, as those of Codex do for some models.
fn offers_tools(element: &Json<'_>) -> bool {
    let tools = || element.get("tools").and_then(Json::as_array);
    element.text("type") == Some("additional_tools") && tools().is_some_and(|tools| !tools.is_empty())
}

/// Reads a request's input. Returns the number of leading items that are known from the previous request, and the
/// remaining items; or `None` if the input is lost.
///
/// Source: reduction, section 14.6.
fn request_input<'a>(
    cx: &mut Context<'_>,
    reference: &PayloadRef,
    shape: RequestShape,
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
            Input::Items { known, rest } if cx.rules.broken_requests_count() => {
                format!("; the {} items before the damage count", known + rest.len())
            }
            _ => String::new(),
        };
        let message = format!("{reference} cannot be read to its end: {damage}{kept}");
        cx.report.payload(DiagnosticCode::PayloadUnreadable, payload, &[], message);
    }
    match input {
        _ if document.damage.is_some() && !cx.rules.broken_requests_count() => None,
        Input::Items { known, rest } => Some((known, rest)),
        Input::Text(text) => {
            let list = shape.list;
            let message =
                format!("{reference}: the request's {list} is a string; it counts as one message of the user");
            cx.report.payload(DiagnosticCode::UnknownValue, payload, &[], message);
            let fields = [("type", "message"), ("role", "user"), ("content", text.as_str())];
            let message = fields.map(|(key, value)| (Cow::from(key), Json::String(Cow::Owned(value.to_owned()))));
            Some((0, vec![Json::Object(message.into_iter().collect())]))
        }
        Input::Missing if document.damage.is_some() => None,
        Input::Missing | Input::Other => {
            let list = shape.list;
            cx.report_malformed(reference, &format!("the request's {list} is not an array; its items are lost"));
            None
        }
    }
}

/// Reads a request of an unknown API, which is one item.
///
/// Source: wires, section 1.1.
fn read_unknown_request(
    cx: &mut Context<'_>,
    conversations: &mut Conversations,
    links: &mut Links,
    event: &InferenceStarted,
) -> Option<Request> {
    let reference = &event.request_payload;
    let mut buffer = PayloadBuffer::default();
    let document = cx.read_items(reference, &mut buffer)?;
    let payload = &reference.raw_payload_id;
    let turn = Some(&event.codex_turn_id);
    let origin = Origin { thread: &event.thread_id, turn, payload, appearance: Appearance::Shown };
    let shown = Shown::new(reference, document.missing_parts(), cx.rules);
    let (sighting, value) = wire::whole(&document, Role::User, &shown);
    if !cx.may_add(reference, &origin, std::slice::from_ref(&sighting)) {
        return None;
    }
    let items = conversations.pass(cx, links, &origin).request(0, vec![sighting]);
    cx.report_items(payload, items.iter().copied(), [value]);
    Some(Request { items: items.into_iter().collect(), ..Request::default() })
}

/// Returns the id of the response that an incremental request continues, or `None` for a full request.
///
/// Source: bundle 1, section 5.2; bundle 2, section 2.8.
fn previous_response(event: &InferenceStarted, document: &RequestDocument<'_>, rules: Rules) -> Option<ResponseId> {
    match &event.request_input_mode {
        Some(RequestInputMode::FullSnapshot) if rules.input_mode_counts() => None,
        Some(
            RequestInputMode::Incremental { previous_response_id }
            | RequestInputMode::IncrementalWithUntracedPrefix { previous_response_id, .. },
        ) if rules.input_mode_counts() => Some(previous_response_id.clone()),
        _ => document.previous_response_id.as_deref().map(ResponseId::from),
    }
}

/// Returns the conversation up to and including a response.
///
/// Source: reduction, section 5.7; bundle 3, section 4.5.
fn prefix_of_response(
    responses: &Responses,
    cx: &mut Context<'_>,
    event: &InferenceStarted,
    previous: ResponseId,
) -> Prefix {
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
        return Prefix::Unknown;
    };
    let call = &cx.graph.inference_calls[first];
    let mut items = call.request_item_ids.clone();
    items.extend(call.response_item_ids.iter().copied());
    let before = Before { items, call: Some(first.clone()) };
    let evidence = call.raw_request_payload_id.iter().chain(&call.raw_response_payload_id);
    let is_partial = cx.rules.documents_may_be_partial() && { evidence }.any(|id| is_partial(cx, id));
    if is_partial { Prefix::Partial(before) } else { Prefix::Known(before) }
}

/// Returns the payload with the items before the request's input that no traced request showed, if the event names one.
///
/// Source: reduction, section 5.7.
fn untraced_prefix(event: &InferenceStarted, rules: Rules) -> Option<&PayloadRef> {
    match &event.request_input_mode {
        Some(RequestInputMode::IncrementalWithUntracedPrefix { prefix_payload, .. }) if rules.input_mode_counts() => {
            Some(prefix_payload)
        }
        _ => None,
    }
}

/// Returns whether a document, or a part of it, is missing by its reference or lost.
///
/// Source: bundle 3, sections 1.5 and 6.
fn is_partial(cx: &Context<'_>, id: &RawPayloadId) -> bool {
    cx.documents.is_partial(id) || cx.graph.raw_payloads.get(id).is_some_and(PayloadRef::is_partial)
}

/// Reads a document that is an array of model items or has one as a field, and returns its items.
fn prefix_items(
    cx: &mut Context<'_>,
    conversations: &mut Conversations,
    links: &mut Links,
    reference: &PayloadRef,
    origin: &Origin<'_>,
) -> Option<Vec<ItemId>> {
    let mut buffer = PayloadBuffer::default();
    let document = cx.read_items(reference, &mut buffer)?;
    let names = ["input", "input_items", "items"];
    let items = document.as_array().or_else(|| names.iter().find_map(|name| document.get(name)?.as_array()));
    let Some(values) = items else {
        cx.report_malformed(reference, "the document has no array of model items; its items are lost");
        return None;
    };
    let shown = Shown::new(reference, document.missing_parts(), cx.rules);
    let (values, sightings) = sightings(values, &shown);
    if !cx.may_add(reference, origin, &sightings) {
        return None;
    }
    let items = conversations.pass(cx, links, origin).request(0, sightings);
    cx.report_items(origin.payload, items.iter().copied(), values);
    Some(items)
}

/// Restores the ids that were stripped from the outputs in a request.
///
/// Source: bundle 3, section 4.5.
fn restore_ids(cx: &mut Context<'_>, event: &InferenceStarted, input: &mut [Json<'_>]) {
    for (index, id) in &event.stripped_tool_output_ids {
        let item = usize::try_from(*index).ok().and_then(|index| input.get_mut(index));
        let fits = |item: &&mut Json<'_>| {
            matches!(item.text("type"), Some("function_call_output" | "custom_tool_call_output"))
                && item.get("id").is_none()
        };
        match item.filter(fits) {
            Some(item) => item.insert("id", id.to_string()),
            None => {
                let message =
                    format!("input {index} is not a tool output without an id; the stripped id {id} is unused");
                cx.report.event(DiagnosticCode::StrippedIdMismatch, &[&event.inference_call_id, id], message);
            }
        }
    }
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
        request_item_ids: ItemRuns::default(),
        response_item_ids: Vec::new(),
        tool_call_ids_started_by_response: Vec::new(),
        usage: None,
        raw_request_payload_id: None,
        prepared_prompt_payload_id: None,
        raw_response_payload_id: None,
        response_seq: None,
        error: None,
        cancel_reason: None,
        wire_api: None,
        finish_reason: None,
        request_message_indexes: MessageIndexes::default(),
        evidence: None,
        evidence_source: None,
    }
}
