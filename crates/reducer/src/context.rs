//! What every family of events works with: the context of one event.

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{DiagnosticCode, ItemId};
use rollout_trace_schema::{PayloadRef, RawPayloadId, Seq};

use crate::{
    at::At,
    documents::{self, Document, Documents},
    graph::Graph,
    growth::bytes_of_item,
    item::Sighting,
    json::Json,
    observer::Observer,
    origin::Origin,
    report::Report,
    rules::Rules,
};

/// What the functions that apply one event share: where it happens, the graph, the report and the documents.
pub(crate) struct Context<'a> {
    pub(crate) at: &'a At,
    pub(crate) rules: Rules,
    pub(crate) graph: &'a mut Graph,
    pub(crate) report: &'a mut Report,
    pub(crate) documents: &'a mut Documents,
    pub(crate) payloads: &'a mut dyn PayloadSource,
    pub(crate) observer: Option<&'a mut dyn Observer>,
}

impl Context<'_> {
    /// Reads a document whose texts go into the graph. Returns `None` if the reference says that it is missing, which is
    /// not damage, or if it cannot be read, which is reported.
    pub(crate) fn read<'b>(&mut self, reference: &PayloadRef, buffer: &'b mut PayloadBuffer) -> Option<Document<'b>> {
        let document = self.documents.read(reference, self.payloads, buffer, self.report)?;
        self.documents.growth.add(document.bytes());
        Some(document)
    }

    /// Reads a document with model items, which count once they are new items of the graph ([`Self::may_add`]).
    pub(crate) fn read_items<'b>(
        &mut self,
        reference: &PayloadRef,
        buffer: &'b mut PayloadBuffer,
    ) -> Option<Document<'b>> {
        self.documents.read(reference, self.payloads, buffer, self.report)
    }

    /// Returns whether the graph may become any larger. If not, the document is lost, which is reported.
    pub(crate) fn may_grow(&mut self, reference: &PayloadRef) -> bool {
        self.documents.may_add(reference, 0, self.payloads, self.report)
    }

    /// Returns whether the graph may have all of these sightings as new items. If not, their document is lost, which is
    /// reported.
    pub(crate) fn may_add(&mut self, reference: &PayloadRef, origin: &Origin<'_>, sightings: &[Sighting]) -> bool {
        let bytes = sightings.iter().map(|sighting| bytes_of_item(sighting, origin)).sum();
        self.documents.may_add(reference, bytes, self.payloads, self.report)
    }

    /// Reads a document that is only used if it is whole. Returns `None` if it is not.
    ///
    /// Source: bundle 3, section 4.2.
    pub(crate) fn read_whole<'b>(&mut self, reference: &PayloadRef, buffer: &'b mut PayloadBuffer) -> Option<Json<'b>> {
        let document = self.read(reference, buffer)?;
        if document.missing_parts().is_empty() && !reference.is_partial() {
            return Some(document.into_value());
        }
        let message = format!("parts of {reference} are missing; it counts as missing as a whole");
        self.report.payload(DiagnosticCode::PartialPayload, &reference.raw_payload_id, &[], message);
        None
    }

    /// Reads a document that reduction does not use, only to check that it exists and is valid.
    pub(crate) fn verify(&mut self, reference: &PayloadRef) {
        self.documents.verify(reference, self.payloads, self.report);
    }

    /// Returns whether somebody is told of what payloads show.
    /// Tells the observer that the event which is being applied names a payload, unless the graph says so.
    pub(crate) fn report_named(&mut self, payload: Option<&PayloadRef>, seq_in_graph: Option<Seq>) {
        if let (Some(observer), Some(payload)) = (&mut self.observer, payload)
            && seq_in_graph != Some(self.at.seq)
        {
            observer.payload_named(&payload.raw_payload_id, self.at.seq);
        }
    }

    pub(crate) fn has_observer(&self) -> bool {
        self.observer.is_some()
    }

    /// Tells the observer which of these items of a payload were shown first by it. `values` are the items as the
    /// payload has them.
    pub(crate) fn report_items<'v>(
        &mut self,
        payload: &RawPayloadId,
        items: impl IntoIterator<Item = ItemId>,
        values: impl IntoIterator<Item = &'v Json<'v>>,
    ) {
        let Some(observer) = &mut self.observer else { return };
        for (item, value) in items.into_iter().zip(values) {
            let shown = self.graph.conversation_items[&item].shown.as_ref();
            if shown.is_some_and(|shown| shown.seq == self.at.seq && shown.payload_id == *payload) {
                observer.item_shown(item, value);
            }
        }
    }

    /// Reports that a document does not have the shape of its kind. `reason` is a sentence about the document.
    pub(crate) fn report_malformed(&mut self, reference: &PayloadRef, reason: &str) {
        documents::report_malformed(self.report, reference, reason);
    }
}
