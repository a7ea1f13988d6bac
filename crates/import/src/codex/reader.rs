//! From the records of a rollout file to events.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
};

use rollout_trace_schema::{
    AgentResultObserved, CodexTurnId, EdgeId, EvidenceSource, RolloutStarted, ThreadId, TraceId, UnixMillis,
};
use serde_json::value::RawValue;

use super::{
    Header, Store,
    answer::Open,
    base::Inherited,
    cells::Cells,
    tools::Tools,
    turns::{Turn, Turns},
    usage::Usage,
};
use crate::{
    Limits,
    draft::{At, Draft},
    following::Follower,
    object::Object,
    problem::{Problem, ProblemCode},
    sources::Sources,
    writer::{Item, UNKNOWN, Writer},
};

/// The types of records that are read or listed. Others are new.
const KNOWN_RECORDS: [&str; 8] = [
    "session_meta",
    "event_msg",
    "response_item",
    "compacted",
    "turn_context",
    "token_usage_record",
    "world_state",
    "inter_agent_communication_metadata",
];

/// How a message begins that is the result of an agent's turn.
const FINAL_ANSWER: &str = "Message Type: FINAL_ANSWER\n";

/// An item of the live history: what the next request holds.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) item: Item,
    /// The item's number in the history, from which requests are counted.
    pub(super) sequence: Option<u64>,
    pub(super) time: UnixMillis,
}

/// What a rollout file shows of where an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// A `state` record stands wherever a request goes out (0.20).
    States,
    /// The figures of an answer come before it, and calls take turns with their outputs (0.34).
    FiguresBefore,
    /// The figures of an answer come after it (0.66 to 0.148).
    FiguresAfter,
    /// Each answer has a record of its own with its figures (since 0.162).
    Records,
}

/// Reads the events of one thread from its rollout file.
pub(crate) struct Reader {
    pub(super) header: Header,
    pub(super) store: Rc<RefCell<Store>>,
    pub(super) sources: Sources,
    pub(super) limits: Limits,
    /// The events that are ready.
    ready: VecDeque<Draft>,
    /// Takes events. While an answer is open, they wait here for what decides about it.
    pub(super) writer: Writer,
    /// The latest known time.
    clock: UnixMillis,
    /// The time of the record before the one that is read.
    pub(super) previous: UnixMillis,
    last: At,
    pub(super) age: Age,
    pub(super) live: Vec<Live>,
    /// The items that no request, answer or compaction is known to have shown.
    pub(super) unshown: Vec<Item>,
    pub(super) answer: Option<Open>,
    pub(super) turns: Turns,
    pub(super) usage: Usage,
    pub(super) tools: Tools,
    pub(super) cells: Cells,
    pub(super) model: Option<String>,
    /// Set while copies of another thread's records are read.
    pub(super) inherited: Option<Inherited>,
    pub(super) is_base_missing: bool,
    pub(super) compactions: u64,
    ordinals: HashSet<u64>,
    unknown_types: HashSet<String>,
    /// The children by their paths, with the turn that each has finished and whose result has not arrived.
    agents: HashMap<String, (ThreadId, Option<CodexTurnId>)>,
    /// The children that records have named.
    pub(super) children: HashSet<ThreadId>,
    is_time_reported: bool,
}

impl Reader {
    /// Begins to read a thread's rollout file, which is this one of the sources.
    pub(crate) fn new(
        file: u32,
        header: Header,
        store: Rc<RefCell<Store>>,
        (sources, limits): (&Sources, Limits),
    ) -> Self {
        let place = EvidenceSource { file, line: 1 };
        let clock = header.started_at.unwrap_or_default();
        Self {
            writer: Writer::new(header.thread.clone()),
            store,
            sources: sources.clone(),
            limits,
            ready: VecDeque::new(),
            clock,
            previous: clock,
            last: At { time: clock, place, turn: None, grade: None },
            age: Age::FiguresAfter,
            live: Vec::new(),
            unshown: Vec::new(),
            answer: None,
            turns: Turns::default(),
            usage: Usage::default(),
            tools: Tools::default(),
            cells: Cells::default(),
            model: None,
            inherited: None,
            is_base_missing: false,
            compactions: 0,
            ordinals: HashSet::new(),
            unknown_types: HashSet::new(),
            agents: HashMap::new(),
            children: HashSet::new(),
            is_time_reported: false,
            header,
        }
        .started()
    }

