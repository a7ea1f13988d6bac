//! Reading payload documents, and reporting what is wrong with them.
//!
//! Source: reduction, section 2.2.

use std::{borrow::Cow, ops::Deref};

use rollout_trace_evidence::{Limits, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::DiagnosticCode;
use rollout_trace_schema::{
    PayloadRef, RawPayloadId,
    json_text::{Nesting, check_document},
};

use crate::{growth::Growth, json::Json, map::HashSet, report::Report};

/// Reads documents and remembers which were read.
#[derive(Debug)]
pub(crate) struct Documents {
    max_nesting: usize,
    /// Holds documents that are only verified.
    buffer: PayloadBuffer,
    /// The places of the documents that were read or found to be lost.
    read: HashSet<String>,
    /// The documents that damage made partial: they are lost, or some of their parts are.
    partial: HashSet<RawPayloadId>,
    /// What the documents have added to the graph.
    pub(crate) growth: Growth,
}

/// A document that was read. It is the value that it holds.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    value: Json<'a>,
    missing_parts: &'a [RawPayloadId],
    bytes: usize,
}

impl<'a> Document<'a> {
    pub(crate) fn into_value(self) -> Json<'a> {
        self.value
    }

    /// Returns the length of its text.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the ids of the parts that are not in the document. A placeholder represents each.
    pub(crate) fn missing_parts(&self) -> &'a [RawPayloadId] {
        self.missing_parts
    }
}

impl<'a> Deref for Document<'a> {
    type Target = Json<'a>;

    fn deref(&self) -> &Json<'a> {
        &self.value
    }
}

impl Documents {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            max_nesting: limits.max_nesting,
            buffer: PayloadBuffer::default(),
            read: HashSet::default(),
            partial: HashSet::default(),
            growth: Growth::new(limits.max_amplified_bytes),
        }
    }

    pub(crate) fn max_nesting(&self) -> usize {
        self.max_nesting
    }

    /// Remembers that a document is being read. Returns whether this is the first time.
    pub(crate) fn note(&mut self, reference: &PayloadRef) -> bool {
        let place = match reference.path() {
            Some(path) => Cow::Borrowed(path),
            None => Cow::Owned(reference.to_string()),
        };
        // Most documents are noted twice, so a copy of the place is made only for the first time.
        !self.read.contains(&*place) && self.read.insert(place.into_owned())
    }

    /// Remembers that damage made a document partial.
    pub(crate) fn note_partial(&mut self, id: &RawPayloadId) {
        self.partial.insert(id.clone());
    }

    /// Returns whether damage made a document partial, as far as that is known.
    pub(crate) fn is_partial(&self, id: &RawPayloadId) -> bool {
        self.partial.contains(id)
    }

    /// Returns whether the graph may grow by `more` bytes. If not, the document is lost, which is reported.
    pub(crate) fn may_add(
        &mut self,
        reference: &PayloadRef,
        more: usize,
        source: &mut dyn PayloadSource,
        report: &mut Report,
    ) -> bool {
        if self.growth.allows(more as u64, source) {
            return true;
        }
        self.note_partial(&reference.raw_payload_id);
        let (payload, limit) = (reference.to_string(), self.growth.limit());
        report_lost(report, reference, &PayloadError::GraphTooLarge { payload, limit });
        false
    }

    /// Reads a document into the caller's buffer. Reports a document that cannot be read, and returns `None` for it.
    pub(crate) fn read<'a>(
        &mut self,
        reference: &PayloadRef,
        source: &mut dyn PayloadSource,
        buffer: &'a mut PayloadBuffer,
        report: &mut Report,
    ) -> Option<Document<'a>> {
        self.note(reference);
        if reference.is_missing() || !self.may_add(reference, 0, source, report) {
            return None;
        }
        if let Err(error) = source.load(reference, buffer) {
            self.note_partial(&reference.raw_payload_id);
            report_lost(report, reference, &error);
            return None;
        }
        let buffer: &'a PayloadBuffer = buffer;
        if !buffer.missing_parts().is_empty() {
            self.note_partial(&reference.raw_payload_id);
        }
        if let Some(damage) = damage(buffer) {
            report_holes(report, reference, &damage);
        }
        match Json::parse(buffer.bytes(), self.max_nesting) {
            Ok((value, replaced_bytes)) => {
                if replaced_bytes {
                    report_replaced_bytes(report, reference);
                }
                Some(Document { value, missing_parts: buffer.missing_parts(), bytes: buffer.bytes().len() })
            }
            Err(error) => {
                self.note_partial(&reference.raw_payload_id);
                report_not_json(report, reference, buffer.bytes().len(), &error.to_string());
                None
            }
        }
    }

    /// Reads a document whose content reduction does not use, only to check that it exists and is valid.
    pub(crate) fn verify(&mut self, reference: &PayloadRef, source: &mut dyn PayloadSource, report: &mut Report) {
        if reference.is_missing() {
            // The source counts it, and compares what was kept of it with what its reference says.
            _ = source.load(reference, &mut self.buffer);
            return;
        }
        if !self.note(reference) {
            return;
        }
        if source.is_json(reference, self.max_nesting) {
            return;
        }
        self.check(reference, source, report);
    }

    /// Loads a document whose content reduction does not use, and reports what is wrong with it.
    pub(crate) fn check(&mut self, reference: &PayloadRef, source: &mut dyn PayloadSource, report: &mut Report) {
        self.note(reference);
        if let Err(error) = source.load(reference, &mut self.buffer) {
            self.note_partial(&reference.raw_payload_id);
            report_lost(report, reference, &error);
            return;
        }
        if !self.buffer.missing_parts().is_empty() {
            self.note_partial(&reference.raw_payload_id);
        }
        if let Some(damage) = damage(&self.buffer) {
            report_holes(report, reference, &damage);
        }
        let bytes = self.buffer.bytes();
        let is_text = std::str::from_utf8(bytes).is_ok();
        match check_document(bytes, Nesting::new(self.max_nesting)) {
            Ok(()) if is_text => {}
            Ok(()) => report_replaced_bytes(report, reference),
            Err(error) => {
                report_not_json(report, reference, bytes.len(), &error.to_string());
                self.note_partial(&reference.raw_payload_id);
            }
        }
    }
}

