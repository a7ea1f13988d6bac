//! Payload documents on their way into a bundle.

use std::{
    fmt::Display,
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use rollout_trace_schema::{
    Manifest, PayloadKind, PayloadRef, RawPayloadId,
    document::{LostPayload, LostPayloadReason},
};
use serde::Serialize;

use crate::{
    loss::Lost,
    recorder::{Packing, Recorder, Refusal},
    walk::{self, Compared, Moved, Scratch, SealedRecord, WalkContext, WalkError},
};

/// A payload with its number. With one file each, it is written; packed, it is written with its event.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) number: u64,
    kind: PayloadKind,
    pub(crate) record: Option<PackedRecord>,
}

impl Prepared {
    /// What events call the payload.
    pub(crate) fn reference(&self) -> PayloadRef {
        PayloadRef {
            raw_payload_id: RawPayloadId::from(format!("raw_payload:{}", self.number)),
            kind: self.kind.clone(),
            path: payload_path(self.number),
        }
    }
}

/// A record on its way into the file of payloads.
pub(crate) struct PackedRecord {
    pub(crate) sealed: SealedRecord,
    scratch: Scratch,
    moved: Moved,
    lease: Option<Lease>,
}

impl std::fmt::Debug for PackedRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PackedRecord").field(&self.sealed).finish()
    }
}

/// How a model-facing request comes.
pub(crate) enum RequestInput<'r, T: ?Sized> {
    /// As a value, whose first `unchanged` input items are those of the thread's last request.
    Value { request: &'r T, unchanged: usize },
    /// As the bytes of its body.
    Body(&'r [u8]),
}

/// A thread's comparison state, which one call at a time takes.
#[derive(Clone, Debug)]
pub(crate) struct CompareSlot(Arc<Mutex<Option<Box<Compared>>>>);

impl CompareSlot {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Box::default()))))
    }

    /// How much memory the state takes, unless a call has it.
    fn bytes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |compared| compared.bytes())
    }

    /// Takes the state. None: another call has it, on another thread or further up the stack.
    fn take(&self) -> Option<Lease> {
        let compared = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Lease { compared, slot: self.clone() })
    }
}

/// A comparison state while a call has it. It goes back when the call is done, fails or panics.
struct Lease {
    compared: Box<Compared>,
    slot: CompareSlot,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let compared = mem::take(&mut self.compared);
        *self.slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(compared);
    }
}

impl PackedRecord {
    /// Lets later documents refer to this one, now that it is written.
    pub(crate) fn written(self, recorder: &Recorder) {
        let Some(packing) = &recorder.packing else { return };
        let Self { sealed, mut scratch, moved, lease } = self;
        let number = sealed.number();
        packing.known.lock().unwrap_or_else(PoisonError::into_inner).learn(&scratch.draft, number);
        if let (Some(mut lease), false) = (lease, matches!(moved, Moved::Not)) {
            lease.advance(recorder, packing, number, &mut scratch, moved);
        }
        scratch.draft.take_back(sealed);
        packing.spares.give(scratch);
    }
}

impl Lease {
    fn advance(&mut self, recorder: &Recorder, packing: &Packing, number: u64, scratch: &mut Scratch, moved: Moved) {
        let lease = self;
        let before = lease.compared.bytes();
        lease.compared.advance(number, scratch, moved);
        let after = lease.compared.bytes();
        let others = packing.compare_bytes.fetch_sub(before, Ordering::Relaxed) - before;
        if others.saturating_add(after) > recorder.options.max_compare_bytes {
            lease.compared.shrink();
        }
        packing.compare_bytes.fetch_add(lease.compared.bytes(), Ordering::Relaxed);
    }
}

impl Recorder {
    /// Gives back what the comparison state of a thread that is gone took of the memory for all of them.
    pub(crate) fn forget_compared(&self, slot: &CompareSlot) {
        if let Some(packing) = &self.packing {
            packing.compare_bytes.fetch_sub(slot.bytes(), Ordering::Relaxed);
        }
    }

    /// Prepares a document that is compared with nothing but what is known to be stored.
    pub(crate) fn prepare<T: Serialize + ?Sized>(&self, kind: PayloadKind, document: &T) -> Prepared {
        match &self.packing {
            Some(packing) => self.prepare_packed(kind, packing, || {
                let walked = walk::whole(&self.walk_context(packing), document)?;
                Ok((walked.scratch, Moved::Not, None))
            }),
            None => self.prepare_file(kind, || self.document_text(document)),
        }
    }

