//! What every family of events works with: the context of one event.

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_schema::{PayloadRef, RawPayloadId, SchemaVersion};

use crate::{
    at::At,
    documents::{self, Documents},
    graph::Graph,
    json::Json,
    report::Report,
};

/// What the functions that apply one event share: where it happens, the graph, the report and the documents.
pub(crate) struct Context<'a> {
    pub(crate) at: &'a At,
    pub(crate) version: SchemaVersion,
    pub(crate) graph: &'a mut Graph,
    pub(crate) report: &'a mut Report,
    pub(crate) documents: &'a mut Documents,
    pub(crate) payloads: &'a mut dyn PayloadSource,
}

impl Context<'_> {
    pub(crate) fn is_v1(&self) -> bool {
        self.version == SchemaVersion::V1
    }

    /// Reads a document into the caller's buffer. Reports a document that cannot be read, and returns `None` for it.
    pub(crate) fn read<'b>(&mut self, reference: &PayloadRef, buffer: &'b mut PayloadBuffer) -> Option<Json<'b>> {
        self.documents.read(reference, self.payloads, buffer, self.report)
    }

    /// Reads a document whose content reduction does not use, only to check that it exists and is valid.
    pub(crate) fn verify(&mut self, reference: &PayloadRef) {
        self.documents.verify(reference, self.payloads, self.report);
    }

    /// Reports that a document does not have the shape of its kind. `reason` is a sentence about the document.
    pub(crate) fn report_malformed(&mut self, reference: &PayloadRef, reason: &str) {
        documents::report_malformed(self.report, reference, reason);
    }
}

/// Adds a payload to those of an object, unless it is among them.
pub(crate) fn add_payload(payloads: &mut Vec<RawPayloadId>, reference: &PayloadRef) {
    if !payloads.contains(&reference.raw_payload_id) {
        payloads.push(reference.raw_payload_id.clone());
    }
}
