//! Reading payload documents, each surprise reported.

use std::collections::HashSet;

use rollout_trace_evidence::{PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::PayloadRef;
use serde::de::IgnoredAny;

use crate::{at::At, json::Json, reducer::Reducer};

/// What is remembered of payload documents.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// For documents that are only verified.
    buffer: PayloadBuffer,
    /// The paths that were read, whether or not they could be.
    read: HashSet<String>,
}

impl Documents {
    /// Takes note that a document is being read. Says whether it is for the first time.
    pub(crate) fn note(&mut self, reference: &PayloadRef) -> bool {
        !self.read.contains(&reference.path) && self.read.insert(reference.path.clone())
    }
}

impl Reducer {
    /// Reads a document into a buffer of the caller's. None if it cannot be read, which is reported.
    pub(crate) fn document<'a>(
        &mut self,
        at: &At,
        reference: &PayloadRef,
        payloads: &mut dyn PayloadSource,
        buffer: &'a mut PayloadBuffer,
    ) -> Option<Json<'a>> {
        self.documents.note(reference);
        if let Err(error) = payloads.load(reference, buffer) {
            self.payload_lost(at, reference, &error);
            return None;
        }
        if let Some(damage) = damage(buffer) {
            self.payload_has_holes(at, reference, &damage);
        }
        match Json::parse(buffer.bytes(), self.limits.max_nesting) {
            Ok((document, replaced_bytes)) => {
                if replaced_bytes {
                    self.payload_replaced_bytes(at, reference);
                }
                Some(document)
            }
            Err(error) => {
                self.payload_not_json(at, reference, buffer.bytes().len(), &error.to_string());
                None
            }
        }
    }

    /// Reads a document that says nothing to the graph, only to see whether it is there and whole.
    pub(crate) fn verify(&mut self, at: &At, reference: &PayloadRef, payloads: &mut dyn PayloadSource) {
        if !self.documents.note(reference) {
            return;
        }
        if let Err(error) = payloads.load(reference, &mut self.documents.buffer) {
            self.payload_lost(at, reference, &error);
            return;
        }
        if let Some(damage) = damage(&self.documents.buffer) {
            self.payload_has_holes(at, reference, &damage);
        }
        let bytes = self.documents.buffer.bytes();
        let size = bytes.len();
        let is_text = std::str::from_utf8(bytes).is_ok();
        let parsed = serde_json::from_slice::<IgnoredAny>(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
        match parsed {
            Ok(_) if is_text => {}
            Ok(_) => self.payload_replaced_bytes(at, reference),
            Err(error) => self.payload_not_json(at, reference, size, &error.to_string()),
        }
    }

    pub(crate) fn payload_lost(&mut self, at: &At, reference: &PayloadRef, error: &PayloadError) {
        let code = match error {
            PayloadError::Missing { .. } | PayloadError::NotPacked { .. } => DiagnosticCode::PayloadMissing,
            PayloadError::Escapes { .. } => DiagnosticCode::PayloadEscapes,
            PayloadError::TooLarge { .. } => DiagnosticCode::LimitExceeded,
            _ => DiagnosticCode::PayloadUnreadable,
        };
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = format!("the {} is lost: {error}{cause}", what(reference));
        self.report.payload(at, code, &reference.raw_payload_id, &[], message);
    }

    pub(crate) fn payload_has_holes(&mut self, at: &At, reference: &PayloadRef, damage: &str) {
        let message = format!("{}: {damage}; the rest counts", reference.path);
        self.report.payload(at, DiagnosticCode::PayloadUnreadable, &reference.raw_payload_id, &[], message);
    }

    pub(crate) fn payload_not_json(&mut self, at: &At, reference: &PayloadRef, bytes: usize, reason: &str) {
        let message = match bytes {
            0 => format!("the {} is lost: {} is empty", what(reference), reference.path),
            _ => format!("the {} is lost: {} is not JSON: {reason}", what(reference), reference.path),
        };
        self.report.payload(at, DiagnosticCode::PayloadUnreadable, &reference.raw_payload_id, &[], message);
    }

    pub(crate) fn payload_malformed(&mut self, at: &At, reference: &PayloadRef, reason: &str) {
        let message = format!("{}: {reason}", reference.path);
        self.report.payload(at, DiagnosticCode::PayloadMalformed, &reference.raw_payload_id, &[], message);
    }

    pub(crate) fn payload_replaced_bytes(&mut self, at: &At, reference: &PayloadRef) {
        let message = format!("{} holds bytes that are not UTF-8; they were replaced by U+FFFD", reference.path);
        self.report.payload(at, DiagnosticCode::InvalidUtf8, &reference.raw_payload_id, &[], message);
    }
}

/// How much of a document is damaged, in words; none if it is sound.
pub(crate) fn damage(buffer: &PayloadBuffer) -> Option<String> {
    let holes = buffer.holes();
    let bytes: usize = holes.iter().map(|hole| hole.bytes).sum();
    match holes.len() {
        0 => None,
        1 => Some(format!("{bytes} bytes are damaged, and a mark stands in their place")),
        places => Some(format!("{bytes} bytes in {places} places are damaged, and marks stand in their place")),
    }
}

/// The kind of a payload in words.
fn what(reference: &PayloadRef) -> String {
    reference.kind.as_str().replace('_', " ")
}