    /// Prepares a model-facing request.
    pub(crate) fn prepare_request<T: Serialize + ?Sized>(
        &self,
        kind: PayloadKind,
        input: RequestInput<'_, T>,
        slot: &CompareSlot,
    ) -> Prepared {
        let Some(packing) = &self.packing else {
            return self.prepare_file(kind, || match input {
                RequestInput::Value { request, .. } => self.document_text(request),
                RequestInput::Body(body) => Ok(self.redacted_body(body).unwrap_or_else(|| body.to_vec())),
            });
        };
        self.prepare_packed(kind, packing, || {
            let context = self.walk_context(packing);
            let mut lease = slot.take();
            let (scratch, moved) = match (input, &mut lease) {
                (RequestInput::Value { request, unchanged }, Some(lease)) => {
                    let walked = lease.compared.request(&context, request, unchanged)?;
                    if walked.hint_was_wrong && !packing.warned_of_hint.swap(true, Ordering::Relaxed) {
                        warn_of_wrong_hint();
                    }
                    (walked.scratch, Moved::Walk)
                }
                (RequestInput::Value { request, .. }, None) => (walk::whole(&context, request)?.scratch, Moved::Not),
                (RequestInput::Body(body), lease) => {
                    let redacted = self.redacted_body(body);
                    let body = redacted.as_deref().unwrap_or(body);
                    match lease {
                        Some(lease) => lease.compared.body(&context, body)?,
                        None => (walk::whole_body(&context, body)?, Moved::Not),
                    }
                }
            };
            Ok((scratch, moved, lease))
        })
    }

    /// Prepares a document that repeats much of the thread's last request but is none: a checkpoint, a request for a compaction.
    pub(crate) fn prepare_relative<T: Serialize + ?Sized>(
        &self,
        kind: PayloadKind,
        document: &T,
        slot: &CompareSlot,
    ) -> Prepared {
        let Some(packing) = &self.packing else { return self.prepare_file(kind, || self.document_text(document)) };
        self.prepare_packed(kind, packing, || {
            let context = self.walk_context(packing);
            let mut lease = slot.take();
            let walked = match &mut lease {
                Some(lease) => lease.compared.relative(&context, document)?,
                None => walk::whole(&context, document)?,
            };
            Ok((walked.scratch, Moved::Not, lease))
        })
    }

    fn prepare_packed(
        &self,
        kind: PayloadKind,
        packing: &Packing,
        encode: impl FnOnce() -> Result<(Scratch, Moved, Option<Lease>), WalkError>,
    ) -> Prepared {
        if self.is_left_out() {
            return self.left_out(kind);
        }
        let encoded = guarded(SERIALISE, encode).and_then(|(scratch, moved, lease)| {
            if self.has_room_for(scratch.draft.data_len()) { Ok((scratch, moved, lease)) } else { Err(self.no_room()) }
        });
        let (scratch, moved, lease) = encoded.unwrap_or_else(|reason| {
            let lost = self.lost(reason);
            let context =
                WalkContext { redaction: None, max_document: u32::MAX as usize, ..self.walk_context(packing) };
            let walked = walk::whole(&context, &lost).expect("a plain document far below the limit");
            (walked.scratch, Moved::Not, None)
        });
        self.seal(kind, packing, scratch, moved, lease)
    }

    fn seal(
        &self,
        kind: PayloadKind,
        packing: &Packing,
        mut scratch: Scratch,
        moved: Moved,
        lease: Option<Lease>,
    ) -> Prepared {
        let number = self.next_payload.fetch_add(1, Ordering::Relaxed);
        let nothing = Compared::default();
        let compared = lease.as_ref().map_or(&nothing, |lease| &lease.compared);
        let sealed = compared.seal(&mut scratch.draft, number, packing.salt);
        Prepared { number, kind, record: Some(PackedRecord { sealed, scratch, moved, lease }) }
    }

    fn prepare_file(&self, kind: PayloadKind, encode: impl FnOnce() -> Result<Vec<u8>, WalkError>) -> Prepared {
        if self.is_left_out() {
            return self.left_out(kind);
        }
        let text = guarded(SERIALISE, encode).and_then(|text| {
            let limit = self.options.max_payload_bytes;
            match () {
                () if text.len() > limit => Err(WalkError::TooLarge { limit }.to_string()),
                () if !self.has_room_for(text.len()) => Err(self.no_room()),
                () => Ok(text),
            }
        });
        let text = text
            .unwrap_or_else(|reason| serde_json::to_vec(&self.lost(reason)).expect("a plain document has a JSON text"));
        let number = self.next_payload.fetch_add(1, Ordering::Relaxed);
        if let Err(reason) = self.write_file(number, &text) {
            self.losses.note(Lost::Payload, reason);
        }
        Prepared { number, kind, record: None }
    }

    fn write_file(&self, number: u64, text: &[u8]) -> Result<(), String> {
        let written = self.sink.write_payload(&payload_path(number), text);
        written.map_err(|error| format!("cannot write a payload: {error}"))?;
        self.count_bytes(text.len());
        Ok(())
    }