    /// Makes this the thread with which the session begins.
    pub(crate) fn root(mut self) -> Self {
        let event = RolloutStarted {
            trace_id: TraceId::from(format!("import-{}", self.header.thread)),
            root_thread_id: self.header.thread.clone(),
        };
        self.ready.push_front(Draft {
            at: self.last.clone(),
            thread: self.header.thread.clone(),
            body: event.into(),
            documents: Vec::new(),
            notes: Vec::new(),
        });
        self
    }

    fn started(mut self) -> Self {
        let at = self.last.clone();
        let (path, metadata) = (self.header.agent_path.clone(), self.header.metadata.clone());
        self.writer.thread_started(&at, &path, &metadata);
        if !self.header.is_recorded {
            let message = format!(
                "the file does not begin with its header; its name says that it is thread {}",
                self.header.thread
            );
            self.writer.problem(&at, ProblemCode::HeaderMissing, message);
        }
        self.inherit_base(&at);
        self.flush();
        self
    }

    /// Lets the events go that have been written.
    pub(super) fn flush(&mut self) {
        self.ready.extend(self.writer.take());
    }

    pub(super) fn provider(&self) -> String {
        self.header.provider.clone().unwrap_or_else(|| UNKNOWN.to_owned())
    }

    pub(super) fn model(&self) -> String {
        self.model.clone().unwrap_or_else(|| UNKNOWN.to_owned())
    }

    /// Returns when and where a record is, with the turn that is open.
    fn at(&mut self, place: EvidenceSource, record: &Object<'_>) -> At {
        self.previous = self.clock;
        match record.text("timestamp").and_then(|time| crate::time::parse(&time)) {
            // Items that were completed say exactly when.
            Some(time) => {
                let payload = record.object("payload").unwrap_or_default();
                let exact = payload.int("completed_at_ms").filter(crate::time::is_plausible);
                self.clock = exact.unwrap_or(time);
            }
            // Nor do the oldest files have times, which is no damage.
            None if self.age == Age::States || self.is_time_reported => {}
            None if record.get("timestamp").is_none() && record.get("payload").is_none() => {}
            None => {
                self.is_time_reported = true;
                let at = At { time: self.clock, place, turn: None, grade: None };
                let message =
                    "the record has no time that can be; the last known time is used, here and in similar records";
                self.writer.problem(&at, ProblemCode::TimeUnknown, message);
            }
        }
        At { time: self.clock, place, turn: self.turns.current(), grade: None }
    }

    fn read(&mut self, place: EvidenceSource, text: &str) {
        let Some(record) = Object::parse(text) else { return };
        let at = self.at(place, &record);
        if !self.is_new(&at, &record) {
            return;
        }
        if self.inherited.is_none() {
            self.last = at.clone();
        }
        let kind = record.text("type");
        match (kind.as_deref(), record.get("payload")) {
            (Some(kind), Some(payload)) => self.read_payload(&at, kind, payload, &record),
            (None, None) if record.text("record_type").as_deref() == Some("state") => self.read_state(&at),
            // The header of the oldest files, which has been read.
            (None, None) if record.get("id").is_some() && place.line == 1 => {}
            // The oldest files do not wrap items.
            (Some(_), None) => self.read_item(&at, text, &Object::default()),
            _ => self.unknown(&at, "(none)", text),
        }
        if self.answer.is_none() {
            self.flush();
        }
    }

    /// Returns whether the record was not read before.
    fn is_new(&mut self, at: &At, record: &Object<'_>) -> bool {
        let Some(ordinal) = record.read::<u64>("ordinal") else { return true };
        if !self.ordinals.insert(ordinal) {
            let message = format!("the record with ordinal {ordinal} is repeated; the first one counts");
            self.writer.problem(at, ProblemCode::RepeatedRecord, message);
            return false;
        }
        true
    }

    fn read_payload(&mut self, at: &At, kind: &str, payload: &RawValue, record: &Object<'_>) {
        let Some(object) = Object::of(payload) else { return self.unknown(at, kind, payload.get()) };
        match kind {
            "response_item" => {
                let metadata = record.object("metadata").unwrap_or_default();
                self.read_item(at, payload.get(), &metadata);
            }
            "event_msg" => {
                let event = object.text("type").unwrap_or_default();
                self.read_event(at, &event, &object, payload);
            }
            "session_meta" => self.read_meta(at, &object),
            "turn_context" => {
                self.read_turn_context(at, &object);
                self.protocol(at, kind, payload);
            }
            "token_usage_record" => {
                self.read_usage_record(at, &object);
                self.protocol(at, kind, payload);
            }
            "compacted" => self.read_compacted(at, &object),
            _ => self.unknown(at, kind, payload.get()),
        }
    }

