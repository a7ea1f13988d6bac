//! From the rows of a session to the events of a thread.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
    vec,
};

use rollout_trace_schema::{CompactionId, EvidenceSource, ThreadId};
use serde_json::Value;

use super::{
    family::Family,
    message::{self, Part, Tool},
    store::{Listed, SessionRow, Table},
};
use crate::{
    draft::{At, Draft},
    linear::{Answered, Ending, Linear, Run, or_unknown},
    object::Object,
    problem::ProblemCode,
    spawn::Agent,
    time,
    writer::{Answer, Item},
};

/// Reads the events of one session.
pub(super) struct Reader {
    family: Rc<Family>,
    session: SessionRow,
    thread: Linear,
    ready: VecDeque<Draft>,
    messages: vec::IntoIter<Listed>,
    /// The parts of each message that is not yet read.
    parts: HashMap<String, Vec<Listed>>,
    /// The messages of the history, and their items.
    live: Vec<(String, Vec<Item>)>,
    /// The message that asked for a compaction, and the first one after which all are kept.
    compaction: Option<(String, Option<String>)>,
    calls: HashSet<String>,
    /// The agents whose calls were read.
    agents: HashSet<String>,
    last: At,
    is_done: bool,
}

impl Reader {
    /// Begins to read a session. Its thread begins with this path and metadata.
    pub(super) fn new(family: Rc<Family>, session: SessionRow, path: &str, metadata: &Value, is_root: bool) -> Self {
        let created = session.created.filter(time::is_plausible);
        let mut thread = Linear::new(ThreadId::from(session.id.as_str()), created.unwrap_or_default());
        thread.cwd = session.directory.clone();
        let place = family.place(Table::Session, session.row);
        let last = thread.at_time(place, None);
        let (messages, no_messages) = family.store.messages(&session.id);
        let (listed, no_parts) = family.store.parts(&session.id);
        let mut parts: HashMap<String, Vec<Listed>> = HashMap::new();
        for part in listed {
            parts.entry(part.of.clone()).or_default().push(part);
        }
        let ready = if is_root { VecDeque::from([thread.rollout(&last)]) } else { VecDeque::new() };
        thread.writer.thread_started(&last, path, metadata);
        // Reports that there is no time, if so.
        thread.at_time(place, Some(created));
        for (table, reason) in [(Table::Message, no_messages), (Table::Part, no_parts)] {
            if let Some(reason) = reason {
                let at = At { place: family.place(table, 0), ..last.clone() };
                let what = format!("not all rows can be found: {reason}; those that are found are used");
                thread.writer.problem(&at, ProblemCode::DamagedArchive, what);
            }
        }
        Self {
            family,
            session,
            thread,
            ready,
            messages: messages.into_iter(),
            parts,
            live: Vec::new(),
            compaction: None,
            calls: HashSet::new(),
            agents: HashSet::new(),
            last,
            is_done: false,
        }
    }

    /// Reads the object in a row. Reports a row that has none.
    fn object(&mut self, table: Table, row: i64) -> Option<(EvidenceSource, Object<'static>)> {
        let place = self.family.place(table, u64::try_from(row).unwrap_or_default());
        match self.family.store.data(table, row) {
            Ok(text) => Some((place, Object::parse(&text).unwrap_or_default().into_owned())),
            Err(message) => {
                let at = At { place, ..self.last.clone() };
                self.thread.writer.problem(&at, ProblemCode::UnparsableLine, message);
                None
            }
        }
    }

    fn read(&mut self, listed: &Listed, is_followed: bool) {
        let listed_parts = self.parts.remove(&listed.id).unwrap_or_default();
        let Some((place, body)) = self.object(Table::Message, listed.row) else { return };
        let times = body.object("time").unwrap_or_default();
        let created = [listed.created, times.int("created")].into_iter().flatten().find(time::is_plausible);
        let at = self.thread.at_time(place, Some(created));
        self.last = at.clone();
        if !self.thread.is_new(&at, &listed.id) {
            return;
        }
        let read = |part: Listed| {
            let (place, body) = self.object(Table::Part, part.row)?;
            Some(Part { id: part.id, place, body })
        };
        let parts: Vec<Part> = listed_parts.into_iter().filter_map(read).collect();
        match body.text("role").unwrap_or_default().as_str() {
            "user" => self.read_prompt(&at, &listed.id, &parts),
            "assistant" => self.read_answer(&at, &listed.id, &body, &parts, is_followed),
            role => self.thread.unknown(&at, role, &body),
        }
    }

