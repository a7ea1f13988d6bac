//! From the records of a transcript to events.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use rollout_trace_schema::{EvidenceSource, RolloutStarted, ThreadId, TraceId, UnixMillis};
use serde_json::{Value, json};

use super::{
    store::{Agent, Head, Store},
    thread::Thread,
};
use crate::{
    draft::{At, Draft},
    following::Follower,
    object::Object,
    problem::{Problem, ProblemCode},
    sources::Sources,
    spawn::{slug, spawned},
    time,
    writer::ROOT_PATH,
};

/// The types of records that are read, or that say nothing about the conversation.
const KNOWN_RECORDS: [&str; 35] = [
    "user",
    "assistant",
    "system",
    "attachment",
    "api-request",
    "api-request-blob",
    "api-request-shape",
    "cost-state",
    "queue-operation",
    "last-prompt",
    "mode",
    "permission-mode",
    "tools-used",
    "file-history-snapshot",
    "summary",
    "ai-title",
    "atis-latch",
    "custom-title",
    "agent-name",
    "agent-color",
    "agent-setting",
    "tag",
    "pr-link",
    "worktree-state",
    "content-replacement",
    "marble-origami-commit",
    "marble-origami-snapshot",
    "speculation-accept",
    "task-summary",
    "attribution-snapshot",
    "progress",
    "started",
    "result",
    "context-collapse",
    "file-history-delta",
];

/// Whose transcript a file is.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Root { head: Head },
    Agent { agent: Agent, head: Head },
}

/// Reads the events of the threads of one transcript. Before 2.1.2, agents are in the main transcript.
pub(super) struct Reader {
    ready: VecDeque<Draft>,
    threads: Vec<Thread>,
    /// The places of the threads that may have events to take.
    touched: BTreeSet<usize>,
    /// The thread of each line of an agent in the main transcript, by its place.
    side: HashMap<String, usize>,
    /// The calls whose agents are known: the agents' prompts, by the place of the calling thread.
    head: Head,
    is_main: bool,
    clock: UnixMillis,
    last: At,
    uuids: HashSet<String>,
    unknown_types: HashSet<String>,
    agents: HashSet<ThreadId>,
    is_time_reported: bool,
}

impl Reader {
    /// Begins to read a transcript, which is this one of the sources.
    pub(super) fn new(file: u32, origin: Origin, (store, agents): (&Store, &[Agent]), sources: &Sources) -> Self {
        let place = EvidenceSource { file, line: 1 };
        let (head, is_main, id, agent_path, metadata) = match origin {
            Origin::Root { head } => {
                let id = ThreadId::from(head.session.as_str());
                let metadata = json!({
                    "thread_id": id, "agent_path": ROOT_PATH, "cwd": head.cwd,
                    "copied_from": head.copied_from.first().map(|session| json!({"thread_id": session})),
                });
                (head, true, id, ROOT_PATH.to_owned(), metadata)
            }
            Origin::Agent { agent, head } => {
                let metadata =
                    spawned(&agent.thread, &agent.parent, &agent.agent_path, agent.role.as_deref(), agent.depth);
                (head, false, agent.thread.clone(), agent.agent_path.clone(), metadata)
            }
        };
        let clock = head.started_at.unwrap_or_default();
        let at = At { time: clock, place, turn: None, grade: None };
        let mut thread = Thread::new(id.clone(), store.clone(), sources.clone());
        thread.cwd.clone_from(&head.cwd);
        for agent in agents.iter().filter(|agent| agent.parent == id) {
            let child = (agent.thread.clone(), agent.agent_path.clone());
            match &agent.call_id {
                Some(call) => drop(thread.children.insert(call.clone(), child)),
                None => drop(thread.uncalled.insert(child.0, child.1)),
            }
        }
        let mut ready = VecDeque::new();
        if is_main {
            let event = RolloutStarted { trace_id: TraceId::from(format!("import-{id}")), root_thread_id: id.clone() };
            let (body, documents, notes) = (event.into(), Vec::new(), Vec::new());
            ready.push_back(Draft { at: at.clone(), thread: id.clone(), body, documents, notes });
        }
        thread.metadata = Some((agent_path, metadata));
        let mut reader = Self {
            ready,
            threads: vec![thread],
            touched: BTreeSet::from([0]),
            side: HashMap::new(),
            head,
            is_main,
            clock,
            last: at.clone(),
            uuids: HashSet::new(),
            unknown_types: HashSet::new(),
            agents: agents.iter().map(|agent| agent.thread.clone()).collect(),
            is_time_reported: false,
        };
        if is_main {
            reader.threads[0].start(&at);
        }
        reader
    }

