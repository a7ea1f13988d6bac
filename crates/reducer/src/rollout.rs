//! The rollout as a whole.
//!
//! Source: reduction, section 3.1.

use rollout_trace_model::{DiagnosticCode, RecordingStatus};
use rollout_trace_schema::{EventPayload, PayloadRef, RolloutEnded, RolloutId, RolloutStarted};

use crate::{
    context::Context,
    graph::Graph,
    rules::{Completeness, Rules},
};

/// What is remembered about the rollout beyond the graph.
#[derive(Debug)]
pub(crate) struct Rollout {
    is_started: bool,
    start_is_known: bool,
    /// Whether the last event is an end marker whose line ends in a newline.
    ends_in_marker: bool,
    /// Whether anything followed an end marker.
    goes_on_after_marker: bool,
    /// Whether a reference says that a document, or a part of one, is missing.
    is_partial: bool,
}

impl Rollout {
    pub(crate) fn new(start_is_known: bool) -> Self {
        Self {
            is_started: false,
            start_is_known,
            ends_in_marker: false,
            goes_on_after_marker: false,
            is_partial: false,
        }
    }

    /// Sets in the graph whether the recording is whole.
    ///
    /// Source: reduction, section 13.1; bundle 3, section 4.1.
    pub(crate) fn set_completeness(&self, graph: &mut Graph, rules: Rules) {
        let is_closed = self.ends_in_marker && !self.goes_on_after_marker;
        let (flag, status) = match (rules.completeness(), is_closed) {
            (Completeness::Unstated, _) => (None, None),
            (Completeness::Flag, _) => (Some(is_closed), None),
            (Completeness::Status, false) => (None, Some(RecordingStatus::Unclosed)),
            (Completeness::Status, true) if !self.is_partial => (None, Some(RecordingStatus::Complete)),
            (Completeness::Status, true) => (None, Some(RecordingStatus::ClosedWithPartialPayloads)),
        };
        if (graph.recording_complete, graph.recording_status) != (flag, status) {
            let trace = graph.rollout_mut();
            trace.recording_complete = flag;
            trace.recording_status = status;
        }
    }

    /// Remembers whether a reference says that documents, or parts of them, are missing.
    pub(crate) fn note_reference(&mut self, reference: &PayloadRef) {
        self.is_partial = self.is_partial || reference.is_partial();
    }

    /// Remembers whether this event, the last so far, ends the log.
    pub(crate) fn note_last(&mut self, payload: &EventPayload, newline_terminated: bool) {
        self.ends_in_marker = matches!(payload, EventPayload::RecordingCompleted(_)) && newline_terminated;
    }

    /// Remembers that the log continues after an end marker.
    pub(crate) fn note_after_marker(&mut self) {
        self.goes_on_after_marker = true;
    }

    /// Takes from the envelope what the manifest should have said.
    pub(crate) fn note_envelope(&mut self, cx: &mut Context<'_>, rollout_id: &RolloutId) {
        if !self.start_is_known {
            self.start_is_known = true;
            cx.graph.rollout_mut().started_at_unix_ms = cx.at.time;
        }
        if cx.graph.rollout_id.is_empty() {
            cx.graph.rollout_mut().rollout_id = rollout_id.clone();
        } else if cx.graph.rollout_id != *rollout_id {
            let message = format!(
                "the event belongs to rollout {rollout_id}, but the bundle to {}; the event counts anyway",
                cx.graph.rollout_id
            );
            cx.report.once(DiagnosticCode::RolloutMismatch, rollout_id, message);
        }
    }

    pub(crate) fn started(&mut self, cx: &mut Context<'_>, event: &RolloutStarted) {
        if self.is_started {
            let message = "the rollout starts a second time; the first start counts";
            cx.report.event(DiagnosticCode::DuplicateStart, &[&event.trace_id], message);
            return;
        }
        self.is_started = true;
        let differs = |own: &str, new: &str| !own.is_empty() && own != new;
        if differs(&cx.graph.trace_id, &event.trace_id) || differs(&cx.graph.root_thread_id, &event.root_thread_id) {
            let message = "rollout_started and the manifest name different ids; those of rollout_started count";
            cx.report.event(DiagnosticCode::ManifestMismatch, &[&event.trace_id, &event.root_thread_id], message);
        }
        let trace = cx.graph.rollout_mut();
        trace.trace_id = event.trace_id.clone();
        trace.root_thread_id = event.root_thread_id.clone();
    }

    pub(crate) fn ended(&mut self, cx: &mut Context<'_>, event: &RolloutEnded) {
        if cx.graph.ended_at_unix_ms.is_some() {
            let message = "the rollout ends a second time; the later end counts";
            cx.report.event(DiagnosticCode::RepeatedEnd, &[&cx.graph.rollout_id], message);
        }
        let trace = cx.graph.rollout_mut();
        trace.ended_at_unix_ms = Some(cx.at.time);
        trace.status = event.status.clone();
    }
}
