//! Spans as protobuf say what they say as JSON. The decoder here knows the schema apart from the encoder.

use serde_json::{Map, Value, json};

use crate::otlp::spans;

/// The messages of the schema, with the fields that are used of them.
#[derive(Clone, Copy)]
enum Message {
    Request,
    ResourceSpans,
    Resource,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    Status,
    KeyValue,
    AnyValue,
}

/// What a field holds.
enum Kind {
    Text,
    Hex,
    Number,
    /// 64-bit numbers are strings in JSON.
    LongNumber,
    Bool,
    One(Message),
    Many(Message),
}

fn field(message: Message, number: u64) -> (&'static str, Kind) {
    use Kind::{Bool, Hex, LongNumber, Many, Number, One, Text};
    match (message, number) {
        (Message::Request, 1) => ("resourceSpans", Many(Message::ResourceSpans)),
        (Message::ResourceSpans, 1) => ("resource", One(Message::Resource)),
        (Message::ResourceSpans, 2) => ("scopeSpans", Many(Message::ScopeSpans)),
        (Message::Resource, 1) => ("attributes", Many(Message::KeyValue)),
        (Message::ScopeSpans, 1) => ("scope", One(Message::Scope)),
        (Message::ScopeSpans, 2) => ("spans", Many(Message::Span)),
        (Message::Scope, 1) | (Message::Span, 5) | (Message::Event, 2) => ("name", Text),
        (Message::Scope, 2) => ("version", Text),
        (Message::Scope, 3) | (Message::Span, 9) | (Message::Event, 3) | (Message::Link, 4) => {
            ("attributes", Many(Message::KeyValue))
        }
        (Message::Span, 1) | (Message::Link, 1) => ("traceId", Hex),
        (Message::Span, 2) | (Message::Link, 2) => ("spanId", Hex),
        (Message::Span, 4) => ("parentSpanId", Hex),
        (Message::Span, 6) => ("kind", Number),
        (Message::Span, 7) => ("startTimeUnixNano", LongNumber),
        (Message::Span, 8) => ("endTimeUnixNano", LongNumber),
        (Message::Span, 11) => ("events", Many(Message::Event)),
        (Message::Span, 13) => ("links", Many(Message::Link)),
        (Message::Span, 15) => ("status", One(Message::Status)),
        (Message::Span, 16) | (Message::Link, 6) => ("flags", Number),
        (Message::Event, 1) => ("timeUnixNano", LongNumber),
        (Message::Status, 2) => ("message", Text),
        (Message::Status, 3) => ("code", Number),
        (Message::KeyValue, 1) => ("key", Text),
        (Message::KeyValue, 2) => ("value", One(Message::AnyValue)),
        (Message::AnyValue, 1) => ("stringValue", Text),
        (Message::AnyValue, 2) => ("boolValue", Bool),
        (Message::AnyValue, 3) => ("intValue", LongNumber),
        _ => panic!("no message has a field {number}"),
    }
}

/// The value of a field as it is stored.
enum Stored<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

fn decode(message: Message, mut bytes: &[u8]) -> Value {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let stored = match key & 7 {
            0 => Stored::Number(varint(&mut bytes)),
            1 => Stored::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let count = varint(&mut bytes) as usize;
                Stored::Bytes(take(&mut bytes, count))
            }
            5 => Stored::Number(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap()).into()),
            other => panic!("wire type {other}"),
        };
        let (name, kind) = field(message, key >> 3);
        let value = match (kind, stored) {
            (Kind::Text, Stored::Bytes(bytes)) => json!(std::str::from_utf8(bytes).expect("texts are UTF-8")),
            (Kind::Hex, Stored::Bytes(bytes)) => {
                json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
            (Kind::Number, Stored::Number(number)) => json!(number),
            (Kind::LongNumber, Stored::Number(number)) => json!((number as i64).to_string()),
            (Kind::Bool, Stored::Number(number)) => json!(number == 1),
            (Kind::One(inner), Stored::Bytes(bytes)) => decode(inner, bytes),
            (Kind::Many(inner), Stored::Bytes(bytes)) => {
                let list = object.entry(name).or_insert_with(|| json!([]));
                list.as_array_mut().unwrap().push(decode(inner, bytes));
                continue;
            }
            _ => panic!("{name} is stored in another way"),
        };
        assert!(object.insert(name.to_owned(), value).is_none(), "{name} is there once");
    }
    // The default, which is not stored.
    if let Message::Status = message {
        object.entry("code").or_insert_with(|| json!(0));
    }
    object.into()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let [byte] = take(bytes, 1) else { unreachable!("one byte was taken") };
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> &'b [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

pub(crate) fn check(batches: &[Vec<u8>], json: &str) {
    let decoded: Vec<_> = batches.iter().map(|batch| decode(Message::Request, batch)).collect();
    let of = |request: &Value| request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    assert_eq!(decoded.iter().flat_map(of).collect::<Vec<_>>(), spans(json));
    for (request, line) in decoded.iter().zip(json.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let (decoded, line) = (&request["resourceSpans"][0], &line["resourceSpans"][0]);
        assert_eq!(decoded["resource"], line["resource"]);
        assert_eq!(decoded["scopeSpans"][0]["scope"], line["scopeSpans"][0]["scope"]);
    }
}
