//! The event log in schema 3.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use rollout_trace_schema::{
    CodeCellWaitTargetResolved, EventPayload, Manifest, PayloadKind, ProtocolEventObserved, RawEvent, RuntimeCellId,
    SchemaVersion, Seq, ToolCallId, ToolKind,
};

use super::documents::Documents;
use crate::{ConvertError, Converted, LocatedEvent, Loss, moving::staging::create_file};

/// How the kinds of the recorder's own reports begin.
///
/// Source: bundle 2, section 4.2.
const REPORT: &str = "rollout_trace.";

/// Writes the events of a bundle as those of schema 3.
#[derive(Debug)]
pub(super) struct Log<'a> {
    path: PathBuf,
    file: BufWriter<File>,
    last_seq: Seq,
    waits: &'a BTreeMap<ToolCallId, RuntimeCellId>,
    /// The kinds by which tool calls started.
    kinds: HashMap<ToolCallId, ToolKind>,
    /// An end marker after which nothing has come yet.
    end_marker: Option<RawEvent>,
}

impl<'a> Log<'a> {
    pub(super) fn new(folder: &Path, waits: &'a BTreeMap<ToolCallId, RuntimeCellId>) -> Result<Self, ConvertError> {
        let path = folder.join(Manifest::RAW_EVENT_LOG);
        let file = BufWriter::new(create_file(&path).map_err(ConvertError::write(&path))?);
        Ok(Self { path, file, last_seq: 0, waits, kinds: HashMap::new(), end_marker: None })
    }

    /// Writes an event with its documents, and what schema 3 says in events of its own.
    pub(super) fn convert(
        &mut self,
        located: LocatedEvent,
        documents: &mut Documents,
        done: &mut Converted,
    ) -> Result<(), ConvertError> {
        let LocatedEvent { line, newline_terminated, mut event } = located;
        let mut lost = |reason: String| {
            let path = Manifest::RAW_EVENT_LOG.to_owned();
            done.losses.push(Loss { path, reason: format!("line {line}: {reason}") });
        };
        if self.end_marker.take().is_some() {
            lost("the log went on after its end marker, which was left out".to_owned());
        }
        match &mut event.payload {
            EventPayload::RecordingCompleted(_) => {
                // A marker whose line is not ended does not count in any schema.
                self.end_marker = Some(event).filter(|_| newline_terminated);
                return Ok(());
            }
            EventPayload::Unknown(_) => {
                let name = event.payload.type_name();
                lost(format!("an event of type {name:?} was left out, because Codex does not read it"));
                return Ok(());
            }
            EventPayload::Other(other) if other.kind.starts_with(REPORT) => {
                let document = serde_json::to_vec(&other.metadata).expect("a JSON value has a text");
                let event_payload = documents.add(PayloadKind::ProtocolEvent, &document, done)?;
                let event_type = std::mem::take(&mut other.kind);
                event.payload = ProtocolEventObserved { event_type, event_payload }.into();
                return self.write(event);
            }
            EventPayload::Other(other) => {
                lost(format!(
                    "an event of type \"other\" ({}) was left out, because Codex does not read it",
                    other.kind
                ));
                return Ok(());
            }
            EventPayload::InferenceStarted(started) => {
                // Schema 2 does not look at the kind.
                started.request_payload.kind = PayloadKind::InferenceRequest;
            }
            EventPayload::ToolCallStarted(started) => {
                self.kinds.insert(started.tool_call_id.clone(), started.kind.clone());
            }
            EventPayload::ToolCallRuntimeStarted(started) if started.kind.is_none() => {
                started.kind = self.kinds.get(&started.tool_call_id).cloned();
            }
            _ => {}
        }
        let mut failed = None;
        event.payload.for_each_payload_ref_mut(|reference| {
            if failed.is_none() {
                match documents.place(reference, done) {
                    Ok(placed) => *reference = placed,
                    Err(error) => failed = Some(error),
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if let EventPayload::InferenceStarted(started) = &mut event.payload {
            started.prepared_prompt_payload = Some(documents.prompt(done)?);
        }
        let wait = self.wait(&event);
        self.write(event)?;
        wait.map_or(Ok(()), |wait| self.write(wait))
    }

    /// Writes the end marker, if the recording is closed.
    pub(super) fn finish(mut self) -> Result<(), ConvertError> {
        if let Some(marker) = self.end_marker.take() {
            self.write(marker)?;
        }
        self.file.flush().map_err(ConvertError::write(self.path))
    }

    /// Returns the event that says what a tool call waits for, which schema 3 only has for calls of a thread and a turn.
    fn wait(&self, event: &RawEvent) -> Option<RawEvent> {
        let EventPayload::ToolCallStarted(started) = &event.payload else { return None };
        let runtime_cell_id = self.waits.get(&started.tool_call_id)?.clone();
        let (Some(_), Some(_)) = (&event.thread_id, &event.codex_turn_id) else { return None };
        let payload = CodeCellWaitTargetResolved { tool_call_id: started.tool_call_id.clone(), runtime_cell_id }.into();
        Some(RawEvent {
            schema_version: event.schema_version,
            seq: event.seq,
            wall_time_unix_ms: event.wall_time_unix_ms,
            rollout_id: event.rollout_id.clone(),
            thread_id: event.thread_id.clone(),
            codex_turn_id: event.codex_turn_id.clone(),
            payload,
            source: event.source,
            evidence: event.evidence.clone(),
        })
    }

    fn write(&mut self, event: RawEvent) -> Result<(), ConvertError> {
        self.last_seq += 1;
        let event = RawEvent { schema_version: SchemaVersion::V3.number(), seq: self.last_seq, ..event };
        let text = serde_json::to_vec(&event).expect("an event has a text");
        let written = self.file.write_all(&text).and_then(|()| self.file.write_all(b"\n"));
        written.map_err(ConvertError::write(&self.path))
    }
}
