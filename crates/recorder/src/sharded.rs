//! The recorder of a bundle with shards: where a document is shows only when it is written, and a reference says so if it was
//! not written.

use rollout_trace_schema::{
    Capture, PayloadKind, PayloadPlace, PayloadRef, ProtocolEventObserved, document::RecorderReport,
};

use crate::{
    caller::CallerError,
    losses::Lost,
    packer::EncodedDocument,
    payload::{PayloadBytes, PreparedPayload},
    recorder::{RecordError, Recorder},
    walk::WalkError,
    writer::{LockedWriter, WriteError},
};

/// The document of every prompt. Readers need one for each request, and reduce nothing from it.
const NO_PROMPT: &[u8] = br#"{"input":[]}"#;

impl Recorder {
    /// Writes the document that serves as the prompt of every request, if the bundle has shards.
    pub(crate) fn write_prompt(&mut self) {
        if !self.writer.is_sharded() {
            return;
        }
        let document = NO_PROMPT.to_vec();
        let omitted = self.packer.omit(PayloadKind::PreparedPrompt, document.len() as u64);
        let payload = PreparedPayload { bytes: PayloadBytes::File(document), ..omitted };
        let mut reference = payload.reference();
        let written = self.writer.lock().and_then(|mut writer| {
            let (placed, failed) = store(&mut writer, payload);
            reference = placed;
            failed.map_or(Ok(()), Err)
        });
        if let Err(error) = written {
            self.lose(Lost::Payload, error);
        }
        self.prompt = Some(reference);
    }

    /// Prepares a document, or a reference that says that it is omitted.
    pub(crate) fn prepare_for_shard(
        &self,
        kind: PayloadKind,
        encode: impl FnOnce() -> Result<EncodedDocument, CallerError>,
    ) -> PreparedPayload {
        let (error, bytes) = match encode() {
            Ok(document) => match self.writer.check_room(document.new_bytes()) {
                Ok(()) => {
                    if let Some(misuse) = &document.misuse {
                        self.report_misuse(misuse);
                    }
                    return self.packer.seal(kind, document);
                }
                Err(error) => (error.into(), document.new_bytes()),
            },
            Err(error) => {
                let bytes = match &error {
                    CallerError::Failed { source: WalkError::TooLong { bytes, .. }, .. } => *bytes,
                    _ => 0,
                };
                (RecordError::from(error), bytes)
            }
        };
        self.note_lost_payload(&error);
        self.packer.omit(kind, bytes as u64)
    }

    /// Writes payloads and a line whose references say where the payloads are.
    pub(crate) fn write_sharded<const N: usize>(
        &self,
        tail: &[u8],
        payloads: [PreparedPayload; N],
    ) -> Result<(), RecordError> {
        let mut tail = tail.to_vec();
        let mut failed = [const { None }; N];
        let mut writer = self.writer.lock()?;
        for (payload, failed) in payloads.into_iter().zip(&mut failed) {
            let unplaced = payload.reference();
            let (placed, error) = store(&mut writer, payload);
            *failed = error;
            place(&mut tail, &unplaced, &placed);
        }
        let line = writer.write_line(&tail);
        drop(writer);
        failed.into_iter().flatten().for_each(|error| self.lose(Lost::Payload, error));
        Ok(line?)
    }

    /// Writes a report of the recorder's own: with its document, or not at all.
    pub(crate) fn write_sharded_report(
        &self,
        tail: &[u8],
        payload: Option<PreparedPayload>,
    ) -> Result<(), RecordError> {
        let mut tail = tail.to_vec();
        let mut writer = self.writer.lock()?;
        if let Some(payload) = payload {
            let unplaced = payload.reference();
            let (placed, failed) = store(&mut writer, payload);
            failed.map_or(Ok(()), Err)?;
            place(&mut tail, &unplaced, &placed);
        }
        Ok(writer.write_line(&tail)?)
    }

    /// Reports that documents were lost, where the report cannot have a document either. The references to the lost documents
    /// say the rest, and Codex would refuse a report in the line.
    pub(crate) fn report_omitted_documents(&self) -> Result<(), RecordError> {
        let payload = self.packer.omit(PayloadKind::ProtocolEvent, 0);
        let event_type = RecorderReport::LOSS.to_owned();
        let event = ProtocolEventObserved { event_type, event_payload: payload.reference() };
        self.append_report(event.into(), Some(payload))
    }
}

/// Writes a payload into a shard. Returns the reference to what there is of it then, and why it was not written.
fn store(writer: &mut LockedWriter<'_>, payload: PreparedPayload) -> (PayloadRef, Option<WriteError>) {
    let mut reference = payload.reference();
    let (shard, original_bytes, error) = match payload.bytes {
        PayloadBytes::File(text) => match writer.write_document(&reference.raw_payload_id, &text) {
            Ok(shard) => (Some(shard), 0, None),
            Err(error) => (None, text.len() as u64, Some(error)),
        },
        PayloadBytes::Omitted(bytes) => (None, bytes, None),
        PayloadBytes::Record(_) | PayloadBytes::Nothing => (None, 0, None),
    };
    reference.place = PayloadPlace::Shard(shard);
    if shard.is_none() {
        reference.capture = Capture::Omitted { original_bytes };
    }
    (reference, error)
}

/// Replaces the reference to a payload in an event's text. The text of a reference occurs nowhere else, because its quotes
/// would be escaped within a string.
fn place(tail: &mut Vec<u8>, unplaced: &PayloadRef, placed: &PayloadRef) {
    let text = |reference: &PayloadRef| serde_json::to_vec(reference).expect("a reference has a JSON text");
    let old = text(unplaced);
    if let Some(at) = memchr::memmem::find(tail, &old) {
        tail.splice(at..at + old.len(), text(placed));
    }
}
