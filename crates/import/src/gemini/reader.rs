//! From the records of a chat to events.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use rollout_trace_schema::{EvidenceSource, ExecutionStatus, ThreadId, UnixMillis};
use serde_json::{Value, json, value::RawValue};

use crate::{
    draft::{At, Draft},
    following::Follower,
    linear::{Answered, Ending, Linear, function_call, function_call_output, message, or_unknown, reasoning},
    object::{Object, raw},
    problem::{Problem, ProblemCode},
    sources,
    spawn::{Agent, slug},
    writer::{Answer, Called, Item, ROOT_PATH, UNKNOWN},
};

/// An agent of a session.
#[derive(Clone, Debug)]
pub(super) struct Spawned {
    pub(super) file: PathBuf,
    pub(super) parent: ThreadId,
    pub(super) path: String,
    pub(super) role: String,
    pub(super) depth: i64,
}

/// The agents of a session that its threads have named.
#[derive(Clone, Debug)]
pub(super) struct Agents {
    folder: PathBuf,
    known: Rc<RefCell<HashMap<ThreadId, Spawned>>>,
}

impl Agents {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, known: Rc::default() }
    }

    pub(super) fn get(&self, thread: &ThreadId) -> Option<Spawned> {
        self.known.borrow().get(thread).cloned()
    }

    /// Returns the file of an agent. Returns `None` if the id is no name of a file.
    fn file(&self, id: &str) -> Option<PathBuf> {
        let is_name = Path::new(id).components().eq([Component::Normal(id.as_ref())]);
        is_name.then(|| self.folder.join(format!("{id}.jsonl")))
    }
}

/// A message of the history.
#[derive(Debug)]
struct Message {
    id: String,
    items: Vec<Item>,
}

/// Reads the events of one thread from its chat.
pub(super) struct Reader {
    ready: VecDeque<Draft>,
    thread: Linear,
    live: Vec<Message>,
    /// The places of the messages in the history.
    places: HashMap<String, usize>,
    /// The items of all messages that were read.
    known: HashMap<String, Vec<Item>>,
    /// The answer that was read last, which may be written again when its tools have answered.
    open: Option<(At, String, String)>,
    /// What the tools of the last answer gave, until a message says it.
    results: Vec<(String, Box<RawValue>, ExecutionStatus)>,
    agents: Agents,
    path: String,
    depth: i64,
    last: At,
}

impl Reader {
    pub(super) fn new(
        file: u32,
        (thread, started_at): (&ThreadId, Option<UnixMillis>),
        cwd: Option<String>,
        agents: Agents,
    ) -> Self {
        let mut thread = Linear::new(thread.clone(), started_at.unwrap_or_default());
        thread.cwd = cwd;
        let last = thread.at(EvidenceSource { file, line: 1 }, None);
        Self {
            ready: VecDeque::new(),
            thread,
            live: Vec::new(),
            places: HashMap::new(),
            known: HashMap::new(),
            open: None,
            results: Vec::new(),
            agents,
            path: ROOT_PATH.to_owned(),
            depth: 0,
            last,
        }
    }

    /// Makes this the thread with which the session begins.
    pub(super) fn root(mut self, path: &str, metadata: &Value) -> Self {
        self.ready.push_back(self.thread.rollout(&self.last));
        self.started(path, metadata)
    }

    /// Writes that the thread began.
    pub(super) fn started(mut self, path: &str, metadata: &Value) -> Self {
        self.thread.writer.thread_started(&self.last, path, metadata);
        path.clone_into(&mut self.path);
        self
    }

    /// Says how many agents are between this one and the root.
    pub(super) fn at_depth(self, depth: i64) -> Self {
        Self { depth, ..self }
    }

