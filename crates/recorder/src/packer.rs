//! Turning values into numbered payloads. Nothing here knows the log, a file or a thread.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use rollout_trace_schema::{
    PayloadKind,
    document::{LostPayload, LostPayloadReason},
    packed::Checksums,
};
use serde::Serialize;

use crate::{
    caller::{CallerError, guarded_encoding},
    compare_slot::{CompareLease, CompareSlot},
    misuse::Misuse,
    payload::{PackedRecord, PayloadBytes, PreparedPayload},
    redaction::Redaction,
    request_shape::RequestShape,
    walk::{
        self, Compared, FingerprintKey, Hint, HintOutcome, InputField, KnownTexts, NextBase, Scratch, Spares,
        WalkContext, WalkError,
    },
};

/// The maximum length of a record, because its lengths are stored in four bytes.
const MAX_RECORD_BYTES: usize = u32::MAX as usize;

/// Turns documents into payloads that are ready to be written.
pub(crate) struct Packer {
    encoding: Encoding,
    redaction: Option<Arc<Redaction>>,
    max_payload_bytes: usize,
    next_number: AtomicU64,
}

/// How documents are encoded, by layout.
enum Encoding {
    /// As records, which store only what is new.
    Records(Box<RecordEncoding>),
    /// As JSON text.
    Text,
}

/// The state that all records of a bundle share.
struct RecordEncoding {
    checksums: Checksums,
    key: FingerprintKey,
    known: Mutex<KnownTexts>,
    spares: Spares,
    /// How much memory the comparison states of all threads take.
    compare_bytes: AtomicUsize,
    max_compare_bytes: usize,
}

/// How a model-facing request is passed.
pub(crate) enum RequestInput<'r, T: ?Sized> {
    /// As a value, whose first `unchanged` input items are those of the thread's last request.
    Value { request: &'r T, unchanged: usize },
    /// As the bytes of its body.
    Body(&'r [u8]),
}

/// A document that is encoded but has no number yet.
pub(crate) struct EncodedDocument {
    content: EncodedContent,
    /// How the caller misused the recorder in passing this document.
    pub(crate) misuse: Option<Misuse>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and it lives for one call on the stack"
)]
enum EncodedContent {
    Record(UnsealedRecord),
    Text(Vec<u8>),
}

/// A record that has no number yet.
struct UnsealedRecord {
    scratch: Scratch,
    next_base: NextBase,
    lease: Option<CompareLease>,
    checksums: Checksums,
}

impl EncodedDocument {
    fn text(text: Vec<u8>) -> Self {
        Self { content: EncodedContent::Text(text), misuse: None }
    }

    /// Returns how many bytes the document adds to the bundle.
    pub(crate) fn new_bytes(&self) -> usize {
        match &self.content {
            EncodedContent::Record(record) => record.scratch.draft.record.data_len(),
            EncodedContent::Text(text) => text.len(),
        }
    }
}

impl UnsealedRecord {
    fn seal(self, number: u64) -> PackedRecord {
        let Self { mut scratch, next_base, lease, checksums } = self;
        let nothing = Compared::default();
        let compared = lease.as_ref().map_or(&nothing, |lease| &lease.compared);
        let sealed = compared.seal(&mut scratch.draft, number, checksums);
        PackedRecord { sealed, scratch, next_base, lease }
    }
}

impl Packer {
    /// Makes a packer for the layout with one file per payload.
    pub(crate) fn for_files(max_payload_bytes: usize, redaction: Option<Arc<Redaction>>) -> Self {
        Self { encoding: Encoding::Text, redaction, max_payload_bytes, next_number: AtomicU64::new(1) }
    }

    /// Makes this packer encode records for a file of payloads with these checksums.
    pub(crate) fn into_records(self, checksums: Checksums, max_compare_bytes: usize) -> Self {
        let records = RecordEncoding {
            checksums,
            key: FingerprintKey::random(),
            known: Mutex::default(),
            spares: Spares::default(),
            compare_bytes: AtomicUsize::new(0),
            max_compare_bytes,
        };
        Self { encoding: Encoding::Records(Box::new(records)), ..self }
    }

    /// Encodes a document that is compared only with texts that are already stored.
    pub(crate) fn encode<T: Serialize + ?Sized>(&self, document: &T) -> Result<EncodedDocument, CallerError> {
        guarded_encoding(|| match &self.encoding {
            Encoding::Records(records) => self.whole(records, document),
            Encoding::Text => self.document_text(document),
        })
    }

