//! One thread of a session.

use std::collections::HashMap;

use rollout_trace_schema::{CodexTurnId, ExecutionStatus, ThreadId};
use serde_json::Value;

use super::{
    answer::Open,
    block::{Block, blocks},
    chain::{Chain, Entry},
    message::Blobs,
    request::Requests,
    store::Store,
    tools::Tools,
};
use crate::{
    draft::At,
    object::Object,
    sources::Sources,
    writer::{Item, Writer},
};

/// How the line begins with which a person stops a turn.
const INTERRUPTED: &str = "[Request interrupted";

/// One thread of a session: its history so far, and what is open.
pub(super) struct Thread {
    pub(super) writer: Writer,
    pub(super) store: Store,
    pub(super) sources: Sources,
    pub(super) cwd: Option<String>,
    /// The path and the metadata of the thread, until they are written.
    pub(super) metadata: Option<(String, Value)>,
    /// The agents that calls of this thread start, by the ids of the calls: their threads and paths.
    pub(super) children: HashMap<String, (ThreadId, String)>,
    /// The agents of this thread of which only the results of their calls say which calls these are, and their paths.
    pub(super) uncalled: HashMap<ThreadId, String>,
    pub(super) chain: Chain,
    pub(super) blobs: Blobs,
    pub(super) requests: Requests,
    pub(super) answer: Option<Open>,
    /// Records that came while an answer was open, and that follow it.
    deferred: Vec<(At, String, String)>,
    pub(super) tools: Tools,
    pub(super) turn: Option<CodexTurnId>,
    /// The items that the model has seen, or made, since the last compaction, in order.
    pub(super) seen: Vec<Item>,
    /// The items that no request, answer or compaction is known to have shown.
    pub(super) unshown: Vec<Item>,
    /// The items that were copied from another session, until that is written.
    copied: Vec<Item>,
    /// The last error that the program met while it asked the model.
    pub(super) error: Option<(At, String)>,
    pub(super) compaction: Option<Vec<String>>,
    pub(super) compactions: u64,
}

impl Thread {
    pub(super) fn new(id: ThreadId, store: Store, sources: Sources) -> Self {
        Self {
            writer: Writer::new(id),
            store,
            sources,
            cwd: None,
            metadata: None,
            children: HashMap::new(),
            uncalled: HashMap::new(),
            chain: Chain::default(),
            blobs: Blobs::default(),
            requests: Requests::default(),
            answer: None,
            deferred: Vec::new(),
            tools: Tools::default(),
            turn: None,
            seen: Vec::new(),
            unshown: Vec::new(),
            copied: Vec::new(),
            error: None,
            compaction: None,
            compactions: 0,
        }
    }

    /// Writes that the thread began, unless that is written.
    pub(super) fn start(&mut self, at: &At) {
        if let Some((path, metadata)) = self.metadata.take() {
            self.writer.thread_started(at, &path, &metadata);
        }
    }

    /// Reads a record, or puts it off if it came while an answer is open and may follow the answer only.
    pub(super) fn record(&mut self, at: &At, kind: &str, text: &str, is_copied: bool) {
        let Some(record) = Object::parse(text) else { return };
        if is_copied {
            return self.copy(at, kind, &record);
        }
        if let Some(open) = &self.answer {
            let continues = kind == "assistant"
                && record.object("message").and_then(|message| message.text("id")).as_ref() == Some(&open.message_id);
            let is_result = kind == "user" && is_result(&record);
            let ends = !continues && matches!(kind, "assistant" | "api-request" | "user") && !is_result;
            if ends {
                let is_interrupted = kind == "user" && prompt_text(&record).starts_with(INTERRUPTED);
                self.close_answer(is_interrupted);
                self.replay();
            } else if is_result || !continues && !self.deferred.is_empty() {
                self.deferred.push((at.clone(), kind.to_owned(), text.to_owned()));
                return;
            }
        }
        self.apply(at, kind, &record);
    }

    /// Reads the records that were put off.
    fn replay(&mut self) {
        for (at, kind, text) in std::mem::take(&mut self.deferred) {
            if let Some(record) = Object::parse(&text) {
                self.apply(&at, &kind, &record);
            }
        }
    }

