//! The tools for child agents.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use rollout_trace_recorder::{ExecutionStatus, SessionSource, ThreadSpawn, ToolKind};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Dispatch, Outcome, ToolError, call::Requester};
use crate::{
    AgentStatus,
    lock::lock,
    mail::Mail,
    rollout::{Agent, ClosedAgent, Identity},
    terminal::HeadTail,
    thread::{Ending, Thread},
};

/// The most characters of an agent's name.
const NAME_CHARS: usize = 64;

/// How long `wait_agent` waits by default.
const DEFAULT_WAIT_MS: u64 = 30_000;

#[derive(Deserialize)]
struct SpawnArguments {
    task_name: String,
    message: String,
    #[serde(default)]
    fork_turns: ForkTurns,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ForkTurns {
    #[default]
    None,
    All,
}

#[derive(Deserialize)]
struct MessageArguments {
    target: String,
    message: String,
}

#[derive(Deserialize)]
struct TargetArguments {
    target: String,
}

#[derive(Deserialize)]
struct NoArguments {}

#[derive(Deserialize)]
struct WaitArguments {
    timeout_ms: Option<u64>,
}

impl Dispatch {
    pub(super) fn spawn_agent(&self) -> Result<Outcome, ToolError> {
        let arguments: SpawnArguments = self.call().arguments()?;
        let parent = &self.turn.thread;
        let rollout = &parent.rollout;
        let limits = rollout.config.agents;
        let name = arguments.task_name;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(ToolError::Failed(format!(
                "task_name is {name:?}, but may only contain lower-case letters, digits and underscores"
            )));
        }
        if name.len() > NAME_CHARS {
            let length = name.len();
            return Err(ToolError::Failed(format!(
                "task_name has {length} characters, but may have at most {NAME_CHARS}"
            )));
        }
        self.check_length(&arguments.message)?;
        if parent.depth >= limits.max_depth {
            return Err(ToolError::Failed(format!(
                "you cannot spawn an agent: you are at the greatest depth, {}",
                limits.max_depth
            )));
        }
        self.check_room()?;
        let identity = Identity {
            id: Uuid::now_v7().to_string(),
            path: format!("{}/{name}", parent.path),
            depth: parent.depth + 1,
            parent: Some(Arc::clone(parent)),
        };
        if rollout.agent(&identity.path).is_some() || rollout.is_closed(&identity.path) {
            return Err(ToolError::Failed(format!("an agent {} already exists", identity.path)));
        }
        let history = match arguments.fork_turns {
            ForkTurns::None => Vec::new(),
            ForkTurns::All => forked(lock(&parent.state).history.items()),
        };
        let trace = parent.trace.start_child_thread_trace_or_disabled(self.child_metadata(&identity));
        let path = identity.path.clone();
        let child = rollout.start_thread(identity, trace, history, VecDeque::new());
        self.deliver(&child, arguments.message, true, "started")?;
        Ok(Outcome::document(json!({"task_name": path})))
    }

    pub(super) fn send_message(&self) -> Result<Outcome, ToolError> {
        let arguments: MessageArguments = self.call().arguments()?;
        self.check_length(&arguments.message)?;
        let target = self.live_agent(&arguments.target)?;
        self.deliver(&target, arguments.message, false, "interacted")?;
        Ok(Outcome::text(""))
    }

    pub(super) fn followup_task(&self) -> Result<Outcome, ToolError> {
        let arguments: MessageArguments = self.call().arguments()?;
        self.check_length(&arguments.message)?;
        let path = self.path_of(&arguments.target);
        let rollout = &self.turn.thread.rollout;
        let target = if rollout.is_closed(&path) { self.reopen(&path)? } else { self.live_agent(&path)? };
        self.deliver(&target, arguments.message, true, "interacted")?;
        Ok(Outcome::text(""))
    }

    /// Opens a closed agent again.
    fn reopen(&self, path: &str) -> Result<Agent, ToolError> {
        let rollout = &self.turn.thread.rollout;
        // The parent must be running to receive the agent's results.
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        let parent = rollout.agent(above).ok_or_else(|| {
            ToolError::Failed(format!("{above} is closed, and {path} reports to it: give {above} a task first"))
        })?;
        self.check_room()?;
        let closed = rollout.take_closed(path);
        let ClosedAgent { identity, history, mail } =
            closed.ok_or_else(|| ToolError::Failed(format!("{path} has just been opened by another call")))?;
        let identity = Identity { parent: Some(parent.thread), ..identity };
        let trace = self.turn.thread.trace.resume_child_thread_trace_or_disabled(self.child_metadata(&identity));
        Ok(rollout.start_thread(identity, trace, history, mail))
    }

