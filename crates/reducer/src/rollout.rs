//! The rollout, its threads and its turns.

use rollout_trace_evidence::{PayloadBuffer, PayloadSource};
use rollout_trace_model::{AgentThread, CodexTurn, DiagnosticCode, Durations, Execution, ThreadOrigin};
use rollout_trace_schema::{
    AgentPath, CodexTurnEnded, CodexTurnId, CodexTurnStarted, EdgeId, ExecutionStatus, RolloutEnded, RolloutStarted,
    ThreadEnded, ThreadId, ThreadResumed, ThreadStarted,
};

use crate::{at::At, json::Json, reducer::Reducer};

impl Reducer {
    pub(crate) fn rollout_started(&mut self, at: &At, event: &RolloutStarted) {
        if self.rollout_is_started {
            let message = "the rollout starts a second time; the first start counts";
            self.report.at(at, DiagnosticCode::DuplicateStart, &[&event.trace_id], message);
            return;
        }
        self.rollout_is_started = true;
        let differs = |own: &str, new: &str| !own.is_empty() && own != new;
        if differs(&self.trace.trace_id, &event.trace_id) || differs(&self.trace.root_thread_id, &event.root_thread_id)
        {
            let message = "rollout_started names other ids than the manifest; the event counts";
            self.report.at(at, DiagnosticCode::ManifestMismatch, &[&event.trace_id, &event.root_thread_id], message);
        }
        self.trace.trace_id = event.trace_id.clone();
        self.trace.root_thread_id = event.root_thread_id.clone();
    }

    pub(crate) fn rollout_ended(&mut self, at: &At, event: &RolloutEnded) {
        if self.trace.ended_at_unix_ms.is_some() {
            let message = "the rollout ends a second time; the later end counts";
            self.report.at(at, DiagnosticCode::RepeatedEnd, &[&self.trace.rollout_id], message);
        }
        self.trace.ended_at_unix_ms = Some(at.time);
        self.trace.status = event.status.clone();
    }

    pub(crate) fn thread_started(&mut self, at: &At, event: &ThreadStarted, payloads: &mut dyn PayloadSource) {
        let known = self.trace.threads.get(&event.thread_id);
        if known.is_some_and(|thread| !thread.execution.start_unobserved) {
            let message = format!("thread {} starts a second time; nothing changes", event.thread_id);
            self.report.at(at, DiagnosticCode::DuplicateStart, &[&event.thread_id], message);
            return;
        }
        let mut buffer = PayloadBuffer::default();
        let metadata = event.metadata_payload.as_ref();
        let metadata = metadata.and_then(|reference| self.document(at, reference, payloads, &mut buffer));
        let metadata = metadata.unwrap_or(Json::Null);
        let field = |name: &str| metadata.text(name).map(str::to_owned);
        let spawn = metadata.get("session_source").and_then(|source| source.get("subagent")?.get("thread_spawn"));
        let mut agent_path = event.agent_path.clone();
        if let Some(reference) = &event.metadata_payload
            && !matches!(metadata, Json::Null)
        {
            if !metadata.is_object() {
                self.payload_malformed(at, reference, "session metadata that is no object; it is lost");
            } else if spawn.is_some_and(|spawn| spawn.text("parent_thread_id").is_none()) {
                self.payload_malformed(
                    at,
                    reference,
                    "a spawned thread without parent_thread_id; it counts as nobody's child",
                );
            }
        }
        let origin = match spawn.and_then(|spawn| Some((spawn, spawn.text("parent_thread_id")?))) {
            Some((spawn, parent)) => {
                let path = spawn.text("agent_path").or_else(|| metadata.text("agent_path"));
                agent_path = path.map_or(agent_path, AgentPath::from);
                let of_spawn = |name: &str| spawn.text(name).map(str::to_owned).or_else(|| field(name));
                let last_segment = || agent_path.rsplit('/').next().unwrap_or_default().to_owned();
                ThreadOrigin::Spawned {
                    parent_thread_id: ThreadId::from(parent),
                    spawn_edge_id: EdgeId::from(format!("edge:spawn:{parent}:{}", event.thread_id)),
                    task_name: of_spawn("task_name").unwrap_or_else(last_segment),
                    agent_role: of_spawn("agent_role").unwrap_or_default(),
                }
            }
            None => ThreadOrigin::Root,
        };
        let known = self.trace.threads.get(&event.thread_id);
        let mut execution = known.map_or(Execution::started(at.time, at.seq), |thread| thread.execution.clone());
        execution.start(at.time, at.seq);
        let nickname =
            field("nickname").or_else(|| spawn.and_then(|spawn| spawn.text("agent_nickname")).map(str::to_owned));
        let thread = new_thread(event.thread_id.clone(), agent_path, nickname, origin, execution, field("model"));
        self.trace.threads.insert(event.thread_id.clone(), thread);
        if self.trace.root_thread_id.is_empty() {
            self.trace.root_thread_id = event.thread_id.clone();
        }
    }

    pub(crate) fn thread_ended(&mut self, at: &At, event: &ThreadEnded) {
        self.ensure_thread(at, &event.thread_id);
        let thread = self.trace.threads.get_mut(&event.thread_id).expect("it was made sure of");
        if !thread.execution.is_running() {
            let message = format!("thread {} ends a second time; the later end counts", event.thread_id);
            self.report.at(at, DiagnosticCode::RepeatedEnd, &[&event.thread_id], message);
        }
        thread.execution.end(at.time, at.seq, event.status.clone());
        self.conversations.thread(&event.thread_id).reader.forget();
    }

