//! Writing a bundle like an agent core: one pretty-printed file per payload, schema 2.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use rollout_trace_schema::RawEvent;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) struct Writer {
    folder: PathBuf,
    log: BufWriter<File>,
    rollout_id: String,
    seq: u64,
    payloads: u64,
}

impl Writer {
    pub(super) fn new(folder: &Path, trace_id: &str, root_thread_id: &str) -> Self {
        fs::create_dir(folder.join("payloads")).expect("the folder is new");
        let manifest = json!({
            "schema_version": 2, "trace_id": trace_id, "rollout_id": root_thread_id, "root_thread_id": root_thread_id,
            "started_at_unix_ms": 1_700_000_000_000_i64, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads",
        });
        fs::write(folder.join("manifest.json"), manifest.to_string()).expect("the folder can be written to");
        let log = File::create(folder.join("trace.jsonl")).expect("the folder can be written to");
        Self {
            folder: folder.to_owned(),
            log: BufWriter::new(log),
            rollout_id: root_thread_id.to_owned(),
            seq: 0,
            payloads: 0,
        }
    }

    /// Writes an event that belongs to no thread.
    pub(super) fn event(&mut self, payload: &Value) {
        self.event_of(None, payload);
    }

    /// Writes an event, which belongs to a thread and its turn or to neither.
    pub(super) fn event_of(&mut self, context: Option<(&str, &str)>, payload: &Value) {
        self.seq += 1;
        let event = json!({
            "schema_version": 2, "seq": self.seq, "wall_time_unix_ms": 1_700_000_000_000 + self.seq * 7,
            "rollout_id": self.rollout_id, "thread_id": context.map(|(thread, _)| thread),
            "codex_turn_id": context.map(|(_, turn)| turn), "payload": payload,
        });
        // The event is written through its type, so that its fields have the order in which producers write them.
        let event: RawEvent = serde_json::from_value(event).expect("an event is one of the schema");
        let line = serde_json::to_string(&event).expect("an event is plain data");
        writeln!(self.log, "{line}").expect("the log can be written to");
    }

    /// Writes a payload document. Returns the reference to it.
    pub(super) fn payload(&mut self, kind: &str, document: &impl Serialize) -> Value {
        let text = serde_json::to_string_pretty(document).expect("a document is plain data");
        self.payload_text(kind, &text)
    }

    pub(super) fn payload_text(&mut self, kind: &str, text: &str) -> Value {
        self.payloads += 1;
        let path = format!("payloads/{}.json", self.payloads);
        fs::write(self.folder.join(&path), text).expect("the folder can be written to");
        json!({"raw_payload_id": format!("raw_payload:{}", self.payloads), "kind": {"type": kind}, "path": path})
    }

    pub(super) fn finish(mut self) {
        self.event(&json!({"type": "recording_completed"}));
        self.log.flush().expect("the log can be written to");
    }
}