    /// Fails if no further agent may be started.
    fn check_room(&self) -> Result<(), ToolError> {
        let rollout = &self.turn.thread.rollout;
        let most = rollout.config.agents.max_threads;
        let agents = rollout.agents();
        if agents.len() < most {
            return Ok(());
        }
        let idle = agents.iter().filter(|agent| agent.thread.parent.is_some() && !agent.thread.status().is_busy());
        let idle: Vec<_> = idle.map(|agent| agent.thread.path.as_str()).collect();
        let what_to_do = match idle.as_slice() {
            [] => "all of them are at work, so wait until one is done, or close one".to_owned(),
            [one] => format!("{one} is not at work; close it to make room"),
            several => format!("{} are not at work; close one of them to make room", several.join(", ")),
        };
        Err(ToolError::Failed(format!("there are already {most} agents, which is the limit: {what_to_do}")))
    }

    /// Fails if a message is longer than the outputs that models get.
    fn check_length(&self, message: &str) -> Result<(), ToolError> {
        let (length, most) = (HeadTail::of(message).token_count(), self.turn.thread.commands.max_output_tokens());
        if length > most {
            return Err(ToolError::Failed(format!(
                "the message has about {length} tokens, but may have at most {most}: write the text into a file and name the \
                 file"
            )));
        }
        Ok(())
    }

    pub(super) async fn wait_agent(&self) -> Result<Outcome, ToolError> {
        let arguments: WaitArguments = self.call().arguments()?;
        let thread = &self.turn.thread;
        let limit = Duration::from_millis(arguments.timeout_ms.unwrap_or(DEFAULT_WAIT_MS));
        let call_id = &self.call().id;
        let begin = json!({"call_id": call_id, "sender_thread_id": thread.id, "receiver_thread_ids": []});
        self.record_runtime_started(ToolKind::WaitAgent, &begin);
        let mut mail = thread.mail_count.subscribe();
        let is_of_model = matches!(self.call().requester, Requester::Model { .. });
        let _waiting = is_of_model.then(|| Waiting::begin(thread));
        let is_stalled = || is_of_model && lock(&thread.state).waits.are_stalled;
        let has_mail = || !lock(&thread.state).mailbox.is_empty();
        let others_are_busy = || {
            let agents = thread.rollout.agents();
            agents.iter().any(|agent| agent.thread.id != thread.id && agent.thread.status().is_busy())
        };
        let arrival = mail.wait_for(|_| has_mail() || !others_are_busy() || is_stalled());
        // A cell of this thread could send messages as long as it ran.
        let end_of_cells = async {
            thread.cells.idle().await;
            thread.rollout.end_stalled_waits();
            pending::<()>().await;
        };
        let arrival = async {
            tokio::select! {
                biased;
                // An error is impossible: the thread holds the sender.
                _ = arrival => {}
                () = end_of_cells, if is_of_model && thread.cells.are_running() => {}
            }
        };
        let waited = self.unless_stopped(thread.pause.timeout(limit, arrival)).await;
        let status = if waited.is_ok() { ExecutionStatus::Completed } else { ExecutionStatus::Cancelled };
        let end = json!({"call_id": call_id, "sender_thread_id": thread.id, "statuses": {}});
        self.record_runtime_ended(status, &end);
        let timed_out = waited?.is_none();
        let message = match timed_out {
            true => "Wait timed out.",
            false if has_mail() => "Wait completed.",
            false if is_stalled() => {
                "All agents at work wait for messages of one another, so none can send one. Go on without waiting."
            }
            false => "No other agent is at work.",
        };
        Ok(Outcome::document(json!({"message": message, "timed_out": timed_out})))
    }

    pub(super) async fn close_agent(&self) -> Result<Outcome, ToolError> {
        let arguments: TargetArguments = self.call().arguments()?;
        let thread = &self.turn.thread;
        let target = self.live_agent(&arguments.target)?;
        if thread.path == target.thread.path || thread.path.starts_with(&format!("{}/", target.thread.path)) {
            return Err(ToolError::Failed("an agent cannot close itself or one of its parents".to_owned()));
        }
        let before = self.shown_status(&target);
        let mut event = json!({"call_id": self.call().id, "sender_thread_id": thread.id,
                               "receiver_thread_id": target.thread.id});
        self.record_runtime_started(ToolKind::CloseAgent, &event);
        let (path, below) = (&target.thread.path, format!("{}/", target.thread.path));
        let ended = thread.rollout.end_agents(|other| other == path || other.starts_with(&below));
        // Two agents that close each other would otherwise wait forever.
        let ended = self.unless_stopped(ended).await;
        let status = if ended.is_ok() { ExecutionStatus::Completed } else { ExecutionStatus::Cancelled };
        // Codex's tools refuse an end without this field.
        event["status"] = json!(before);
        self.record_runtime_ended(status, &event);
        ended?;
        Ok(Outcome::document(json!({"previous_status": before})))
    }