    fn read_prompt(&mut self, at: &At, id: &str, parts: &[Part]) {
        self.thread.prompt(at, id, &[]);
        let mut items = Vec::new();
        for part in parts {
            let at = At { place: part.place, ..at.clone() };
            match part.kind().as_str() {
                "text" | "file" => {
                    let item = message::input(part);
                    self.thread.input(&at, item.as_slice());
                    items.extend(item);
                }
                "compaction" => self.compaction = Some((id.to_owned(), part.body.text("tail_start_id"))),
                kind => self.read_other(&at, kind, part),
            }
        }
        self.live.push((id.to_owned(), items));
    }

    /// Lists a part that is no item.
    fn read_other(&mut self, at: &At, kind: &str, part: &Part) {
        match kind {
            "step-start" | "step-finish" | "snapshot" | "patch" | "agent" => {}
            "subtask" | "retry" | "compaction" | "file" => self.thread.writer.protocol(at, kind, &part.body),
            _ => self.thread.unknown(at, kind, &part.body),
        }
    }

    fn read_answer(&mut self, at: &At, id: &str, body: &Object<'_>, parts: &[Part], is_followed: bool) {
        let (mut items, mut tools) = (Vec::new(), Vec::new());
        for part in parts {
            match part.kind().as_str() {
                "text" | "reasoning" => items.extend(message::said(part)),
                "tool" => {
                    let (item, tool) = message::tool(part, |call| self.calls.contains(call));
                    self.calls.insert(tool.called.id.clone());
                    items.push(item);
                    tools.push(tool);
                }
                kind => self.read_other(&At { place: part.place, ..at.clone() }, kind, part),
            }
        }
        let times = body.object("time").unwrap_or_default();
        let ended = times.int("completed").filter(time::is_plausible).unwrap_or(at.time);
        let tokens = body.object("tokens").or_else(|| {
            let end = parts.iter().rev().find(|part| part.kind() == "step-finish")?;
            Some(end.body.object("tokens")?.into_owned())
        });
        let ending = message::ending(body, parts, is_followed);
        let answer = Answer {
            // Until an answer has ended, its figures are zeros.
            usage: tokens.as_ref().map(message::usage).filter(|_| matches!(ending, Ending::Completed)),
            items: items.clone(),
            ..Answer::default()
        };
        let asked = body.object("model").unwrap_or_default();
        let model = or_unknown(body.text("modelID").or_else(|| asked.text("modelID")));
        let provider = or_unknown(body.text("providerID").or_else(|| asked.text("providerID")));
        if body.flag("summary") && matches!(ending, Ending::Completed) {
            return self.compacted([at, &at.at(ended)], id, (&model, &provider), answer);
        }
        let calls = tools.iter().map(|tool| {
            let called = At { place: tool.place, ..at.at(tool.started.unwrap_or(ended)) };
            (tool.called.clone(), self.agent(&called, tool), Some(called))
        });
        let calls = calls.collect::<Vec<_>>();
        // The program goes on after these.
        let finish = body.text("finish");
        let is_last = finish.is_some_and(|finish| !matches!(finish.as_str(), "tool-calls" | "unknown"));
        // A failed answer is not shown again, but an aborted one is.
        let is_history = !matches!(ending, Ending::Failed(_));
        let answered = Answered {
            started: Some(at.time),
            model: &model,
            provider: &provider,
            answer,
            calls,
            ending,
            parts: (&["instructions", "tools"], Object::default()),
            is_last,
        };
        self.thread.answered(&at.at(ended), self.live.iter().flat_map(|(_, items)| items), answered);
        for tool in tools {
            items.extend(self.read_output(&at.at(ended), tool));
        }
        if is_history {
            self.live.push((id.to_owned(), items));
        }
    }