    fn read(&mut self, place: EvidenceSource, text: &str) {
        let Some(record) = Object::parse(text) else { return };
        let kind = record.text("type").unwrap_or_default();
        let time = record.text("timestamp").map(|time| time::parse(&time));
        match time {
            Some(Some(time)) => self.clock = time,
            Some(None) => self.report_time(place),
            None if matches!(kind.as_str(), "user" | "assistant") => self.report_time(place),
            None => {}
        }
        let at = At { time: self.clock, place, turn: None, grade: None };
        self.last = at.clone();
        self.touched.insert(0);
        if !self.is_new(&at, &record, &kind) {
            return;
        }
        if !self.is_main {
            self.threads[0].start(&at);
        }
        if !KNOWN_RECORDS.contains(&kind.as_str()) {
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                self.threads[0].writer.protocol(&at, &kind, &value);
            }
            if self.unknown_types.insert(kind.clone()) {
                let message = format!("records of the unknown type {kind} are listed, and not interpreted");
                self.threads[0].writer.problem(&at, ProblemCode::UnknownRecord, message);
            }
        }
        let thread = self.thread_of(&at, &record, &kind);
        let is_copied = self.is_main && place.line <= self.head.copied_through;
        self.touched.insert(thread);
        self.threads[thread].record(&at, &kind, text, is_copied);
        self.look_for_missing_agent(&at, &record);
    }

    fn report_time(&mut self, place: EvidenceSource) {
        if !std::mem::replace(&mut self.is_time_reported, true) {
            let at = At { time: self.clock, place, turn: None, grade: None };
            let message =
                "the record has no time that can be; the last known time is used, here and in similar records";
            self.threads[0].writer.problem(&at, ProblemCode::TimeUnknown, message);
        }
    }

    /// Returns whether the record was not read before.
    fn is_new(&mut self, at: &At, record: &Object<'_>, kind: &str) -> bool {
        let id = match kind {
            "api-request" => record.text("id"),
            _ => record.text("uuid"),
        };
        let Some(id) = id else { return true };
        if self.uuids.insert(id.clone()) {
            return true;
        }
        let message = format!("the record {id} is repeated; the first one counts");
        self.threads[0].writer.problem(at, ProblemCode::RepeatedRecord, message);
        false
    }

    /// Returns the place of the thread that a record belongs to. A line of an agent in the main transcript that follows
    /// no other begins a thread.
    fn thread_of(&mut self, at: &At, record: &Object<'_>, kind: &str) -> usize {
        let is_side = self.is_main && record.flag("isSidechain") && record.get("agentId").is_none();
        let is_other = |uuid: &String| *uuid != *self.threads[0].writer.thread;
        let Some(uuid) = record.text("uuid").filter(|_| is_side).filter(is_other) else { return 0 };
        let parent = record.text("parentUuid");
        let place = match parent.and_then(|parent| self.side.get(&parent).copied()) {
            Some(place) => place,
            None if kind == "user" => self.begin_side(at, record, &uuid),
            None => return 0,
        };
        self.side.insert(uuid, place);
        place
    }

    /// Begins the thread of an agent in the main transcript. Its call is the one whose prompt is this line's text.
    fn begin_side(&mut self, at: &At, record: &Object<'_>, uuid: &str) -> usize {
        let text = record.object("message").and_then(|message| message.text("content")).unwrap_or_default();
        let id = ThreadId::from(uuid);
        let call = self.threads[0].call_with_prompt(&text);
        let (description, role) = call.as_ref().map_or((None, None), |call| (call.1.clone(), call.2.clone()));
        let path = format!("{ROOT_PATH}/{}", description.as_deref().map_or_else(|| uuid.to_owned(), slug));
        let metadata = spawned(&id, &self.threads[0].writer.thread, &path, role.as_deref(), 1);
        let mut thread = Thread::new(id.clone(), self.threads[0].store.clone(), self.threads[0].sources.clone());
        thread.cwd.clone_from(&self.head.cwd);
        thread.metadata = Some((path.clone(), metadata));
        thread.start(at);
        if let Some((call, ..)) = call {
            self.threads[0].agent_starts(at, &call, &id, &path);
        }
        self.threads.push(thread);
        self.threads.len() - 1
    }

    /// Reports an agent whose own transcript is missing.
    fn look_for_missing_agent(&mut self, at: &At, record: &Object<'_>) {
        let result = record.object("toolUseResult").unwrap_or_default();
        let Some(agent) = result.text("agentId").map(ThreadId::from).filter(|_| self.is_main) else { return };
        let has_side_threads = self.threads.len() > 1;
        if !has_side_threads && self.agents.insert(agent.clone()) {
            let message = format!("the transcript of agent {agent} is missing; what it did is unknown");
            self.threads[0].writer.problem(at, ProblemCode::FileMissing, message);
        }
    }
}

impl Follower for Reader {
    fn record(&mut self, place: EvidenceSource, text: &str) {
        self.read(place, text);
    }

    fn problem(&mut self, place: EvidenceSource, problem: Problem) {
        self.touched.insert(0);
        let at = At { place, ..self.last.clone() };
        self.threads[0].start(&at);
        self.threads[0].writer.problem(&at, problem.code, problem.message);
    }

    fn end(&mut self) {
        let at = self.last.clone();
        for thread in &mut self.threads {
            thread.end(&at);
        }
        self.touched.extend(0..self.threads.len());
    }

    fn take(&mut self) -> VecDeque<Draft> {
        let mut ready = std::mem::take(&mut self.ready);
        for place in std::mem::take(&mut self.touched) {
            ready.extend(self.threads[place].writer.take());
        }
        ready
    }
}