    fn read(&mut self, place: EvidenceSource, text: &str) {
        let Some(record) = Object::parse(text) else { return };
        let at = self.thread.at(place, record.text("timestamp").as_deref());
        self.last = at.clone();
        let messages = record.list("messages");
        if record.get("sessionId").is_some() && messages.is_none() {
            return;
        }
        if let Some(set) = record.object("$set") {
            if let Some(messages) = set.list("messages") {
                self.replace_history(&at, &messages);
            }
            return;
        }
        if let Some(messages) = messages {
            // A chat of an older version is one object, which may be on one line.
            return messages.into_iter().for_each(|message| self.read(place, message.get()));
        }
        if let Some(id) = record.text("$rewindTo") {
            self.close();
            let kept = self.places.get(&id).map_or(self.live.len(), |place| place + 1);
            self.truncate(kept);
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
                if self.known.contains_key(&id) {
                    // What follows an answer has been written, so it is not taken back.
                    return self.thread.writer.protocol(&at, "message_update", &record);
                }
                // The record that was written last counts, and the first one says when the answer was there.
                let at = self.open.take().map_or(at, |(first, ..)| first);
                self.open = Some((at, id, text.to_owned()));
            }
            "user" => {
                self.close_answer();
                self.read_user(&at, &id, &record);
            }
            "info" | "error" | "warning" => {
                self.close_answer();
                self.thread.writer.protocol(&at, &kind, &record);
            }
            _ => self.thread.unknown(&at, &kind, &record),
        }
    }

    fn push(&mut self, id: String, items: Vec<Item>) {
        self.known.insert(id.clone(), items.clone());
        self.places.insert(id.clone(), self.live.len());
        self.live.push(Message { id, items });
    }

    fn truncate(&mut self, kept: usize) {
        for message in self.live.drain(kept..) {
            self.places.remove(&message.id);
        }
    }

    /// Replaces the history. Messages that were not read before are history, of which nothing else is known.
    fn replace_history(&mut self, at: &At, messages: &[&RawValue]) {
        self.close();
        self.truncate(0);
        let is_answer = |message: &&RawValue| {
            Object::of(message).is_some_and(|message| message.text("type").as_deref() == Some("gemini"))
        };
        if self.known.is_empty() && !messages.iter().any(is_answer) {
            // The first checkpoint is how a chat begins.
            return messages.iter().for_each(|message| self.read(at.place, message.get()));
        }
        for (place, message) in messages.iter().filter_map(|message| Object::of(message)).enumerate() {
            let id = message.text("id").unwrap_or_else(|| format!("line.{}.{place}", at.place.line));
            let items = match self.known.get(&id) {
                Some(items) => items.clone(),
                None => {
                    let items = match message.text("type").as_deref() {
                        Some("user") => user_items(&id, &message).items,
                        Some("gemini") => answer_items(&id, &message).0,
                        _ => continue,
                    };
                    self.thread.input(at, &items);
                    items
                }
            };
            self.push(id, items);
        }
    }

    fn read_user(&mut self, at: &At, id: &str, record: &Object<'_>) {
        if !self.thread.is_new(at, id) {
            return;
        }
        let UserItems { items, outputs, is_context } = user_items(id, record);
        self.results.retain(|(call, ..)| !outputs.iter().any(|output| output.call == *call));
        self.write_results(at);
        if is_context || !outputs.is_empty() {
            self.thread.input(at, &items);
        } else {
            self.thread.prompt(at, id, &items);
        }
        for Output { call, item, text, is_error } in outputs {
            let status = if is_error { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
            self.thread.tool_answered(at, &call, (&item, &text), status, None);
        }
        self.push(id.to_owned(), items);
    }

    /// Ends the answer that was read last, and what its tools gave.
    fn close(&mut self) {
        self.close_answer();
        let at = self.last.clone();
        self.write_results(&at);
    }

    /// Writes what tools gave where only their calls' records say it, as in older versions.
    fn write_results(&mut self, at: &At) {
        for (call, output, status) in std::mem::take(&mut self.results) {
            let id = format!("result.{call}");
            let item = function_call_output(&id, &call, &output);
            self.thread.input(at, std::slice::from_ref(&item));
            self.thread.tool_answered(at, &call, (&item, output.get()), status, None);
            self.push(id, vec![item]);
        }
    }

    /// Writes the answer that was read last.
    fn close_answer(&mut self) {
        let Some((at, id, text)) = self.open.take() else { return };
        let Some(record) = Object::parse(&text) else { return };
        self.write_results(&at);
        let (items, calls) = answer_items(&id, &record);
        let mut with_agents = Vec::new();
        for (called, call) in calls.iter().zip(record.list("toolCalls").unwrap_or_default()) {
            let call = Object::of(call).unwrap_or_default();
            if let Some(result) = call.list("result").and_then(|parts| response(&parts)) {
                let status = match call.text("status").as_deref() {
                    Some("error") => ExecutionStatus::Failed,
                    Some("cancelled") => ExecutionStatus::Cancelled,
                    _ => ExecutionStatus::Completed,
                };
                self.results.push((called.id.clone(), result, status));
            }
            let agent = call.text("agentId").and_then(|agent| self.agent(&at, &agent, &called.name));
            with_agents.push((called.clone(), agent, None));
        }
        let model = or_unknown(record.text("model"));
        let answered = Answered {
            started: None,
            model: &model,
            provider: UNKNOWN,
            answer: Answer { usage: record.read("tokens").and_then(usage), items: items.clone(), ..Answer::default() },
            is_last: calls.is_empty(),
            calls: with_agents,
            ending: Ending::Completed,
            parts: (&["instructions", "tools"], Object::default()),
        };
        self.thread.answered(&at, self.live.iter().flat_map(|message| &message.items), answered);
        self.push(id, items);
    }

    /// Returns the agent with an id, whose chat is read from here on.
    fn agent(&mut self, at: &At, id: &str, name: &str) -> Option<Agent> {
        let thread = ThreadId::from(id);
        let Some(file) = self.agents.file(id) else {
            let message = format!("an agent has the id {id}, which names no file; it was not opened");
            self.thread.writer.problem(at, ProblemCode::PathRefused, message);
            return None;
        };
        if let Some(known) = self.agents.get(&thread) {
            return Some(Agent { thread, path: known.path });
        }
        if let Err(error) = sources::open(&file) {
            let message = format!("the chat of agent {id} cannot be read; what it did is unknown: {error}");
            self.thread.writer.problem(at, ProblemCode::FileMissing, message);
        }
        let count = self.agents.known.borrow().len() + 1;
        let path = format!("{}/{}_{count}", self.path, slug(name));
        let parent = self.thread.writer.thread.clone();
        let spawned = Spawned { file, parent, path: path.clone(), role: name.to_owned(), depth: self.depth + 1 };
        self.agents.known.borrow_mut().insert(thread.clone(), spawned);
        Some(Agent { thread, path })
    }
}