    fn read_output(&mut self, at: &At, tool: Tool) -> Option<Item> {
        let output = tool.output?;
        let ended = output.ended.unwrap_or(at.time);
        let at = At { place: tool.place, ..at.at(ended) };
        let run = tool.started.map(|started| Run { took: ended.saturating_sub(started), exit_code: output.exit_code });
        self.thread.input(&at, std::slice::from_ref(&output.item));
        self.thread.tool_answered(&at, &tool.called.id, (&output.item, &output.text), output.status, run);
        Some(output.item)
    }

    /// Returns the agent that a call started, whose session is read from here on.
    fn agent(&mut self, at: &At, tool: &Tool) -> Option<Agent> {
        let id = tool.agent.as_deref().filter(|id| *id != self.session.id)?;
        match self.family.store.session(id) {
            Some(session) => {
                self.agents.insert(session.id.clone());
                Some(Agent { thread: ThreadId::from(id), path: self.family.path(&session) })
            }
            None => {
                let message = format!("the session {id} of an agent is not in the database; what it did is unknown");
                self.thread.writer.problem(at, ProblemCode::FileMissing, message);
                None
            }
        }
    }

    /// Writes that a summary took the place of the history.
    fn compacted(&mut self, [started, ended]: [&At; 2], id: &str, (model, provider): (&str, &str), answer: Answer) {
        let (asked, tail) = self.compaction.take().unwrap_or_default();
        let tail = tail.and_then(|tail| self.live.iter().position(|(message, _)| *message == tail));
        let before: Vec<Item> = self.live.iter().flat_map(|(_, items)| items).cloned().collect();
        let kept = tail.map_or_else(Vec::new, |tail| self.live.split_off(tail));
        let kept = kept.into_iter().filter(|(message, _)| *message != asked);
        self.live = std::iter::once((id.to_owned(), answer.items.clone())).chain(kept).collect();
        let after: Vec<Item> = self.live.iter().flat_map(|(_, items)| items).cloned().collect();
        let ended = self.thread.compaction_turn(&ended.reconstructed());
        let started = At { turn: ended.turn.clone(), ..started.reconstructed() };
        let compaction = CompactionId::from(format!("import:{}:compaction:{id}", self.session.id));
        let writer = &mut self.thread.writer;
        writer.compaction_requested([&started, &ended], &compaction, (model, provider), (&before, &answer));
        writer.compacted(&ended, &compaction, &before, &after);
        for item in &answer.items {
            writer.accepted(&ended, item, false);
        }
    }

    /// Ends what the last row leaves open.
    fn end(&mut self) {
        let lost: usize = std::mem::take(&mut self.parts).values().map(Vec::len).sum();
        let at = At { place: self.family.place(Table::Part, 0), ..self.last.clone() };
        if lost > 0 {
            let message = format!("{lost} parts are of messages that are not in the database; they are lost");
            self.thread.writer.problem(&at, ProblemCode::UnparsableLine, message);
        }
        let at = At { place: self.family.place(Table::Session, self.session.row), ..self.last.clone() };
        if let Some(revert) = self.session.revert.as_deref().and_then(Object::parse) {
            self.thread.writer.protocol(&at, "session_revert", &revert);
        }
        for child in self.family.store.children(&self.session.id) {
            if self.agents.contains(&child.id) || child.id == self.session.id {
                continue;
            }
            let at = At { place: self.family.place(Table::Session, child.row), ..self.last.clone() };
            let event = serde_json::json!({"session_id": child.id, "title": child.title, "agent": child.agent});
            self.thread.writer.protocol(&at, "session_without_call", &event);
            self.thread.writer.child(ThreadId::from(child.id));
        }
        self.thread.end(&self.last);
    }
}

impl Iterator for Reader {
    type Item = Draft;

    fn next(&mut self) -> Option<Draft> {
        loop {
            if let Some(draft) = self.ready.pop_front() {
                return Some(draft);
            }
            self.ready = self.thread.take();
            if !self.ready.is_empty() {
                continue;
            }
            if self.is_done {
                return None;
            }
            match self.messages.next() {
                Some(listed) => {
                    let is_followed = !self.messages.as_slice().is_empty();
                    self.read(&listed, is_followed);
                }
                None => {
                    self.is_done = true;
                    self.end();
                }
            }
        }
    }
}
