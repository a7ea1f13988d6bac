//! The recorder of one rollout, which all of its handles share. It joins packer, writer, losses and threads.

use std::{
    error::Error,
    fmt::Display,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rollout_trace_schema::{
    EventPayload, Other, PayloadKind, PayloadRef, ProtocolEventObserved, RecordingCompleted, RolloutId, RolloutStarted,
    ThreadId, WireApi,
    document::{RecorderMisuse, RecorderReport, RecordingLoss, RedactionCount},
};
use serde::Serialize;
use thiserror::Error;

use crate::{
    StartError, TraceOptions,
    caller::{CallerError, displayed, guarded},
    compare_slot::CompareSlot,
    event_line::{self, Context, EventText},
    losses::{Losses, Lost, with_causes},
    misuse::Misuse,
    new_bundle::NewBundle,
    outcome::RecordingOutcome,
    packer::{EncodedDocument, Packer, RequestInput},
    payload::{PayloadBytes, PreparedPayload},
    redaction::Redaction,
    request_shape::RequestShape,
    threads::Threads,
    writer::{WriteError, Writer},
};

/// Everything that the handles of one rollout share.
pub(crate) struct Recorder {
    options: TraceOptions,
    rollout_id: RolloutId,
    /// The process that may write. A forked child has the same handles and must not write.
    process_id: u32,
    next_compaction_request: AtomicU64,
    redaction: Option<Arc<Redaction>>,
    pub(crate) packer: Packer,
    pub(crate) writer: Writer,
    losses: Losses,
    /// How many of the writer's failures are counted as losses, or leave losses unreported.
    settled: AtomicU64,
    /// Whether the trace has its end marker.
    has_end: AtomicBool,
    pub(crate) threads: Threads,
    /// The prompt of every request, if the bundle's schema asks for one.
    pub(crate) prompt: Option<PayloadRef>,
}

/// Why something is not in the trace.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    Caller(#[from] CallerError),
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An attempt ended that no reader would know, because it was never started.
    #[error("an inference attempt ended that was never started")]
    NeverStarted,
}

impl RecordError {
    /// Returns whether this is a loss. Calls after the end of a recording are not losses.
    fn is_loss(&self) -> bool {
        !matches!(self, Self::Write(WriteError::Ended))
    }
}

impl Recorder {
    /// Begins a bundle under `root`.
    pub(crate) fn start(root: PathBuf, root_thread_id: &ThreadId, options: TraceOptions) -> Result<Self, StartError> {
        let bundle = NewBundle::create(&root, root_thread_id, &options)?;
        let (trace_id, rollout_id) = (bundle.trace_id.clone(), bundle.rollout_id.clone());
        let redaction = options.redactor.clone().map(|redactor| Arc::new(Redaction::new(redactor)));
        let mut packer = Packer::for_files(options.max_payload_bytes, redaction.clone());
        if let Some(pack) = &bundle.pack {
            packer = packer.into_records(pack.checksums, options.max_compare_bytes);
        }
        let mut recorder = Self {
            rollout_id,
            process_id: process::id(),
            next_compaction_request: AtomicU64::new(1),
            redaction,
            packer,
            writer: Writer::new(bundle, options.max_bundle_bytes),
            losses: Losses::default(),
            settled: AtomicU64::new(0),
            has_end: AtomicBool::new(false),
            threads: Threads::default(),
            prompt: None,
            options,
        };
        recorder.write_prompt();
        recorder.append(Context::default(), RolloutStarted { trace_id, root_thread_id: root_thread_id.clone() });
        Ok(recorder)
    }

    /// Returns whether this process may write, because it is not a fork of the one that may.
    pub(crate) fn is_in_its_process(&self) -> bool {
        process::id() == self.process_id
    }

    /// Returns whether a thread is the one that the rollout belongs to.
    pub(crate) fn is_root(&self, thread_id: &ThreadId) -> bool {
        self.rollout_id.as_str() == thread_id.as_str()
    }