    fn apply(&mut self, at: &At, kind: &str, record: &Object<'_>) {
        if let Some(cwd) = record.text("cwd") {
            self.cwd = Some(cwd);
        }
        let at = At { turn: self.turn.clone(), ..at.clone() };
        match kind {
            "user" => self.read_user(&at, record),
            "assistant" => self.read_assistant(&at, record),
            "attachment" => self.read_attachment(&at, record),
            "system" => self.read_system(&at, record),
            "api-request-shape" => self.blobs.add_shape(record),
            "api-request-blob" => self.blobs.add_message(record),
            "api-request" => self.read_request(&at, record),
            _ => {}
        }
    }

    /// Reads a line that was copied from another session: it is history and nothing else.
    fn copy(&mut self, at: &At, kind: &str, record: &Object<'_>) {
        if kind == "system" || kind == "attachment" {
            self.link(record);
        }
        let (Some(message), "user" | "assistant") = (record.object("message"), kind) else { return };
        for item in self.enter(at, record, &message) {
            self.writer.accepted(at, &item, false);
            self.seen.push(item.clone());
            self.unshown.push(item.clone());
            self.copied.push(item);
        }
    }

    /// Writes that the items which were copied are in the history.
    pub(super) fn end_copy(&mut self, at: &At) {
        let copied = std::mem::take(&mut self.copied);
        self.writer.history(at, &copied);
    }

    pub(super) fn link(&mut self, record: &Object<'_>) {
        if let Some(uuid) = record.text("uuid") {
            self.chain.link(&uuid, record.text("parentUuid"));
        }
    }

    /// Adds a line with a message to the live history. Returns its items.
    pub(super) fn enter(&mut self, at: &At, record: &Object<'_>, message: &Object<'_>) -> Vec<Item> {
        let (entry, items) = self.entry(at, record, message);
        self.chain.push(entry);
        items
    }

    /// Returns a line with a message, linked into the chain, and its items.
    pub(super) fn entry(&mut self, at: &At, record: &Object<'_>, message: &Object<'_>) -> (Entry, Vec<Item>) {
        self.link(record);
        let uuid = record.text("uuid").unwrap_or_else(|| format!("line.{}", at.place.line));
        let role = message.text("role").unwrap_or_else(|| "user".to_owned());
        let is_synthetic = message.text("model").as_deref() == Some("<synthetic>");
        let message_id = message.text("id").filter(|_| role == "assistant" && !is_synthetic);
        let raw = blocks(message.get("content"));
        let first = record.int("apiBlockIndex").and_then(|index| usize::try_from(index).ok());
        let before = message_id.as_ref().map_or(0, |id| self.tools.blocks_of(id, raw.len()));
        let id = |place: usize| match &message_id {
            Some(id) => format!("{id}.{}", first.unwrap_or(before) + place),
            None if raw.len() == 1 => uuid.clone(),
            None => format!("{uuid}.{place}"),
        };
        let blocks: Vec<Block> =
            raw.iter().enumerate().map(|(place, block)| Block::new(&role, block, &id(place))).collect();
        let items = blocks.iter().map(|block| block.item.clone()).collect();
        let (time, is_message, is_pinned) = (at.time, true, false);
        (Entry { uuid, role, message_id, blocks, raw, time, is_message, is_pinned }, items)
    }

    fn read_user(&mut self, at: &At, record: &Object<'_>) {
        self.end_copy(at);
        let Some(message) = record.object("message") else { return };
        if record.flag("isCompactSummary") && self.compaction.is_some() {
            return self.install_compaction(at, record, &message);
        }
        let text = prompt_text(record);
        let is_result = is_result(record);
        let is_interruption = !is_result && text.starts_with(INTERRUPTED);
        let is_prompt = !is_result && !is_interruption && !record.flag("isMeta") && !record.flag("isCompactSummary");
        let mut at = at.clone();
        if is_prompt {
            let id = CodexTurnId::from(record.text("uuid").unwrap_or_else(|| format!("line.{}", at.place.line)));
            self.end_turn(&at.implied(), ExecutionStatus::Completed);
            self.writer.turn_started(&at, &id);
            self.turn = Some(id);
            at.turn.clone_from(&self.turn);
        }
        let items = self.enter(&at, record, &message);
        for item in &items {
            self.writer.accepted(&at, item, false);
            self.seen.push(item.clone());
            self.unshown.push(item.clone());
        }
        if let Some(item) = items.first()
            && let Some((agent, result)) = notification(&text)
        {
            self.writer.agent_answered(&at, &agent, &result, &item.id);
        }
        if is_result {
            self.read_results(&at, record);
        }
        if is_interruption {
            self.end_turn(&at, ExecutionStatus::Cancelled);
        }
    }