    pub(super) fn list_agents(&self) -> Result<Outcome, ToolError> {
        let NoArguments {} = self.call().arguments()?;
        let agents = self.turn.thread.rollout.agents();
        let agents: Vec<Value> = agents
            .iter()
            .map(|agent| json!({"agent_name": agent.thread.path, "agent_status": self.shown_status(agent)}))
            .collect();
        Ok(Outcome::document(json!({"agents": agents})))
    }

    /// Returns an agent's status, with a long last message cut as its parent got it.
    fn shown_status(&self, agent: &Agent) -> AgentStatus {
        match agent.thread.status() {
            AgentStatus::Completed(Some(text)) => {
                let most = self.turn.thread.commands.max_output_tokens();
                AgentStatus::Completed(Some(HeadTail::of(&text).excerpt(most)))
            }
            other => other,
        }
    }

    /// Returns the path that a path or the name of a child refers to.
    fn path_of(&self, target: &str) -> String {
        if target.starts_with('/') { target.to_owned() } else { format!("{}/{target}", self.turn.thread.path) }
    }

    fn live_agent(&self, target: &str) -> Result<Agent, ToolError> {
        let path = self.path_of(target);
        let rollout = &self.turn.thread.rollout;
        rollout.agent(&path).ok_or_else(|| {
            let known: Vec<String> = rollout.agents().iter().map(|agent| agent.thread.path.clone()).collect();
            ToolError::Failed(format!("agent {path} does not exist; the running agents are {}", known.join(", ")))
        })
    }

    /// Delivers a message, and records the call's effect on the other agent.
    fn deliver(&self, target: &Agent, text: String, starts_turn: bool, effect: &str) -> Result<(), ToolError> {
        let (author, recipient) = (self.turn.thread.path.clone(), target.thread.path.clone());
        let mail = Mail { author, recipient, text, starts_turn };
        target.thread.deliver(mail, || self.record_activity(target, effect)).map_err(|Ending| {
            let path = &target.thread.path;
            ToolError::Failed(format!(
                "agent {path} is ending and takes no more messages; once it has ended, followup_task opens it again"
            ))
        })
    }

    /// Records the call's effect on another agent.
    fn record_activity(&self, target: &Agent, kind: &str) {
        let activity = json!({"event_id": self.call().id, "agent_thread_id": target.thread.id,
                              "agent_path": target.thread.path, "kind": kind});
        self.record_runtime_ended(ExecutionStatus::Completed, &activity);
    }

    fn child_metadata(&self, child: &Identity) -> rollout_trace_recorder::ThreadStartedTraceMetadata {
        let parent = child.parent.as_ref().unwrap_or(&self.turn.thread);
        let depth = i64::try_from(child.depth).unwrap_or(i64::MAX);
        let spawn = ThreadSpawn::new(&*parent.id, depth).agent_path(&*child.path);
        child.metadata(&parent.rollout.config, SessionSource::from(spawn))
    }
}

/// Counts a waiting call of a thread's model, until it is dropped.
struct Waiting<'t>(&'t Thread);

impl<'t> Waiting<'t> {
    fn begin(thread: &'t Thread) -> Self {
        let mut state = lock(&thread.state);
        state.waits.open += 1;
        state.waits.changes += 1;
        // What was said to an earlier call is no longer true.
        state.waits.are_stalled = false;
        Self(thread)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.waits.open -= 1;
        state.waits.changes += 1;
    }
}

/// Returns the parent's history for a child to begin with, without the calls that have no output yet, including the
/// current one.
fn forked(items: &[crate::Item]) -> Vec<crate::Item> {
    let answered = |call: &crate::Item| {
        items
            .iter()
            .any(|item| item.kind().ends_with("_output") && item.text_field("call_id") == call.text_field("call_id"))
    };
    items.iter().filter(|item| !item.kind().ends_with("_call") || answered(item)).cloned().collect()
}