    /// Encodes a model-facing request as its difference from the thread's last one.
    ///
    /// A core whose requests have a wrong shape has that in all of them, so of the requests that arrive or are stored
    /// as text only a thread's first one is parsed to see it.
    pub(crate) fn encode_request<T: Serialize + ?Sized>(
        &self,
        input: RequestInput<'_, T>,
        (slot, shape): (&CompareSlot, Option<RequestShape>),
    ) -> Result<EncodedDocument, CallerError> {
        guarded_encoding(|| match (&self.encoding, input) {
            (Encoding::Records(records), RequestInput::Value { request, unchanged }) => {
                let context = self.walk_context(records);
                let Some(lease) = slot.take() else { return self.whole(records, request) };
                let hint = Hint { shape: shape.unwrap_or(RequestShape::RESPONSES), unchanged };
                let walked = lease.compared.request(&context, request, hint)?;
                let misuse = match (walked.input, walked.hint) {
                    (InputField::Missing, _) => shape.map(Misuse::without_input),
                    (InputField::Found, HintOutcome::Wrong) => Some(Misuse::UnchangedItemsChanged),
                    (InputField::Found, HintOutcome::Kept) => None,
                };
                Ok(EncodedDocument { misuse, ..records.encoded(walked.scratch, NextBase::Walked, Some(lease)) })
            }
            (Encoding::Records(records), RequestInput::Body(body)) => {
                let context = self.walk_context(records);
                let lease = slot.take();
                let redacted = self.redacted_body(body);
                let body = redacted.as_deref().unwrap_or(body);
                let misuse = misuse_of(slot, shape, body);
                let (scratch, next_base) = match &lease {
                    Some(lease) => lease.compared.body(&context, body)?,
                    None => (walk::whole_body(&context, body)?, NextBase::Unchanged),
                };
                Ok(EncodedDocument { misuse, ..records.encoded(scratch, next_base, lease) })
            }
            (Encoding::Text, input) => {
                let text = match input {
                    RequestInput::Value { request, .. } => self.redacted_text(request)?,
                    RequestInput::Body(body) => {
                        walk::spare_levels(body)?;
                        self.redacted_body(body).unwrap_or_else(|| body.to_vec())
                    }
                };
                let misuse = misuse_of(slot, shape, &text);
                Ok(EncodedDocument { misuse, ..self.limited(text)? })
            }
        })
    }

    /// Encodes a document that repeats much of the thread's last request but is not the next one: a checkpoint, or a
    /// request for a compaction.
    pub(crate) fn encode_relative<T: Serialize + ?Sized>(
        &self,
        document: &T,
        slot: &CompareSlot,
    ) -> Result<EncodedDocument, CallerError> {
        let Encoding::Records(records) = &self.encoding else { return self.encode(document) };
        guarded_encoding(|| {
            let Some(lease) = slot.take() else { return self.whole(records, document) };
            let walked = lease.compared.relative(&self.walk_context(records), document)?;
            Ok(records.encoded(walked.scratch, NextBase::Unchanged, Some(lease)))
        })
    }

    /// Encodes a document of the recorder's own, to which no limit applies.
    pub(crate) fn encode_report<T: Serialize>(&self, document: &T) -> Result<EncodedDocument, CallerError> {
        guarded_encoding(|| match &self.encoding {
            Encoding::Records(records) => {
                let context = WalkContext { max_document: MAX_RECORD_BYTES, ..self.walk_context(records) };
                Ok(records.encoded(walk::whole(&context, document)?.scratch, NextBase::Unchanged, None))
            }
            Encoding::Text => self.redacted_text(document).map(EncodedDocument::text),
        })
    }

    /// Encodes the mark that replaces a lost document. The reason must already be redacted.
    pub(crate) fn encode_lost(&self, reason: String) -> EncodedDocument {
        let lost = LostPayload { rollout_trace_lost: LostPayloadReason { reason } };
        match &self.encoding {
            Encoding::Records(records) => {
                let context =
                    WalkContext { redaction: None, max_document: MAX_RECORD_BYTES, ..self.walk_context(records) };
                let walked = walk::whole(&context, &lost).expect("a plain document is far below the limit");
                records.encoded(walked.scratch, NextBase::Unchanged, None)
            }
            Encoding::Text => {
                EncodedDocument::text(serde_json::to_vec(&lost).expect("a plain document has a JSON text"))
            }
        }
    }

    /// Numbers a document.
    pub(crate) fn seal(&self, kind: PayloadKind, document: EncodedDocument) -> PreparedPayload {
        let number = self.next_number();
        let bytes = match document.content {
            EncodedContent::Record(record) => PayloadBytes::Record(record.seal(number)),
            EncodedContent::Text(text) => PayloadBytes::File(text),
        };
        PreparedPayload { number, kind, bytes }
    }

    /// Numbers a document that is lost, in a bundle whose references say so.
    pub(crate) fn omit(&self, kind: PayloadKind, bytes: u64) -> PreparedPayload {
        PreparedPayload { number: self.next_number(), kind, bytes: PayloadBytes::Omitted(bytes) }
    }

    /// Numbers a document that is not written, because its event will not be written either.
    pub(crate) fn leave_out(&self, kind: PayloadKind) -> PreparedPayload {
        PreparedPayload { number: self.next_number(), kind, bytes: PayloadBytes::Nothing }
    }

    /// Lets later documents refer to a record that has been written.
    pub(crate) fn learn(&self, record: PackedRecord) {
        let Encoding::Records(records) = &self.encoding else { return };
        let PackedRecord { sealed, mut scratch, next_base, lease } = record;
        let number = sealed.number();
        records.known.lock().unwrap_or_else(PoisonError::into_inner).learn(&scratch.draft, number);
        if let (Some(lease), false) = (lease, matches!(next_base, NextBase::Unchanged)) {
            records.advance(lease, number, &mut scratch, next_base);
        }
        scratch.draft.reuse(sealed);
        records.spares.give(scratch);
    }

