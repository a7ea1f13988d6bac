//! Spans as protobuf.
//!
//! The encoder is our own: eight messages of flat fields need fewer lines than a code generator needs crates. Fields are
//! written in the order of their numbers, and empty texts are left out.

use super::span::{Attribute, Attributes, Event, Link, Span};

/// A message under construction.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// How the value of a field is stored.
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

impl Message {
    pub(super) fn bytes(&mut self, field: u64, value: &[u8]) {
        if !value.is_empty() {
            self.present_bytes(field, value);
        }
    }

    /// Writes bytes that are there even if they are empty.
    pub(super) fn present_bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, WireType::Bytes);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(super) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.present_bytes(field, &inner.0);
    }

    fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.present_number(field, value);
        }
    }

    /// Writes a number that is there even if it is zero.
    fn present_number(&mut self, field: u64, value: u64) {
        self.key(field, WireType::Varint);
        self.varint(value);
    }

    fn fixed64(&mut self, field: u64, value: u64) {
        self.key(field, WireType::Fixed64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn fixed32(&mut self, field: u64, value: u32) {
        self.key(field, WireType::Fixed32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn key(&mut self, field: u64, wire_type: WireType) {
        self.varint(field << 3 | wire_type as u64);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Returns a span as the message `Span`.
pub(super) fn span(span: &Span) -> Vec<u8> {
    let mut message = Message::default();
    message.bytes(1, &span.trace_id);
    message.bytes(2, &span.span_id);
    message.bytes(4, span.parent.as_ref().map_or(&[], |parent| parent));
    message.bytes(5, span.name.as_bytes());
    message.number(6, span.kind as u64);
    message.fixed64(7, span.start);
    message.fixed64(8, span.end);
    attributes(&mut message, 9, &span.attributes);
    for Event { at, name, attributes: own } in &span.events {
        message.message(11, |event| {
            event.fixed64(1, *at);
            event.bytes(2, name.as_bytes());
            attributes(event, 3, own);
        });
    }
    for Link { span_id, attributes: own } in &span.links {
        message.message(13, |link| {
            link.bytes(1, &span.trace_id);
            link.bytes(2, span_id);
            attributes(link, 4, own);
            link.fixed32(6, super::FLAGS);
        });
    }
    message.message(15, |status| {
        status.bytes(2, span.status.message.as_deref().unwrap_or_default().as_bytes());
        status.number(3, span.status.code as u64);
    });
    message.fixed32(16, super::FLAGS);
    message.into_bytes()
}

/// Writes attributes as messages `KeyValue`.
pub(super) fn attributes(message: &mut Message, field: u64, attributes: &Attributes) {
    for (key, attribute) in attributes.iter() {
        message.message(field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.message(2, |value| match attribute {
                Attribute::Text(text) => value.present_bytes(1, text.as_bytes()),
                Attribute::Bool(flag) => value.present_number(2, u64::from(*flag)),
                Attribute::Int(number) => value.present_number(3, *number as u64),
            });
        });
    }
}
