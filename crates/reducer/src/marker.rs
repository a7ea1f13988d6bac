//! Evidence that is only listed.

use rollout_trace_bundle::PayloadSource;
use rollout_trace_model::{Marker, MarkerKind};
use rollout_trace_schema::{Other, PayloadRef, ProtocolEventObserved, RawPayloadId};
use serde_json::{Map, Value};

use crate::{at::At, reducer::Reducer};

impl Reducer {
    pub(crate) fn protocol_event_observed(&mut self, at: &At, event: &ProtocolEventObserved) {
        let payload = event.event_payload.raw_payload_id.clone();
        self.mark(at, MarkerKind::ProtocolEvent, &event.event_type, None, vec![payload], Value::Null);
    }

    pub(crate) fn other(&mut self, at: &At, event: &Other) {
        let payloads = event.payloads.iter().map(|reference| reference.raw_payload_id.clone()).collect();
        let summary = Some(event.summary.clone());
        self.mark(at, MarkerKind::Other, &event.kind, summary, payloads, event.metadata.clone());
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