/// Reports a document that cannot be loaded. A document that was not recorded because of a limit is counted by its
/// source instead.
pub(crate) fn report_lost(report: &mut Report, reference: &PayloadRef, error: &PayloadError) {
    let code = match error {
        PayloadError::NotRecorded { .. } => return,
        PayloadError::Missing { .. }
        | PayloadError::NotPacked { .. }
        | PayloadError::NotInShard { .. }
        | PayloadError::NoPlace { .. } => DiagnosticCode::PayloadMissing,
        PayloadError::Escapes { .. } | PayloadError::Link { .. } => DiagnosticCode::PayloadEscapes,
        PayloadError::TooLarge { .. }
        | PayloadError::TotalTooLarge { .. }
        | PayloadError::AmplifiedTooLarge { .. }
        | PayloadError::GraphTooLarge { .. } => DiagnosticCode::LimitExceeded,
        _ => DiagnosticCode::PayloadUnreadable,
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let message = format!("the {} is lost: {error}{cause}", kind_in_words(reference));
    report.payload(code, &reference.raw_payload_id, &[], message);
}

pub(crate) fn report_holes(report: &mut Report, reference: &PayloadRef, damage: &str) {
    let message = format!("{reference}: {damage}; the rest counts");
    report.payload(DiagnosticCode::PayloadUnreadable, &reference.raw_payload_id, &[], message);
}

fn report_not_json(report: &mut Report, reference: &PayloadRef, bytes: usize, reason: &str) {
    let kind = kind_in_words(reference);
    let message = match bytes {
        0 => format!("the {kind} is lost: {reference} is empty"),
        _ => format!("the {kind} is lost: {reference} is not JSON: {reason}"),
    };
    report.payload(DiagnosticCode::PayloadUnreadable, &reference.raw_payload_id, &[], message);
}

pub(crate) fn report_malformed(report: &mut Report, reference: &PayloadRef, reason: &str) {
    let message = format!("{reference}: {reason}");
    report.payload(DiagnosticCode::PayloadMalformed, &reference.raw_payload_id, &[], message);
}

pub(crate) fn report_replaced_bytes(report: &mut Report, reference: &PayloadRef) {
    let message = format!("{reference} holds bytes that are not UTF-8; they are replaced by U+FFFD");
    report.payload(DiagnosticCode::InvalidUtf8, &reference.raw_payload_id, &[], message);
}

/// Returns, in words, how much of a document is damaged, or `None` if it is sound.
pub(crate) fn damage(buffer: &PayloadBuffer) -> Option<String> {
    let holes = buffer.holes();
    let bytes: usize = holes.iter().map(|hole| hole.bytes).sum();
    match holes.len() {
        0 => None,
        1 if bytes == 1 => Some("1 byte is damaged and replaced by a mark".to_owned()),
        1 => Some(format!("{bytes} bytes are damaged and replaced by a mark")),
        places => Some(format!("{bytes} bytes in {places} places are damaged and replaced by marks")),
    }
}

fn kind_in_words(reference: &PayloadRef) -> String {
    reference.kind.as_str().replace('_', " ")
}