    pub(crate) fn thread_resumed(&mut self, at: &At, event: &ThreadResumed) {
        self.ensure_thread(at, &event.thread_id);
        let execution = &mut self.trace.threads.get_mut(&event.thread_id).expect("it was made sure of").execution;
        if execution.is_running() && !execution.start_unobserved {
            let message = format!("thread {} is resumed, but it was not seen to end", event.thread_id);
            self.report.at(at, DiagnosticCode::ResumedRunningThread, &[&event.thread_id], message);
        }
        execution.ended_at_unix_ms = None;
        execution.ended_seq = None;
        execution.status = ExecutionStatus::Running;
    }

    pub(crate) fn codex_turn_started(&mut self, at: &At, event: &CodexTurnStarted) {
        self.ensure_thread(at, &event.thread_id);
        if let Some(known) = self.trace.codex_turns.get_mut(&event.codex_turn_id) {
            if known.execution.start_unobserved {
                known.execution.start(at.time, at.seq);
                known.thread_id = event.thread_id.clone();
            } else {
                let message = format!("turn {} starts a second time; nothing changes", event.codex_turn_id);
                self.report.at(at, DiagnosticCode::DuplicateStart, &[&event.codex_turn_id], message);
            }
            return;
        }
        self.new_turn(&event.codex_turn_id, &event.thread_id, Execution::started(at.time, at.seq));
    }

    pub(crate) fn codex_turn_ended(&mut self, at: &At, event: &CodexTurnEnded) {
        if !self.trace.codex_turns.contains_key(&event.codex_turn_id) {
            let thread = at.thread.clone().unwrap_or_else(|| self.trace.root_thread_id.clone());
            self.ensure_turn(at, &event.codex_turn_id, &thread);
        }
        let turn = self.trace.codex_turns.get_mut(&event.codex_turn_id).expect("it was made sure of");
        if !turn.execution.is_running() {
            let message = format!("turn {} ends a second time; the later end counts", event.codex_turn_id);
            self.report.at(at, DiagnosticCode::RepeatedEnd, &[&event.codex_turn_id], message);
        }
        turn.execution.end(at.time, at.seq, event.status.clone());
        self.end_calls_of_turn(at, event);
        self.end_cells_of_turn(at, event);
    }

    /// Makes sure that the thread is in the graph, with what is known of it if its start is lost.
    pub(crate) fn ensure_thread(&mut self, at: &At, thread: &ThreadId) {
        if self.trace.threads.contains_key(thread) {
            return;
        }
        let message = format!("thread {thread} was never started; it is in the graph with what is known of it");
        self.report.once(at, DiagnosticCode::UnknownThread, thread, message);
        let is_root = *thread == self.trace.root_thread_id || self.trace.root_thread_id.is_empty();
        let path = AgentPath::from(if is_root { "/root" } else { "" });
        if is_root {
            self.trace.root_thread_id = thread.clone();
        }
        let execution = Execution { start_unobserved: true, ..Execution::started(at.time, at.seq) };
        let placeholder = new_thread(thread.clone(), path, None, ThreadOrigin::Root, execution, None);
        self.trace.threads.insert(thread.clone(), placeholder);
    }

    /// Makes sure that the turn is in the graph, with what is known of it if its start is lost.
    pub(crate) fn ensure_turn(&mut self, at: &At, turn: &CodexTurnId, thread: &ThreadId) {
        if self.trace.codex_turns.contains_key(turn) {
            return;
        }
        self.ensure_thread(at, thread);
        let message = format!("turn {turn} was never started; it is in the graph with what is known of it");
        self.report.once(at, DiagnosticCode::UnknownTurn, turn, message);
        self.new_turn(turn, thread, Execution { start_unobserved: true, ..Execution::started(at.time, at.seq) });
    }

    /// The thread that the event belongs to: the envelope's, else that of its turn, else the root. It is in the graph then,
    /// and so is the turn.
    pub(crate) fn thread_of_event(&mut self, at: &At, what: &str) -> ThreadId {
        let of_turn = || Some(self.trace.codex_turns.get(at.turn.as_ref()?)?.thread_id.clone());
        let thread = at.thread.clone().or_else(of_turn).unwrap_or_else(|| {
            let root = self.trace.root_thread_id.clone();
            let message = format!("the event names no thread for {what}; it is taken for the root thread's");
            self.report.at(at, DiagnosticCode::UnknownThread, &[&what], message);
            root
        });
        self.ensure_thread(at, &thread);
        if let Some(turn) = &at.turn {
            self.ensure_turn(at, turn, &thread);
        }
        thread
    }

    fn new_turn(&mut self, turn: &CodexTurnId, thread: &ThreadId, execution: Execution) {
        let codex_turn = CodexTurn {
            codex_turn_id: turn.clone(),
            thread_id: thread.clone(),
            execution,
            input_item_ids: Vec::new(),
            new_input_item_ids: Vec::new(),
            durations: Durations::default(),
        };
        self.trace.codex_turns.insert(turn.clone(), codex_turn);
    }
}

fn new_thread(
    thread_id: ThreadId,
    agent_path: AgentPath,
    nickname: Option<String>,
    origin: ThreadOrigin,
    execution: Execution,
    default_model: Option<String>,
) -> AgentThread {
    AgentThread {
        thread_id,
        agent_path,
        nickname,
        origin,
        execution,
        default_model,
        conversation_item_ids: Vec::new(),
        durations: Durations::default(),
        markers: Vec::new(),
    }
}
