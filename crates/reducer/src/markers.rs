//! Evidence that the graph lists without interpreting it.
//!
//! Source: reduction, section 13.4.

use rollout_trace_evidence::PayloadBuffer;
use rollout_trace_model::{DiagnosticCode, Marker, MarkerKind};
use rollout_trace_schema::{
    EventPayload, Other, PayloadRef, ProtocolEventObserved,
    document::{RecorderReport, RecordingLoss},
};
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;

/// The type of the protocol events with which an import reports what is wrong with the files of a session.
const SOURCE_PROBLEM: &str = "rollout_trace.source_problem";

/// What an import reports about the files of a session.
#[derive(Deserialize)]
struct SourceProblem {
    code: String,
    file: u32,
    line: u64,
    message: String,
}

pub(crate) fn protocol_event(cx: &mut Context<'_>, event: &ProtocolEventObserved) {
    let marker = new_marker(cx, MarkerKind::ProtocolEvent, &event.event_type);
    add(cx, Marker { raw_payload_ids: vec![event.event_payload.raw_payload_id.clone()], ..marker });
    if event.event_type == SOURCE_PROBLEM {
        let mut buffer = PayloadBuffer::default();
        if cx.payloads.load(&event.event_payload, &mut buffer).is_ok() {
            report_source_problem(cx, buffer.bytes());
        }
    }
    if event.event_type == RecorderReport::LOSS {
        let mut buffer = PayloadBuffer::default();
        // Whatever is wrong with the document is reported when it is verified, as for every other document.
        let is_there = cx.payloads.load(&event.event_payload, &mut buffer).is_ok();
        report_loss(cx, is_there.then(|| serde_json::from_slice(buffer.bytes()).ok()).flatten());
    }
}

pub(crate) fn other(cx: &mut Context<'_>, event: &Other) {
    let marker = Marker {
        summary: Some(event.summary.clone()),
        raw_payload_ids: event.payloads.iter().map(|reference| reference.raw_payload_id.clone()).collect(),
        metadata: readable(event.metadata.clone()),
        ..new_marker(cx, MarkerKind::Other, &event.kind)
    };
    add(cx, marker);
    if event.kind == RecorderReport::LOSS {
        report_loss(cx, RecordingLoss::deserialize(&event.metadata).ok());
    }
}

/// Reports an event that is unknown or cannot be read, and keeps it as a marker, with its readable payload references.
pub(crate) fn unreadable(cx: &mut Context<'_>, payload: &EventPayload) {
    let EventPayload::Unknown(object) = payload else { return };
    let name = payload.type_name();
    match payload.misfit() {
        Some(reason) => {
            let message = format!("a {name} event cannot be read: {reason}; it is kept as a marker");
            cx.report.event(DiagnosticCode::MalformedEvent, &[&name], message);
        }
        None => {
            let name = if name.is_empty() { "(none)" } else { name };
            let message = format!("an event of the unknown type {name} is kept as a marker and not interpreted");
            cx.report.event(DiagnosticCode::UnknownEventType, &[&name], message);
        }
    }
    let references = object.values().filter_map(|value| serde_json::from_value::<PayloadRef>(value.clone()).ok());
    let mut raw_payload_ids = Vec::new();
    for reference in references {
        cx.verify(&reference);
        raw_payload_ids.push(reference.raw_payload_id.clone());
        let id = reference.raw_payload_id.clone();
        cx.graph.insert(&id, reference);
    }
    let metadata = readable(Value::Object(object.clone()));
    let marker = Marker { raw_payload_ids, metadata, ..new_marker(cx, MarkerKind::UnknownEvent, name) };
    add(cx, marker);
}

fn new_marker(cx: &Context<'_>, kind: MarkerKind, name: &str) -> Marker {
    Marker {
        seq: cx.at.seq,
        at_unix_ms: cx.at.time,
        codex_turn_id: cx.at.turn.clone(),
        kind,
        name: name.to_owned(),
        summary: None,
        raw_payload_ids: Vec::new(),
        metadata: Value::Null,
    }
}

/// Adds a marker to those of the event's thread, or of the rollout if the graph does not have the thread.
fn add(cx: &mut Context<'_>, marker: Marker) {
    if let Some(thread) = &cx.at.thread
        && let Some(thread) = cx.graph.get_mut(thread)
    {
        thread.markers.push(marker);
    } else {
        cx.graph.rollout_mut().markers.push(marker);
    }
}

/// Reports what an import found to be wrong. A code that this version does not know is left to its marker.
fn report_source_problem(cx: &mut Context<'_>, document: &[u8]) {
    let Ok(problem) = serde_json::from_slice::<SourceProblem>(document) else { return };
    let Some(code) = DiagnosticCode::from_text(&problem.code) else { return };
    let sources = cx.graph.evidence.as_ref().map(|evidence| &evidence.sources);
    let path = sources.and_then(|sources| Some(sources.get(problem.file as usize)?.path.clone()));
    let message = match (path, problem.line) {
        (None, _) => problem.message,
        (Some(path), 0) => format!("{path}: {}", problem.message),
        (Some(path), line) => format!("{path}:{line}: {}", problem.message),
    };
    cx.report.event(code, &[], message);
}

/// Reports a loss that the recorder recorded.
fn report_loss(cx: &mut Context<'_>, loss: Option<RecordingLoss>) {
    let message = match loss {
        Some(RecordingLoss { lost_events, lost_payloads, reasons }) => format!(
            "the recorder lost {} and {}: {}",
            count(lost_events, "event"),
            count(lost_payloads, "payload document"),
            reasons.join("; ")
        ),
        None => "the recorder lost something, but its report about the loss cannot be read".to_owned(),
    };
    cx.report.event(DiagnosticCode::RecordingLoss, &[], message);
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// How deep metadata may nest in a graph: JSON readers give up at 128 levels, of which the graph itself takes a few.
const READABLE_NESTING: usize = 100;

/// Returns metadata that any JSON reader can read: a value that nests deeper is replaced by its text.
fn readable(metadata: Value) -> Value {
    if nests_deeper(&metadata, READABLE_NESTING) { Value::String(metadata.to_string()) } else { metadata }
}

fn nests_deeper(value: &Value, levels: usize) -> bool {
    let mut children: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return false,
    };
    levels == 0 || children.any(|child| nests_deeper(child, levels - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_metadata_becomes_text() {
        let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        assert_eq!(readable(nested(100)), nested(100));
        assert_eq!(readable(nested(101)), Value::String(nested(101).to_string()));
    }
}
