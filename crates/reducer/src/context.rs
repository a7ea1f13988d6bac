//! What every family of events works with.

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_schema::{PayloadRef, RawPayloadId, SchemaVersion};

use crate::{
    at::At,
    documents::{self, Documents},
    graph::Graph,
    json::Json,
    report::Report,
};

/// What the application of one event works with: where it happens, the graph, the report and the documents.
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

    /// Reads a document into a buffer of the caller's. Returns `None` if it cannot be read, which is reported.
    pub(crate) fn read<'b>(&mut self, reference: &PayloadRef, buffer: &'b mut PayloadBuffer) -> Option<Json<'b>> {
        self.documents.read(reference, self.payloads, buffer, self.report)
    }

    /// Reads a document that says nothing to the graph, only to see whether it is there and whole.
    pub(crate) fn verify(&mut self, reference: &PayloadRef) {
        self.documents.verify(reference, self.payloads, self.report);
    }

    /// Reports that a document does not have the shape that its kind has.
    pub(crate) fn report_malformed(&mut self, reference: &PayloadRef, reason: &str) {
        documents::report_malformed(self.report, reference, reason);
    }
}

/// Adds a payload to those of an object, once.
pub(crate) fn add_payload(payloads: &mut Vec<RawPayloadId>, reference: &PayloadRef) {
    if !payloads.contains(&reference.raw_payload_id) {
        payloads.push(reference.raw_payload_id.clone());
    }
}
