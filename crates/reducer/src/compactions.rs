//! Compactions.
//!
//! Source: reduction, section 8.

use std::collections::BTreeSet;

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{Compaction, CompactionRequest, DiagnosticCode, Execution};
use rollout_trace_schema::{
    CompactionId, CompactionInstalled, CompactionRequestCompleted, CompactionRequestFailed, CompactionRequestId,
    CompactionRequestStarted, ExecutionStatus, PayloadRef,
};

use crate::{
    context::Context,
    conversation::Conversations,
    documents::Document,
    item::{Shown, Sighting, sightings},
    json::Json,
    links::Links,
    map::HashMap,
    origin::{Appearance, Origin},
    threads, turns,
};

/// What is remembered about compactions beyond the graph.
#[derive(Debug, Default)]
pub(crate) struct Compactions {
    /// The requests for each compaction, whether or not it was installed.
    requests: HashMap<CompactionId, BTreeSet<CompactionRequestId>>,
}

impl Compactions {
    pub(crate) fn request_started(&mut self, cx: &mut Context<'_>, event: &CompactionRequestStarted) {
        let id = &event.compaction_request_id;
        let known = cx.graph.compaction_requests.get(id);
        if known.is_some_and(|request| !request.execution.start_unobserved) {
            let message = format!("compaction request {id} starts a second time; the first start counts");
            cx.report.event(DiagnosticCode::DuplicateStart, &[id], message);
            return;
        }
        turns::ensure_known(cx, &event.codex_turn_id, &event.thread_id);
        threads::ensure_known(cx, &event.thread_id);
        let mut request = CompactionRequest {
            compaction_request_id: id.clone(),
            compaction_id: event.compaction_id.clone(),
            thread_id: event.thread_id.clone(),
            codex_turn_id: Some(event.codex_turn_id.clone()),
            execution: Execution::started(cx.at.time, cx.at.seq),
            model: event.model.clone(),
            provider_name: event.provider_name.clone(),
            raw_request_payload_id: Some(event.request_payload.raw_payload_id.clone()),
            raw_response_payload_id: None,
            error: None,
        };
        if let Some(known) = cx.graph.remove(id) {
            request.execution = known.execution;
            request.execution.start(cx.at.time, cx.at.seq);
            request.raw_response_payload_id = known.raw_response_payload_id;
            request.error = known.error;
        }
        self.add_request(cx, request);
    }

    pub(crate) fn request_completed(&mut self, cx: &mut Context<'_>, event: &CompactionRequestCompleted) {
        let (time, seq) = (cx.at.time, cx.at.seq);
        let request = self.ensure_request(cx, &event.compaction_id, &event.compaction_request_id);
        request.execution.end(time, seq, ExecutionStatus::Completed);
        request.raw_response_payload_id = Some(event.response_payload.raw_payload_id.clone());
    }

    pub(crate) fn request_failed(&mut self, cx: &mut Context<'_>, event: &CompactionRequestFailed) {
        let (time, seq) = (cx.at.time, cx.at.seq);
        let request = self.ensure_request(cx, &event.compaction_id, &event.compaction_request_id);
        request.execution.end(time, seq, ExecutionStatus::Failed);
        request.error = Some(event.error.clone());
    }

