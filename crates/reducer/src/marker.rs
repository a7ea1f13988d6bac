//! Evidence that is only listed.

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{DiagnosticCode, Marker, MarkerKind};
use rollout_trace_schema::{
    Other, PayloadRef, ProtocolEventObserved, RawPayloadId,
    document::{RecorderReport, RecordingLoss},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{at::At, reducer::Reducer};

impl Reducer {
    pub(crate) fn protocol_event_observed(
        &mut self,
        at: &At,
        event: &ProtocolEventObserved,
        payloads: &mut dyn PayloadSource,
    ) {
        let payload = event.event_payload.raw_payload_id.clone();
        self.mark(at, MarkerKind::ProtocolEvent, &event.event_type, None, vec![payload], Value::Null);
        if event.event_type == RecorderReport::LOSS {
            let mut buffer = PayloadBuffer::default();
            // What is wrong with the document is told as of every other.
            let is_there = payloads.load(&event.event_payload, &mut buffer).is_ok();
            self.report_loss(at, is_there.then(|| serde_json::from_slice(buffer.bytes()).ok()).flatten());
        }
    }

    /// Tells what the recorder says that it lost.
    fn report_loss(&mut self, at: &At, loss: Option<RecordingLoss>) {
        let message = match loss {
            Some(RecordingLoss { lost_events, lost_payloads, reasons }) => format!(
                "the recorder lost {} and {}: {}",
                count(lost_events, "event"),
                count(lost_payloads, "payload document"),
                reasons.join("; ")
            ),
            None => "the recorder lost something; what it says of it cannot be read".to_owned(),
        };
        self.report.at(at, DiagnosticCode::RecordingLoss, &[], message);
    }

    pub(crate) fn other(&mut self, at: &At, event: &Other) {
        let payloads = event.payloads.iter().map(|reference| reference.raw_payload_id.clone()).collect();
        let summary = Some(event.summary.clone());
        self.mark(at, MarkerKind::Other, &event.kind, summary, payloads, event.metadata.clone());
        if event.kind == RecorderReport::LOSS {
            self.report_loss(at, RecordingLoss::deserialize(&event.metadata).ok());
        }
    }

    /// Keeps an event of an unknown type, with the payload references that can be told in it.
    pub(crate) fn unknown_event(
        &mut self,
        at: &At,
        name: &str,
        event: &Map<String, Value>,
        source: &mut dyn PayloadSource,
    ) {
        let references = event.values().filter_map(|value| serde_json::from_value::<PayloadRef>(value.clone()).ok());
        let mut payloads = Vec::new();
        for reference in references {
            self.verify(at, &reference, source);
            payloads.push(reference.raw_payload_id.clone());
            self.trace.raw_payloads.insert(reference.raw_payload_id.clone(), reference);
        }
        self.mark(at, MarkerKind::UnknownEvent, name, None, payloads, Value::Object(event.clone()));
    }

    fn mark(
        &mut self,
        at: &At,
        kind: MarkerKind,
        name: &str,
        summary: Option<String>,
        raw_payload_ids: Vec<RawPayloadId>,
        metadata: Value,
    ) {
        let marker = Marker {
            seq: at.seq,
            at_unix_ms: at.time,
            codex_turn_id: at.turn.clone(),
            kind,
            name: name.to_owned(),
            summary,
            raw_payload_ids,
            metadata: readable(metadata),
        };
        let thread = at.thread.as_ref().and_then(|thread| self.trace.threads.get_mut(thread));
        thread.map_or(&mut self.trace.markers, |thread| &mut thread.markers).push(marker);
    }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// How deep metadata may nest in a graph: JSON readers give up at 128 levels, of which the graph itself takes a few.
const READABLE_NESTING: usize = 100;

/// Metadata that any JSON reader takes: what nests deeper becomes its own text.
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
