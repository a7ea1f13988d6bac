//! Spans as OTLP JSON: ids in hexadecimal, 64-bit integers as strings, enumerations as numbers.

use serde_json::{Value, json};

use super::{
    ids::hex,
    span::{Attribute, Attributes, Event, Link, Span},
};
use crate::object::Object;

/// Returns a span as JSON.
pub(super) fn span(span: &Span) -> Value {
    let events: Vec<_> = span.events.iter().map(event).collect();
    let links: Vec<_> = span.links.iter().map(|other| link(span, other)).collect();
    let status = Object::new().with("code", span.status.code as i32).with("message", span.status.message.as_deref());
    let object = Object::new()
        .with("traceId", hex(&span.trace_id))
        .with("spanId", hex(&span.span_id))
        .with("parentSpanId", span.parent.map(|parent| hex(&parent)))
        .with("flags", super::FLAGS)
        .with("name", span.name.as_str())
        .with("kind", span.kind as i32)
        .with("startTimeUnixNano", span.start.to_string())
        .with("endTimeUnixNano", span.end.to_string())
        .with("attributes", attributes(&span.attributes))
        .with("events", events)
        .with("links", links)
        .with("status", status);
    object.into()
}

fn event(event: &Event) -> Value {
    let object = Object::new().with("timeUnixNano", event.at.to_string()).with("name", event.name);
    object.with("attributes", attributes(&event.attributes)).into()
}

fn link(of: &Span, link: &Link) -> Value {
    let object = Object::new().with("traceId", hex(&of.trace_id)).with("spanId", hex(&link.span_id));
    object.with("flags", super::FLAGS).with("attributes", attributes(&link.attributes)).into()
}

/// Returns attributes as a list of keys and values.
pub(super) fn attributes(attributes: &Attributes) -> Vec<Value> {
    let value = |value: &Attribute| match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Bool(value) => json!({ "boolValue": value }),
        Attribute::Int(number) => json!({ "intValue": number.to_string() }),
    };
    attributes.iter().map(|(key, attribute)| json!({ "key": key, "value": value(attribute) })).collect()
}