    /// Subtracts the memory of a thread's comparison state from the total, after the thread's last handle was dropped.
    pub(crate) fn forget(&self, slot: &CompareSlot) {
        if let Encoding::Records(records) = &self.encoding {
            records.compare_bytes.fetch_sub(slot.bytes(), Ordering::Relaxed);
        }
    }

    fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    fn whole<T: Serialize + ?Sized>(
        &self,
        records: &RecordEncoding,
        document: &T,
    ) -> Result<EncodedDocument, WalkError> {
        let walked = walk::whole(&self.walk_context(records), document)?;
        Ok(records.encoded(walked.scratch, NextBase::Unchanged, None))
    }

    fn document_text<T: Serialize + ?Sized>(&self, document: &T) -> Result<EncodedDocument, WalkError> {
        self.limited(self.redacted_text(document)?)
    }

    fn limited(&self, text: Vec<u8>) -> Result<EncodedDocument, WalkError> {
        let limit = self.max_payload_bytes;
        let bytes = text.len();
        if bytes > limit { Err(WalkError::TooLong { bytes, limit }) } else { Ok(EncodedDocument::text(text)) }
    }

    fn redacted_text<T: Serialize + ?Sized>(&self, document: &T) -> Result<Vec<u8>, WalkError> {
        let mut text = walk::json_text(document)?;
        if let Some(redaction) = &self.redaction {
            redaction.apply_to_json(&mut text, 0);
        }
        Ok(text)
    }

    fn redacted_body(&self, body: &[u8]) -> Option<Vec<u8>> {
        let redaction = self.redaction.as_ref()?;
        let mut body = body.to_vec();
        redaction.apply_to_json(&mut body, 0);
        Some(body)
    }

    fn walk_context<'w>(&'w self, records: &'w RecordEncoding) -> WalkContext<'w> {
        WalkContext {
            key: &records.key,
            known: &records.known,
            spares: &records.spares,
            redaction: self.redaction.as_deref(),
            max_document: self.max_payload_bytes.min(MAX_RECORD_BYTES),
        }
    }

    #[cfg(test)]
    pub(crate) fn compare_bytes(&self) -> usize {
        match &self.encoding {
            Encoding::Records(records) => records.compare_bytes.load(Ordering::Relaxed),
            Encoding::Text => 0,
        }
    }
}

impl RecordEncoding {
    fn encoded(&self, scratch: Scratch, next_base: NextBase, lease: Option<CompareLease>) -> EncodedDocument {
        let record = UnsealedRecord { scratch, next_base, lease, checksums: self.checksums };
        EncodedDocument { content: EncodedContent::Record(record), misuse: None }
    }

    /// Moves a thread's comparison state on to the document of a record, and shrinks it where all of them take too much
    /// memory.
    fn advance(&self, mut lease: CompareLease, number: u64, scratch: &mut Scratch, next_base: NextBase) {
        let compared = &mut lease.compared;
        let before = compared.bytes();
        compared.advance(number, scratch, next_base);
        let others = self.compare_bytes.fetch_sub(before, Ordering::Relaxed) - before;
        if others.saturating_add(compared.bytes()) > self.max_compare_bytes {
            compared.shrink();
        }
        self.compare_bytes.fetch_add(compared.bytes(), Ordering::Relaxed);
    }
}

/// Returns how a request's text differs from the shape of its API, if that is known and the request is a thread's first
/// one.
fn misuse_of(slot: &CompareSlot, shape: Option<RequestShape>, request: &[u8]) -> Option<Misuse> {
    let shape = shape.filter(|shape| slot.is_first_request() && !shape.is_in(request))?;
    Some(Misuse::without_input(shape))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use crate::{MemorySink, ThreadStartedTraceMetadata, ThreadTraceContext, TraceOptions};

    fn metadata(thread_id: &str) -> ThreadStartedTraceMetadata<Value> {
        ThreadStartedTraceMetadata::new(thread_id, "/root", Value::Null)
    }

    #[test]
    fn a_dropped_thread_takes_no_memory_from_the_others() {
        let options = TraceOptions::new().memory_sink(&MemorySink::new());
        let root = ThreadTraceContext::start_root(Path::new("nowhere"), metadata("root"), options).expect("memory");
        let compare_bytes = || root.inner().and_then(|inner| inner.recorder()).expect("it is on").compare_bytes();
        let child = root.start_child_thread_trace_or_disabled(metadata("child"));
        let attempt = child.inference_trace_context("turn", "m", "p").start_attempt();
        attempt.record_started(&json!({"input": ["x".repeat(1000)]}));
        assert!(compare_bytes() > 1000);
        drop(child);
        assert!(compare_bytes() > 1000, "the attempt still has the thread");
        drop(attempt);
        assert_eq!(compare_bytes(), 0);
    }
}