    fn read_event(&mut self, at: &At, event: &str, object: &Object<'_>, payload: &RawValue) {
        match event {
            "task_started" | "turn_started" => self.turn_begins(at, object.text("turn_id")),
            "task_complete" | "turn_complete" => self.turn_completes(at, object),
            "turn_aborted" => self.turn_aborts(at, object),
            "token_count" => {
                self.read_token_count(at, object);
                self.protocol(at, event, payload);
            }
            "item_completed" => self.read_item_completed(at, object, payload),
            "exec_command_begin"
            | "exec_command_end"
            | "mcp_tool_call_begin"
            | "mcp_tool_call_end"
            | "patch_apply_begin"
            | "patch_apply_end" => self.read_old_runtime(at, event, object),
            // Items say the same.
            "user_message" | "agent_message" | "agent_message_delta" | "item_started" => {}
            event if event.starts_with("agent_reasoning") => {}
            "thread_rolled_back" => {
                self.roll_back(object.read("num_turns").unwrap_or(0));
                self.protocol(at, event, payload);
            }
            _ => self.protocol(at, event, payload),
        }
    }

    /// Lists an event, unless it is a copy of another thread's.
    pub(super) fn protocol(&mut self, at: &At, event_type: &str, payload: &RawValue) {
        if self.inherited.is_none() {
            self.writer.protocol(at, event_type, payload);
        }
    }

    fn unknown(&mut self, at: &At, kind: &str, text: &str) {
        if self.inherited.is_some() {
            return;
        }
        if let Ok(value) = serde_json::from_str::<&RawValue>(text) {
            self.writer.protocol(at, kind, value);
        }
        if !KNOWN_RECORDS.contains(&kind) && self.unknown_types.insert(kind.to_owned()) {
            let message = format!("records of the unknown type {kind} are listed, and not interpreted");
            self.writer.problem(at, ProblemCode::UnknownRecord, message);
        }
    }

    /// Remembers an agent, and the turn that it finished if it did.
    pub(super) fn note_agent(&mut self, path: String, agent: ThreadId, finished: Option<CodexTurnId>) {
        let known = self.agents.entry(path).or_insert((agent, None));
        known.1 = finished.or(known.1.take());
    }

    /// Writes that a child's result arrived, if this message is one. Where no record says which turn it is of, it is of
    /// the child's newest.
    pub(super) fn result_arrives(&mut self, at: &At, message: &Object<'_>) {
        let Some((child, turn)) = message.text("author").and_then(|author| self.agents.get_mut(&author)) else {
            return;
        };
        let parts = message.list("content").unwrap_or_default();
        let texts: Vec<String> = parts.into_iter().filter_map(|part| Object::of(part)?.text("text")).collect();
        let turn = turn.take();
        if turn.is_none() && !texts.first().is_some_and(|text| text.starts_with(FINAL_ANSWER)) {
            return;
        }
        let event = AgentResultObserved {
            edge_id: EdgeId::from(""),
            child_thread_id: child.clone(),
            child_codex_turn_id: turn.unwrap_or_else(|| CodexTurnId::from("")),
            parent_thread_id: self.header.thread.clone(),
            message: texts.concat(),
            carried_payload: None,
            delivered_item_id: None,
        };
        self.writer.agent_result(&at.reconstructed(), event);
    }

    /// Returns the open turn, which begins here if there is none.
    pub(super) fn ensure_turn(&mut self, at: &At) -> CodexTurnId {
        if let Some(turn) = self.turns.current() {
            return turn;
        }
        let id = self.writer.new_turn();
        self.turns.open(Turn::implied(id.clone()), self.live.len());
        self.writer.turn_started(&at.implied(), &id);
        id
    }
}

impl Follower for Reader {
    fn record(&mut self, place: EvidenceSource, text: &str) {
        self.read(place, text);
    }

    fn problem(&mut self, place: EvidenceSource, problem: Problem) {
        let at = At { place, ..self.last.clone() };
        self.writer.problem(&at, problem.code, problem.message);
        if self.answer.is_none() {
            self.flush();
        }
    }

    fn end(&mut self) {
        let at = At { turn: self.turns.current(), ..self.last.clone() };
        self.end_of_file(&at);
        let unshown = std::mem::take(&mut self.unshown);
        self.writer.history(&at, &unshown);
        self.flush();
    }

    fn take(&mut self) -> VecDeque<Draft> {
        std::mem::take(&mut self.ready)
    }
}