/// An output in a message of the user.
struct Output {
    call: String,
    item: Item,
    text: String,
    is_error: bool,
}

/// A message of the user, as items.
struct UserItems {
    items: Vec<Item>,
    outputs: Vec<Output>,
    /// Whether it is the harness's and begins the session.
    is_context: bool,
}

fn user_items(id: &str, record: &Object<'_>) -> UserItems {
    let parts: Vec<&RawValue> = match record.text("content") {
        Some(_) => Vec::new(),
        None => record.list("content").unwrap_or_default(),
    };
    let mut texts: Vec<String> = record.text("content").into_iter().collect();
    let (mut items, mut outputs) = (Vec::new(), Vec::new());
    for (place, part) in parts.iter().filter_map(|part| Object::of(part)).enumerate() {
        texts.extend(part.text("text"));
        let Some(response) = part.object("functionResponse") else { continue };
        let call = response.text("id").unwrap_or_default();
        let output = response.get("response").map_or_else(|| raw(""), ToOwned::to_owned);
        let item = function_call_output(&format!("{id}.{place}"), &call, &output);
        let is_error = Object::of(&output).is_some_and(|output| output.get("error").is_some());
        items.push(item.clone());
        outputs.push(Output { call, item, text: output.get().to_owned(), is_error });
    }
    let is_context = texts.first().is_some_and(|text| text.starts_with("<session_context>"));
    if !texts.is_empty() {
        items.insert(0, message("user", id, &texts));
    }
    UserItems { items, outputs, is_context }
}

/// Returns the items of an answer, and the calls in it.
fn answer_items(id: &str, record: &Object<'_>) -> (Vec<Item>, Vec<Called>) {
    let (mut items, mut calls) = (Vec::new(), Vec::new());
    for (place, thought) in record.list("thoughts").unwrap_or_default().into_iter().filter_map(Object::of).enumerate() {
        let parts = [thought.text("subject"), thought.text("description")];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(": ");
        items.push(reasoning(&format!("{id}.thought.{place}"), &text, None));
    }
    let content = record.text("content").or_else(|| {
        let parts = record.list("content")?;
        Some(parts.into_iter().filter_map(|part| Object::of(part)?.text("text")).collect::<String>())
    });
    if let Some(content) = content.filter(|content| !content.is_empty()) {
        items.push(message("assistant", id, &[content]));
    }
    for (place, call) in record.list("toolCalls").unwrap_or_default().into_iter().enumerate() {
        let call = Object::of(call).unwrap_or_default();
        let item_id = format!("{id}.call.{place}");
        let called = Called {
            id: call.text("id").unwrap_or_else(|| item_id.clone()),
            name: call.text("name").unwrap_or_default(),
            arguments: call.get("args").map_or_else(|| "{}".to_owned(), |args| args.get().to_owned()),
        };
        items.push(function_call(&item_id, &called));
        calls.push(called);
    }
    (items, calls)
}

/// Returns what a function gave, of the parts of its result.
fn response(parts: &[&RawValue]) -> Option<Box<RawValue>> {
    let of_part = |part: &&RawValue| Some(Object::of(part)?.object("functionResponse")?.get("response")?.to_owned());
    parts.iter().find_map(of_part)
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

impl Follower for Reader {
    fn record(&mut self, place: EvidenceSource, text: &str) {
        self.read(place, text);
    }

    fn problem(&mut self, place: EvidenceSource, problem: Problem) {
        let at = At { place, ..self.last.clone() };
        self.thread.writer.problem(&at, problem.code, problem.message);
    }

    fn end(&mut self) {
        self.close();
        self.thread.end(&self.last);
    }

    fn take(&mut self) -> VecDeque<Draft> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.extend(self.thread.take());
        ready
    }
}