    fn read_attachment(&mut self, at: &At, record: &Object<'_>) {
        let attachment: Value = record.read("attachment").unwrap_or_default();
        let kind = attachment.get("type").and_then(Value::as_str).unwrap_or("attachment").to_owned();
        self.link(record);
        let rendered = record.list("rendered").unwrap_or_default();
        let role = record.text("renderedRole").unwrap_or_else(|| "user".to_owned());
        let uuid = record.text("uuid").unwrap_or_else(|| format!("line.{}", at.place.line));
        let raw: Vec<_> =
            rendered.into_iter().filter_map(Object::of).flat_map(|part| blocks(part.get("content"))).collect();
        self.writer.protocol(at, &format!("attachment.{kind}"), &attachment);
        if raw.is_empty() {
            if kind != "prompt_snapshot" && kind != "session_context" {
                self.writer.loss("harness_context_not_recorded");
            }
            return;
        }
        let id = |place: usize| if raw.len() == 1 { uuid.clone() } else { format!("{uuid}.{place}") };
        let blocks: Vec<Block> =
            raw.iter().enumerate().map(|(place, block)| Block::new(&role, block, &id(place))).collect();
        for block in &blocks {
            self.writer.accepted(at, &block.item, false);
        }
        let (time, message_id) = (at.time, None);
        self.chain.push(Entry { uuid, role, message_id, blocks, raw, time, is_message: false, is_pinned: false });
    }

    fn read_system(&mut self, at: &At, record: &Object<'_>) {
        let subtype = record.text("subtype").unwrap_or_else(|| "system".to_owned());
        self.link(record);
        match subtype.as_str() {
            "compact_boundary" => self.read_boundary(record),
            "api_error" => {
                let error: Value = record.read("error").unwrap_or_default();
                let text = ["formatted", "message"].iter().find_map(|name| error.get(name)?.as_str());
                self.error = Some((at.clone(), text.map_or_else(|| error.to_string(), str::to_owned)));
            }
            _ => {}
        }
        let value: Value = serde_json::from_str(&record.to_text()).unwrap_or_default();
        self.writer.protocol(at, &subtype, &value);
    }

    pub(super) fn ensure_turn(&mut self, at: &At) -> CodexTurnId {
        if self.turn.is_none() {
            let id = self.writer.new_turn();
            self.writer.turn_started(&at.implied(), &id);
            self.turn = Some(id);
        }
        self.turn.clone().expect("set above")
    }

    pub(super) fn end_turn(&mut self, at: &At, status: ExecutionStatus) {
        if let Some(turn) = self.turn.take() {
            self.writer.turn_ended(at, &turn, status);
        }
    }

    /// Ends what the end of the file leaves open.
    pub(super) fn end(&mut self, at: &At) {
        self.start(at);
        self.end_copy(at);
        self.close_last_answer();
        self.replay();
        let at = At { turn: self.turn.clone(), ..at.clone() };
        let unshown = std::mem::take(&mut self.unshown);
        self.writer.history(&at, &unshown);
    }
}

/// Returns the agent and the result of a notification that an agent has finished.
fn notification(text: &str) -> Option<(ThreadId, String)> {
    let rest = text.strip_prefix("<task-notification>")?;
    let field = |name: &str| {
        let (_, rest) = rest.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value.to_owned())
    };
    Some((ThreadId::from(field("task-id")?), field("result")?))
}

/// Returns whether a user's line answers calls.
fn is_result(record: &Object<'_>) -> bool {
    let content =
        record.object("message").and_then(|message| {
            let parts = message.list("content")?;
            Some(parts.iter().any(|part| {
                Object::of(part).and_then(|part| part.text("type")).is_some_and(|kind| kind == "tool_result")
            }))
        });
    content.unwrap_or(false)
}

/// Returns the text of a user's line.
fn prompt_text(record: &Object<'_>) -> String {
    let Some(message) = record.object("message") else { return String::new() };
    let texts = blocks(message.get("content"));
    texts.iter().find_map(|block| Object::of(block)?.text("text")).unwrap_or_default()
}
