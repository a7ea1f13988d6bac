//! OpenTelemetry spans with the semantic conventions for generative AI.
//!
//! Source: exports, section 3.

mod content;
mod ids;
mod json;
mod links;
mod mapping;
mod points;
mod protobuf;
mod span;

use std::io::{self, Write};

use rollout_trace_answers::Rollout;
use serde_json::Value;

use self::{
    mapping::Mapping,
    protobuf::Message,
    span::{Attributes, Span},
};
use crate::{LeftOut, Texts, Written, object::Object, subject::Subject};

/// The version of the mapping. A change that alters what a field means raises it.
const MAPPING: &str = "1";

/// The conventions that the mapping follows.
const CONVENTIONS: &str = "semantic-conventions-genai 0.1.0";

/// The name of the scope.
const SCOPE: &str = "rollout-trace";

/// The flags of spans and links: they were sampled.
const FLAGS: u32 = 1;

/// The most spans of a batch.
const BATCH_SPANS: usize = 500;

/// The most bytes of a batch, unless it is one span. Servers refuse large requests.
const BATCH_BYTES: usize = 4 << 20;

/// How spans are named for their readers, and which texts they have.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which texts.
    pub texts: Texts,
    /// The attribute `service.name` of the resource.
    pub service: String,
    /// The attribute `openinference.project.name` of the resource.
    pub project: Option<String>,
}

impl Options {
    /// The service unless another one is given.
    pub const SERVICE: &str = "rollout-trace";
}

/// Writes the spans of a rollout as lines of JSON. Each line is a `TracesData`, which can be sent by itself.
///
/// # Errors
///
/// Writing fails.
pub fn write_json(rollout: &Rollout<'_>, options: &Options, out: &mut dyn Write) -> io::Result<Written> {
    let resource = Object::new().with("attributes", json::attributes(&resource(options)));
    let scope = Object::new().with("name", SCOPE).with("version", MAPPING);
    let scope = scope.with("attributes", json::attributes(&scope_attributes()));
    let (resource, scope) = (Value::from(resource), Value::from(scope));
    let encode = |span: &Span| json::span(span).to_string().into_bytes();
    write_batches(rollout, options.texts, encode, |spans| {
        write!(out, "{{\"resourceSpans\":[{{\"resource\":{resource},\"scopeSpans\":[{{\"scope\":{scope},\"spans\":[")?;
        for (place, span) in spans.iter().enumerate() {
            out.write_all(if place == 0 { b"" } else { b"," })?;
            out.write_all(span)?;
        }
        out.write_all(b"]}]}]}\n")
    })
}

/// Writes the spans of a rollout as messages `ExportTraceServiceRequest`, each of which can be sent. `write` is called with
/// each of them.
///
/// # Errors
///
/// `write` fails.
pub fn write_protobuf(
    rollout: &Rollout<'_>,
    options: &Options,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Written> {
    write_batches(rollout, options.texts, protobuf::span, |spans| {
        let mut request = Message::default();
        request.message(1, |of_resource| {
            of_resource.message(1, |message| protobuf::attributes(message, 1, &resource(options)));
            of_resource.message(2, |of_scope| {
                of_scope.message(1, |scope| {
                    scope.bytes(1, SCOPE.as_bytes());
                    scope.bytes(2, MAPPING.as_bytes());
                    protobuf::attributes(scope, 3, &scope_attributes());
                });
                spans.iter().for_each(|span| of_scope.present_bytes(2, span));
            });
        });
        write(&request.into_bytes())
    })
}

fn resource(options: &Options) -> Attributes {
    let project = options.project.as_deref();
    Attributes::default()
        .with("service.name", options.service.as_str())
        .with_some("openinference.project.name", project)
}

fn scope_attributes() -> Attributes {
    Attributes::default().with("rollout_trace.semconv", CONVENTIONS)
}

/// Encodes the spans of a rollout one by one, and writes them in batches.
fn write_batches(
    rollout: &Rollout<'_>,
    texts: Texts,
    encode: impl Fn(&Span) -> Vec<u8>,
    mut write: impl FnMut(&[Vec<u8>]) -> io::Result<()>,
) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let mapping = Mapping::of(&subject, texts);
    let mut left_out = LeftOut::default();
    if !texts.any() {
        left_out.add(subject.graph.conversation_items.len(), "conversation item", "conversation items");
    }
    left_out.add(subject.graph.undelivered_messages.len(), "undelivered message", "undelivered messages");
    left_out.add(mapping.edges_without_both_ends(), "edge without both ends", "edges without both ends");
    let mut batch = Vec::new();
    let mut bytes = 0;
    for span in mapping.spans() {
        let encoded = encode(&span);
        if batch.len() == BATCH_SPANS || (bytes + encoded.len() > BATCH_BYTES && !batch.is_empty()) {
            write(&batch)?;
            batch.clear();
            bytes = 0;
        }
        bytes += encoded.len();
        batch.push(encoded);
    }
    if !batch.is_empty() {
        write(&batch)?;
    }
    Ok(Written { left_out, advice: None })
}