    /// Returns the bundle's folder, if it has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.writer.folder()
    }

    /// Mints an id.
    pub(crate) fn mint(&self) -> String {
        self.options.mint()
    }

    /// Mints the id of a request for a compaction.
    pub(crate) fn mint_compaction_request(&self) -> String {
        format!("compaction_request:{}", self.next_compaction_request.fetch_add(1, Ordering::Relaxed))
    }

    /// Prepares a document that is compared only with texts that are stored already.
    pub(crate) fn prepare<T: Serialize + ?Sized>(&self, kind: PayloadKind, document: &T) -> PreparedPayload {
        self.prepare_with(kind, || self.packer.encode(document))
    }

    /// Prepares a model-facing request.
    pub(crate) fn prepare_request<T: Serialize + ?Sized>(
        &self,
        kind: PayloadKind,
        input: RequestInput<'_, T>,
        slot: &CompareSlot,
        wire_api: &WireApi,
    ) -> PreparedPayload {
        self.prepare_with(kind, || self.packer.encode_request(input, (slot, RequestShape::of(wire_api))))
    }

    /// Prepares a document that repeats much of the thread's last request but is not the next one: a checkpoint, or a
    /// request for a compaction.
    pub(crate) fn prepare_relative<T: Serialize + ?Sized>(
        &self,
        kind: PayloadKind,
        document: &T,
        slot: &CompareSlot,
    ) -> PreparedPayload {
        self.prepare_with(kind, || self.packer.encode_relative(document, slot))
    }

    fn prepare_with(
        &self,
        kind: PayloadKind,
        encode: impl FnOnce() -> Result<EncodedDocument, CallerError>,
    ) -> PreparedPayload {
        if let Err(error) = self.writer.check_open() {
            // The event will not be written either, so its document need not be serialized.
            self.lose(Lost::Payload, error);
            return self.packer.leave_out(kind);
        }
        if self.writer.is_sharded() {
            return self.prepare_for_shard(kind, encode);
        }
        let encoded = encode().map_err(RecordError::from).and_then(|document| {
            self.writer.check_room(document.new_bytes())?;
            Ok(document)
        });
        let document = encoded.unwrap_or_else(|error| self.packer.encode_lost(self.note_lost_payload(&error)));
        if let Some(misuse) = &document.misuse {
            self.report_misuse(misuse);
        }
        self.packer.seal(kind, document)
    }

    /// Appends an event that refers to no payload.
    pub(crate) fn append(&self, context: Context<'_>, event: impl Into<EventPayload>) {
        self.commit(context, &event.into(), []);
    }

    /// Appends an event with one payload.
    pub(crate) fn append_with(&self, context: Context<'_>, payload: PreparedPayload, event: impl Into<EventPayload>) {
        self.commit(context, &event.into(), [payload]);
    }

    /// Appends an event after the payloads that it refers to. Never called in a forked child.
    pub(crate) fn commit<const N: usize>(
        &self,
        context: Context<'_>,
        event: &impl EventText,
        payloads: [PreparedPayload; N],
    ) {
        match self.tail(context, event).map_err(RecordError::from).and_then(|tail| self.write(&tail, payloads)) {
            Ok(()) => self.report_losses(),
            Err(error) => self.lose(Lost::Event, error),
        }
    }

    /// Counts a lost document, and returns the reason that the trace may contain.
    pub(crate) fn note_lost_payload(&self, error: &RecordError) -> String {
        let reason = self.reason(error);
        self.losses.note(Lost::Payload, reason.clone());
        reason
    }

    /// Writes payloads and a line. The line is written even if a payload cannot be written.
    fn write<const N: usize>(&self, tail: &[u8], payloads: [PreparedPayload; N]) -> Result<(), RecordError> {
        if self.writer.is_sharded() {
            return self.write_sharded(tail, payloads);
        }
        let mut failed: [Option<WriteError>; N] = [const { None }; N];
        let mut records = [const { None }; N];
        for (index, payload) in payloads.into_iter().enumerate() {
            match payload.bytes {
                PayloadBytes::File(text) => {
                    failed[index] = self.writer.write_payload_file(payload.number, &text).err();
                }
                PayloadBytes::Record(record) => records[index] = Some(record),
                PayloadBytes::Omitted(_) | PayloadBytes::Nothing => {}
            }
        }
        let mut writer = self.writer.lock()?;
        for (record, failed) in records.iter_mut().zip(&mut failed) {
            if let Some(record) = record {
                *failed = writer.write_record(&mut record.sealed).err();
            }
        }
        let line = writer.write_line(tail);
        drop(writer);
        for (record, failed) in records.into_iter().zip(failed) {
            match (record, failed) {
                (_, Some(error)) => self.lose(Lost::Payload, error),
                (Some(record), None) => self.packer.learn(record),
                (None, None) => {}
            }
        }
        Ok(line?)
    }

    /// Returns the end of the event's line, redacted.
    pub(crate) fn tail(&self, context: Context<'_>, event: &impl EventText) -> Result<Vec<u8>, CallerError> {
        let mut tail = event_line::encode_tail(self.options.now(), &self.rollout_id, context, event);
        if let Some(redaction) = &self.redaction {
            guarded("redact an event", || {
                redaction.apply_to_event(&mut tail);
                Ok(())
            })?;
        }
        Ok(tail)
    }

    /// Returns the redactor's replacement for a text, or `None` if the text is unchanged.
    pub(crate) fn redacted(&self, text: &str) -> Option<String> {
        let redaction = self.redaction.as_ref()?;
        guarded("redact a text", || Ok(redaction.apply(text))).unwrap_or_else(|error| Some(error.to_string()))
    }

    /// Returns the text that the caller's code displays, or a text that says why it cannot.
    pub(crate) fn displayed(&self, value: impl Display) -> String {
        displayed(value).unwrap_or_else(|error| {
            let reason = self.reason(&error);
            self.losses.note(Lost::Payload, reason.clone());
            reason
        })
    }

    /// Counts a loss, unless the recording has ended.
    pub(crate) fn lose(&self, lost: Lost, error: impl Into<RecordError>) {
        let error = error.into();
        if error.is_loss() {
            self.losses.note(lost, self.reason(&error));
        }
        self.settle(&error);
    }

    /// Notes that a failure of the writer is accounted for. Until it is, there is no end marker: the writer fails under its
    /// lock, and another thread could end the recording before the loss is counted.
    fn settle(&self, error: &RecordError) {
        if let RecordError::Write(WriteError::Payload(_) | WriteError::Event(_)) = error {
            self.settled.fetch_add(1, Ordering::Release);
        }
    }

    /// Returns how many events and payload documents were lost.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.total()
    }

    /// Returns what the recording amounts to so far.
    pub(crate) fn outcome(&self) -> RecordingOutcome {
        RecordingOutcome { loss: self.losses.all(), has_end: self.has_end.load(Ordering::Acquire) }
    }

    /// Returns a reason that the trace may contain: it is redacted, because the caller's code may have made it, and cut
    /// off if it is long.
    fn reason(&self, error: &dyn Error) -> String {
        const MAX_CHARS: usize = 1000;
        let reason = with_causes(error);
        let mut reason = self.redacted(&reason).unwrap_or(reason);
        if let Some((cut, _)) = reason.char_indices().nth(MAX_CHARS) {
            reason.truncate(cut);
        }
        reason
    }

    /// Reports how the agent core misuses the recorder, once for each kind of misuse.
    pub(crate) fn report_misuse(&self, misuse: &Misuse) {
        if self.losses.is_first(misuse) {
            let report = RecorderMisuse { misuse: misuse.code().to_owned(), message: misuse.to_string() };
            self.report(RecorderReport::MISUSE, &report);
        }
    }

    /// Writes a protocol event of the recorder's own with its document. If it cannot, one event is lost.
    pub(crate) fn report(&self, event_type: &str, document: &impl Serialize) {
        if let Err(error) = self.try_report(event_type, document) {
            self.lose(Lost::Event, error);
        }
    }

    /// Writes a protocol event of the recorder's own: with its document, or not at all.
    ///
    /// The limits for payloads do not apply to it, because a trace that they make incomplete has to report that.
    fn try_report(&self, event_type: &str, document: &impl Serialize) -> Result<(), RecordError> {
        self.writer.check_open()?;
        let payload = self.packer.seal(PayloadKind::ProtocolEvent, self.packer.encode_report(document)?);
        let event = ProtocolEventObserved { event_type: event_type.to_owned(), event_payload: payload.reference() };
        self.append_report(event.into(), Some(payload))
    }

    /// Reports losses in a line, for the case that no document can be written but a line perhaps can.
    ///
    /// Other tools refuse such an event, but they also refuse a bundle that lacks a document.
    fn try_report_without_document(&self, loss: &RecordingLoss) -> Result<(), RecordError> {
        if self.writer.is_sharded() && loss.lost_events == 0 {
            return self.report_omitted_documents();
        }
        let event = Other {
            kind: RecorderReport::LOSS.to_owned(),
            summary: "the recorder could not record everything".to_owned(),
            payloads: Vec::new(),
            metadata: serde_json::to_value(loss).expect("numbers and texts have a JSON value"),
        };
        self.append_report(event.into(), None)
    }

    /// Appends an event of the recorder's own with its document. Fails if either cannot be written.
    pub(crate) fn append_report(
        &self,
        event: EventPayload,
        payload: Option<PreparedPayload>,
    ) -> Result<(), RecordError> {
        let tail = self.tail(Context::default(), &event)?;
        if self.writer.is_sharded() {
            return self.write_sharded_report(&tail, payload);
        }
        let mut record = None;
        match payload.map(|payload| (payload.number, payload.bytes)) {
            Some((number, PayloadBytes::File(text))) => self.writer.write_payload_file(number, &text)?,
            Some((_, PayloadBytes::Record(packed))) => record = Some(packed),
            Some((_, PayloadBytes::Omitted(_) | PayloadBytes::Nothing)) | None => {}
        }
        let mut writer = self.writer.lock()?;
        if let Some(record) = &mut record {
            writer.write_record(&mut record.sealed)?;
        }
        writer.write_line(&tail)?;
        drop(writer);
        if let Some(record) = record {
            self.packer.learn(record);
        }
        Ok(())
    }

    /// Reports the losses that the trace does not mention yet.
    fn report_losses(&self) {
        self.losses.report(|loss| {
            let reported = self.try_report(RecorderReport::LOSS, loss).or_else(|error| {
                self.settle(&error);
                self.try_report_without_document(loss)
            });
            // If neither can be written, the losses stay unreported.
            reported.inspect_err(|error| self.settle(error))
        });
    }

    /// Subtracts the memory of a thread's comparison state from the total, after the thread's last handle was dropped.
    pub(crate) fn forget_compared(&self, slot: &CompareSlot) {
        self.packer.forget(slot);
    }

    /// Waits until the disk has everything, if the options ask for it.
    pub(crate) fn sync_if_asked(&self) {
        if self.options.sync_at_turn_end
            && let Err(error) = self.writer.sync()
        {
            self.lose(Lost::Event, error);
        }
    }

    /// Writes the last reports, and then the end marker, after which nothing follows. A trace that does not report all
    /// of its losses gets no end marker.
    pub(crate) fn close(&self) {
        if !self.is_in_its_process() || self.writer.is_closed() {
            return;
        }
        self.writer.begin_closing();
        if let Some(redacted) = self.redaction.as_ref().map(|redaction| redaction.count()).filter(|&count| count > 0) {
            self.report(RecorderReport::REDACTED, &RedactionCount { redacted });
        }
        self.sync_if_asked();
        self.report_losses();
        let event = EventPayload::from(RecordingCompleted {});
        let tail = event_line::encode_tail(self.options.now(), &self.rollout_id, Context::default(), &event);
        if let Some(mut writer) = self.writer.close()
            && self.settled.load(Ordering::Acquire) == self.writer.failures()
            // A shard that is not ended is damage in a bundle with an end marker, and otherwise usual.
            && writer.end_shards().is_ok()
            && self.losses.all_reported()
        {
            // If the end marker cannot be written, the trace has none.
            self.has_end.store(writer.write_line(&tail).is_ok(), Ordering::Release);
        }
        // What can fail to reach the disk now is at most the end marker.
        self.sync_if_asked();
    }

    #[cfg(test)]
    pub(crate) fn compare_bytes(&self) -> usize {
        self.packer.compare_bytes()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}
