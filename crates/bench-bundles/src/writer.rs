//! Writing a bundle like an agent core.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use rollout_trace_schema::{
    RawEvent, shard_path,
    shards::{ShardSink, ShardWriter},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::synthetic::Form;

pub(crate) struct Writer {
    form: Form,
    folder: PathBuf,
    log: BufWriter<File>,
    rollout_id: String,
    seq: u64,
    payloads: u64,
    shards: ShardWriter,
    /// The references to the parts of prompts, by their texts.
    parts: HashMap<String, Value>,
    /// The prompt that all requests share, if they do.
    prompt: Option<Value>,
}

/// The files of shards.
struct ShardFiles<'a>(&'a Path);

impl ShardSink for ShardFiles<'_> {
    fn append(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().create(true).append(true).open(self.0.join(shard_path(shard)))?.write_all(bytes)
    }
}

impl Writer {
    pub(crate) fn new(folder: &Path, form: Form, (trace_id, root_thread_id): (&str, &str)) -> Self {
        fs::create_dir(folder.join("payloads")).expect("the folder is new");
        let manifest = json!({
            "schema_version": schema(form), "trace_id": trace_id, "rollout_id": root_thread_id,
            "root_thread_id": root_thread_id, "started_at_unix_ms": 1_700_000_000_000_i64,
            "raw_event_log": "trace.jsonl", "payloads_dir": "payloads",
        });
        fs::write(folder.join("manifest.json"), manifest.to_string()).expect("the folder can be written to");
        let log = File::create(folder.join("trace.jsonl")).expect("the folder can be written to");
        Self {
            form,
            folder: folder.to_owned(),
            log: BufWriter::new(log),
            rollout_id: root_thread_id.to_owned(),
            seq: 0,
            payloads: 0,
            shards: ShardWriter::new(),
            parts: HashMap::new(),
            prompt: None,
        }
    }

    /// Makes the manifest say that nothing but requests and answers was observed.
    pub(crate) fn observing_the_wire_alone(self) -> Self {
        let path = self.folder.join("manifest.json");
        let text = fs::read(&path).expect("written by new above");
        let mut manifest: Value = serde_json::from_slice(&text).expect("written by new above");
        manifest["observed"] = json!({"tools": false, "agents": false});
        fs::write(path, manifest.to_string()).expect("the folder can be written to");
        self
    }

    /// Writes an event that belongs to no thread.
    pub(crate) fn event(&mut self, payload: &Value) {
        self.event_of(None, payload);
    }

    /// Writes an event, which belongs to a thread and its turn or to neither.
    pub(crate) fn event_of(&mut self, context: Option<(&str, &str)>, payload: &Value) {
        self.seq += 1;
        let event = json!({
            "schema_version": schema(self.form), "seq": self.seq,
            "wall_time_unix_ms": 1_700_000_000_000 + self.seq * 7, "rollout_id": self.rollout_id,
            "thread_id": context.map(|(thread, _)| thread), "codex_turn_id": context.map(|(_, turn)| turn),
            "payload": payload,
        });
        // The event is written through its type, so that its fields have the order in which producers write them.
        let event: RawEvent = serde_json::from_value(event).expect("an event is one of the schema");
        let line = serde_json::to_string(&event).expect("an event is plain data");
        writeln!(self.log, "{line}").expect("the log can be written to");
    }

    /// Writes a payload document. Returns the reference to it.
    pub(crate) fn payload(&mut self, kind: &str, document: &impl Serialize) -> Value {
        let text = serde_json::to_string_pretty(document).expect("a document is plain data");
        self.payload_text(kind, &text)
    }

    pub(crate) fn payload_text(&mut self, kind: &str, text: &str) -> Value {
        self.payloads += 1;
        let id = format!("raw_payload:{}", self.payloads);
        if self.form == Form::Files {
            let path = format!("payloads/{}.json", self.payloads);
            fs::write(self.folder.join(&path), text).expect("the folder can be written to");
            return json!({"raw_payload_id": id, "kind": {"type": kind}, "path": path});
        }
        let written = self.shards.write(&mut ShardFiles(&self.folder), &id, text.as_bytes());
        let shard = written.expect("the folder can be written to");
        json!({"raw_payload_id": id, "kind": {"type": kind}, "shard": shard})
    }

    /// Writes the prompt of a request, which is a text with items at these places. Returns `None` if the form has no
    /// prompts.
    pub(crate) fn prompt(&mut self, prompt: impl FnOnce() -> (String, Vec<Range<usize>>)) -> Option<Value> {
        match self.form {
            Form::Files => None,
            Form::Shards => {
                if self.prompt.is_none() {
                    self.prompt = Some(self.payload_text("prepared_prompt", r#"{"input": []}"#));
                }
                self.prompt.clone()
            }
            Form::ShardsOfCodex => {
                let (text, items) = prompt();
                let (mut fragments, mut parts, mut start) = (Vec::new(), Vec::new(), 0);
                for item in items {
                    fragments.push(&text[start..item.start]);
                    start = item.end;
                    parts.push(self.part(&text[item]));
                }
                fragments.push(&text[start..]);
                let record = serde_json::to_string(&fragments).expect("texts are plain data");
                let mut reference = self.payload_text("prepared_prompt", &record);
                reference["parts"] = parts.into();
                Some(reference)
            }
        }
    }

    fn part(&mut self, item: &str) -> Value {
        if !self.parts.contains_key(item) {
            let reference = self.payload_text("model_item", item);
            self.parts.insert(item.to_owned(), reference);
        }
        self.parts[item].clone()
    }

    pub(crate) fn finish(mut self) {
        self.shards.end(&mut ShardFiles(&self.folder)).expect("the folder can be written to");
        self.event(&json!({"type": "recording_completed"}));
        self.log.flush().expect("the log can be written to");
    }
}

fn schema(form: Form) -> u32 {
    match form {
        Form::Files => 2,
        Form::Shards | Form::ShardsOfCodex => 3,
    }
}
