//! Chats of Gemini CLI.
//!
//! Source: imports, section 3.5.

use std::{
    collections::VecDeque,
    io::Read,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::{EvidenceSource, ExecutionStatus, ThreadId};
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    Limits, detect,
    draft::{At, Draft},
    linear::{Answered, Called, Linear, function_call, function_call_output, message, or_unknown, reasoning},
    object::Object,
    session::Opened,
    sources::{Record, Records, Sources, open as open_file},
    time,
    writer::{Answer, Item},
};

/// No path of a project is longer.
const MAX_PATH_BYTES: u64 = 16 << 10;

/// Opens a chat.
pub(crate) fn open(path: &Path, sources: &Sources, limits: Limits) -> Result<Opened, PayloadError> {
    let head = detect::head(path);
    let header = head.first().and_then(|text| Object::parse(text)).unwrap_or_default();
    let stem = path.file_stem().map_or_else(|| "session".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let session = header.text("sessionId").unwrap_or(stem);
    let started_at = header.text("startTime").and_then(|text| time::parse(&text));
    let records = sources.open(path, limits)?;
    let root = ThreadId::from(session.as_str());
    let mut thread = Linear::new(root.clone(), started_at.unwrap_or_default());
    thread.cwd = project_root(path);
    let at = thread.at(EvidenceSource { file: records.file, line: 1 }, None);
    let ready = VecDeque::from([thread.rollout(&at)]);
    let metadata = json!({"thread_id": root, "agent_path": "/root", "cwd": thread.cwd});
    thread.writer.thread_started(&at, "/root", &metadata);
    let reader = Reader { records, ready, thread, live: Vec::new(), open: None, last: at, is_done: false };
    Ok(Opened {
        session,
        root,
        started_at,
        version: None,
        history_from: Vec::new(),
        streams: vec![Box::new(reader)],
        children: Box::new(|_| None),
    })
}

/// Returns the folder that a project's chats are about, which a file beside them says.
fn project_root(chat: &Path) -> Option<String> {
    let project: PathBuf = chat.parent()?.parent()?.join(".project_root");
    let mut text = String::new();
    open_file(&project).ok()?.take(MAX_PATH_BYTES).read_to_string(&mut text).ok()?;
    let path = text.trim();
    (!path.is_empty()).then(|| path.to_owned())
}

/// A message of the history.
#[derive(Debug)]
struct Message {
    id: String,
    items: Vec<Item>,
}

struct Reader {
    records: Records,
    ready: VecDeque<Draft>,
    thread: Linear,
    live: Vec<Message>,
    /// The answer that was read last, which may be written again when its tools have answered.
    open: Option<(At, String, String)>,
    last: At,
    is_done: bool,
}

impl Reader {
    fn read(&mut self, place: EvidenceSource, text: &str) {
        let Some(record) = Object::parse(text) else { return };
        let at = self.thread.at(place, record.text("timestamp").as_deref());
        self.last = at.clone();
        if record.get("sessionId").is_some() && record.get("messages").is_none() {
            return;
        }
        if let Some(set) = record.object("$set") {
            if let Some(messages) = set.list("messages") {
                self.close();
                self.live.clear();
                messages.into_iter().for_each(|message| self.read(place, message.get()));
            }
            return;
        }
        if let Some(messages) = record.list("messages") {
            // A chat of an older version is one object.
            messages.into_iter().for_each(|message| self.read(place, message.get()));
            return;
        }
        if let Some(id) = record.text("$rewindTo") {
            self.close();
            let kept = self.live.iter().position(|message| message.id == id).map_or(self.live.len(), |place| place + 1);
            self.live.truncate(kept);
            self.thread.writer.protocol(&at, "rewind", &record);
            return;
        }
        let kind = record.text("type").unwrap_or_default();
        let id = record.text("id").unwrap_or_else(|| format!("line.{}", place.line));
        match kind.as_str() {
            "gemini" => {
                if self.open.as_ref().is_some_and(|(_, open, _)| *open != id) {
                    self.close();
                }
                // The record that was written last counts, and the first one says when the answer was there.
                let at = self.open.take().map_or(at, |(first, ..)| first);
                self.open = Some((at, id, text.to_owned()));
            }
            "user" => {
                self.close();
                self.read_user(&at, &id, &record);
            }
            "info" | "error" | "warning" => {
                self.close();
                self.thread.writer.protocol(&at, &kind, &record);
            }
            _ => self.thread.unknown(&at, &kind, &record),
        }
    }

    fn read_user(&mut self, at: &At, id: &str, record: &Object<'_>) {
        if !self.thread.is_new(at, id) {
            return;
        }
        let parts: Vec<&RawValue> = match record.text("content") {
            Some(_) => Vec::new(),
            None => record.list("content").unwrap_or_default(),
        };
        let mut texts: Vec<String> = record.text("content").into_iter().collect();
        let mut items = Vec::new();
        let mut answers = Vec::new();
        for (place, part) in parts.iter().filter_map(|part| Object::of(part)).enumerate() {
            texts.extend(part.text("text"));
            let Some(response) = part.object("functionResponse") else { continue };
            let call_id = response.text("id").unwrap_or_default();
            let id = format!("{id}.{place}");
            let output = response.get("response").map_or_else(|| crate::object::raw(""), ToOwned::to_owned);
            let item = function_call_output(&id, &call_id, &output);
            let is_error = Object::of(&output).is_some_and(|output| output.get("error").is_some());
            answers.push((call_id, item.clone(), output.get().to_owned(), is_error));
            items.push(item);
        }
        if !texts.is_empty() {
            let is_context = texts.first().is_some_and(|text| text.starts_with("<session_context>"));
            let message = message("user", id, &texts);
            items.insert(0, message);
            if is_context || !answers.is_empty() {
                self.thread.input(at, &items);
            } else {
                self.thread.prompt(at, id, &items);
            }
        } else {
            self.thread.input(at, &items);
        }
        for (call_id, item, text, is_error) in answers {
            let status = if is_error { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
            self.thread.tool_answered(at, &call_id, (&item, &text), status, None);
        }
        self.live.push(Message { id: id.to_owned(), items });
    }

    /// Writes the answer that was read last.
    fn close(&mut self) {
        let Some((at, id, text)) = self.open.take() else { return };
        let Some(record) = Object::parse(&text) else { return };
        let (mut items, mut calls) = (Vec::new(), Vec::new());
        for (place, thought) in
            record.list("thoughts").unwrap_or_default().into_iter().filter_map(Object::of).enumerate()
        {
            let parts = [thought.text("subject"), thought.text("description")];
            let text = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
            items.push(reasoning(&format!("{id}.thought.{place}"), &text, None));
        }
        let content = record.text("content").or_else(|| {
            let parts = record.list("content")?;
            Some(parts.into_iter().filter_map(|part| Object::of(part)?.text("text")).collect::<String>())
        });
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            items.push(message("assistant", &id, &[content]));
        }
        for (place, call) in record.list("toolCalls").unwrap_or_default().into_iter().filter_map(Object::of).enumerate()
        {
            let item_id = format!("{id}.call.{place}");
            let called = Called {
                id: call.text("id").unwrap_or_else(|| item_id.clone()),
                name: call.text("name").unwrap_or_default(),
                arguments: call.get("args").map_or_else(|| "{}".to_owned(), |args| args.get().to_owned()),
            };
            items.push(function_call(&item_id, &called));
            calls.push(called);
        }
        let live: Vec<Item> = self.live.iter().flat_map(|message| message.items.iter().cloned()).collect();
        let model = or_unknown(record.text("model"));
        let answered = Answered {
            started: None,
            model: &model,
            provider: crate::writer::UNKNOWN,
            answer: Answer { usage: record.read("tokens").and_then(usage), items: items.clone(), ..Answer::default() },
            is_last: calls.is_empty(),
            calls,
            error: None,
            parts: (&["instructions", "tools"], Map::new()),
        };
        self.thread.answered(&at, &live, answered);
        self.live.push(Message { id, items });
    }
}

/// Returns figures in the form of a response document.
fn usage(usage: Value) -> Option<Value> {
    let figure = |name: &str| usage.get(name).and_then(Value::as_i64).unwrap_or(0);
    usage.is_object().then(|| {
        json!({
            "input_tokens": figure("input"),
            "cached_input_tokens": figure("cached"),
            "cache_write_input_tokens": 0,
            "output_tokens": figure("output"),
            "reasoning_output_tokens": figure("thoughts"),
        })
    })
}

impl Iterator for Reader {
    type Item = Draft;

    fn next(&mut self) -> Option<Draft> {
        loop {
            self.ready.extend(self.thread.take());
            if let Some(draft) = self.ready.pop_front() {
                return Some(draft);
            }
            if self.is_done {
                return None;
            }
            match self.records.next() {
                Some(Record::Object(place, text)) => self.read(place, &text),
                Some(Record::Problem(problem)) => {
                    let place = EvidenceSource { file: problem.file, line: problem.line };
                    let at = At { place, ..self.last.clone() };
                    self.thread.writer.problem(&at, problem.code, problem.message);
                }
                None => {
                    self.is_done = true;
                    self.close();
                    self.thread.end(&self.last);
                }
            }
        }
    }
}