    /// Returns the request. If its start is lost, adds it with what is known about it.
    fn ensure_request<'a>(
        &mut self,
        cx: &'a mut Context<'_>,
        compaction: &CompactionId,
        id: &CompactionRequestId,
    ) -> &'a mut CompactionRequest {
        if !cx.graph.compaction_requests.contains_key(id) {
            let message =
                format!("compaction request {id} was never started; it is in the graph with what is known about it");
            cx.report.event(DiagnosticCode::UnknownCompactionRequest, &[id], message);
            let thread_id = turns::thread_of_event(cx, id);
            let request = CompactionRequest {
                compaction_request_id: id.clone(),
                compaction_id: compaction.clone(),
                thread_id,
                codex_turn_id: cx.at.turn.clone(),
                execution: Execution { start_unobserved: true, ..Execution::started(cx.at.time, cx.at.seq) },
                model: String::new(),
                provider_name: String::new(),
                raw_request_payload_id: None,
                raw_response_payload_id: None,
                error: None,
            };
            self.add_request(cx, request);
        }
        cx.graph.object_mut(id)
    }

    fn add_request(&mut self, cx: &mut Context<'_>, request: CompactionRequest) {
        let id = request.compaction_request_id.clone();
        if let Some(compaction) = cx.graph.get_mut(&request.compaction_id)
            && let Err(place) = compaction.request_ids.binary_search(&id)
        {
            compaction.request_ids.insert(place, id.clone());
        }
        self.requests.entry(request.compaction_id.clone()).or_default().insert(id.clone());
        cx.graph.insert(&id, request);
    }

    /// Replaces the history of a thread.
    ///
    /// Source: reduction, section 8.2.
    pub(crate) fn installed(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &mut Conversations,
        links: &mut Links,
        event: &CompactionInstalled,
    ) {
        let id = &event.compaction_id;
        if cx.graph.compactions.contains_key(id) {
            let message = format!("compaction {id} is installed a second time; the first installation counts");
            cx.report.event(DiagnosticCode::DuplicateStart, &[id], message);
            return;
        }
        let thread = turns::thread_of_event(cx, id);
        if cx.at.turn.is_none() {
            let message = format!("compaction {id} was installed, but the event names no turn");
            cx.report.event(DiagnosticCode::UnknownTurn, &[id], message);
        }
        let reference = &event.checkpoint_payload;
        let mut buffer = PayloadBuffer::default();
        let document = cx.read_items(reference, &mut buffer);
        let turn = cx.at.turn.as_ref();
        let origin =
            Origin { thread: &thread, turn, payload: &reference.raw_payload_id, appearance: Appearance::Shown };
        let document = document.as_ref();
        let history = |cx: &mut Context<'_>, name: &str| {
            let (values, sightings) = history(cx, reference, document?, name)?;
            cx.may_add(reference, &origin, &sightings).then_some((values, sightings))
        };

        let mut pass = conversations.pass(cx, links, &origin);
        let (values, input) = history(pass.cx, "input_history").unwrap_or_default();
        let input_item_ids = pass.compacted(input);
        pass.cx.report_items(origin.payload, input_item_ids.iter().copied(), values);
        let marker_item_id = pass.compaction_marker(id);
        let replacement = history(pass.cx, "replacement_history");
        let replacement = replacement.or_else(|| pass.cx.rules.lost_checkpoints_are_empty().then(Default::default));
        let (values, replacement) = replacement.unzip();
        let replacement_item_ids = replacement.map(|sightings| pass.replacement(id, sightings)).unwrap_or_default();
        pass.cx.report_items(origin.payload, replacement_item_ids.iter().copied(), values.unwrap_or_default());
        conversations.sightings.note_seen(input_item_ids.iter().copied(), cx.at.seq);
        cx.documents.growth.add_list(input_item_ids.len() + replacement_item_ids.len());
        let compaction = Compaction {
            compaction_id: id.clone(),
            codex_turn_id: turn.cloned(),
            installed_at_unix_ms: cx.at.time,
            marker_item_id,
            request_ids: self.requests.get(id).into_iter().flatten().cloned().collect(),
            input_item_ids,
            replacement_item_ids,
            thread_id: thread,
            installed_seq: cx.at.seq,
            raw_checkpoint_payload_id: Some(reference.raw_payload_id.clone()),
            evidence: cx.at.evidence.clone(),
            evidence_source: cx.at.source,
        };
        cx.graph.insert(id, compaction);
    }
}

/// The values of a list that are items of a conversation, and their sightings.
type History<'a> = (Vec<&'a Json<'a>>, Vec<Sighting>);

/// Reads one of the two histories of a checkpoint.
fn history<'a>(
    cx: &mut Context<'_>,
    reference: &PayloadRef,
    document: &'a Document<'a>,
    name: &str,
) -> Option<History<'a>> {
    let Some(items) = document.get(name).and_then(Json::as_array) else {
        cx.report_malformed(reference, &format!("the checkpoint has no array {name}; its items are lost"));
        return None;
    };
    let shown = Shown::new(reference, document.missing_parts(), cx.rules);
    Some(sightings(items, &shown))
}