    /// Prepares what the recorder itself has to say, for which no limit holds.
    pub(crate) fn prepare_report<T: Serialize>(&self, document: &T) -> Result<Prepared, String> {
        let kind = PayloadKind::ProtocolEvent;
        match &self.packing {
            Some(packing) => {
                let context = WalkContext { max_document: u32::MAX as usize, ..self.walk_context(packing) };
                let walked = guarded(SERIALISE, || walk::whole(&context, document))?;
                Ok(self.seal(kind, packing, walked.scratch, Moved::Not, None))
            }
            None => {
                let text = guarded(SERIALISE, || self.document_text(document))?;
                let number = self.next_payload.fetch_add(1, Ordering::Relaxed);
                self.write_file(number, &text)?;
                Ok(Prepared { number, kind, record: None })
            }
        }
    }

    /// Whether a document need not be looked at, as its event will not be written either.
    fn is_left_out(&self) -> bool {
        match self.may_write() {
            Ok(()) => false,
            Err(Refusal::NotOurs) => true,
            Err(Refusal::Lost(reason)) => {
                self.losses.note(Lost::Payload, reason);
                true
            }
        }
    }

    fn left_out(&self, kind: PayloadKind) -> Prepared {
        Prepared { number: self.next_payload.fetch_add(1, Ordering::Relaxed), kind, record: None }
    }

    fn document_text<T: Serialize + ?Sized>(&self, document: &T) -> Result<Vec<u8>, WalkError> {
        let mut text = serde_json::to_vec(document).map_err(|error| WalkError::Custom(error.to_string()))?;
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

    fn walk_context<'w>(&'w self, packing: &'w Packing) -> WalkContext<'w> {
        WalkContext {
            key: &packing.key,
            known: &packing.known,
            spares: &packing.spares,
            redaction: self.redaction.as_ref(),
            // A record's lengths have four bytes.
            max_document: self.options.max_payload_bytes.min(u32::MAX as usize),
        }
    }

    /// Notes that a document is lost. Gives what stands in its place.
    fn lost(&self, reason: String) -> LostPayload {
        let reason = self.told(reason);
        self.losses.note(Lost::Payload, &reason);
        LostPayload { rollout_trace_lost: LostPayloadReason { reason } }
    }

    /// A reason as the trace may tell it: redacted, for the caller's code may have made it, and cut off where it is long.
    fn told(&self, reason: String) -> String {
        const MAX_CHARS: usize = 1000;
        let mut reason = self.redacted(&reason).unwrap_or(reason);
        if let Some((cut, _)) = reason.char_indices().nth(MAX_CHARS) {
            reason.truncate(cut);
        }
        reason
    }

    /// The text of something that the caller's code displays. Where it cannot, a text that says so.
    pub(crate) fn displayed(&self, value: impl Display) -> String {
        guarded("display a text", || walk::display(&value)).unwrap_or_else(|reason| {
            let reason = self.told(reason);
            self.losses.note(Lost::Payload, &reason);
            reason
        })
    }

    fn no_room(&self) -> String {
        format!("the bundle is as large as its limit of {} bytes", self.options.max_bundle_bytes)
    }
}

#[cold]
fn warn_of_wrong_hint() {
    tracing::warn!(
        target: crate::TRACING_TARGET,
        "items of a request were said to be unchanged and are not; a release build would have recorded the old ones \
         (said once)"
    );
}

/// What [`guarded`] does most.
const SERIALISE: &str = "serialise a payload";

/// Runs code of the caller. Without tracing a panic in it would not have happened, so it must not go on.
pub(crate) fn guarded<T>(what: &str, run: impl FnOnce() -> Result<T, WalkError>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| format!("cannot {what}: {error}")),
        Err(_) => Err(format!("cannot {what}: the caller's code panicked")),
    }
}

pub(crate) fn payload_path(number: u64) -> String {
    format!("{}/{number}.json", Manifest::PAYLOADS_DIR)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::{MemorySink, ThreadStartedTraceMetadata, ThreadTraceContext, TraceOptions};

    fn metadata(thread_id: &str) -> ThreadStartedTraceMetadata<Value> {
        let text = String::new;
        ThreadStartedTraceMetadata {
            thread_id: thread_id.into(),
            agent_path: "/root".into(),
            task_name: None,
            nickname: None,
            agent_role: None,
            session_source: Value::Null,
            cwd: text(),
            rollout_path: None,
            model: text(),
            provider_name: text(),
            approval_policy: text(),
            sandbox_policy: text(),
        }
    }

    #[test]
    fn a_thread_that_is_gone_takes_no_memory_from_the_others() {
        let options = TraceOptions::new().memory_sink(&MemorySink::new());
        let root = ThreadTraceContext::start_root(Path::new("nowhere"), metadata("root"), options).expect("memory");
        let compare_bytes = || {
            let recorder = root.inner().and_then(|inner| inner.recorder()).expect("it is on");
            recorder.packing.as_ref().expect("it packs").compare_bytes.load(Ordering::Relaxed)
        };
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
