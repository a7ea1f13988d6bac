//! The main loop of a thread.

use std::{
    collections::VecDeque,
    future::{Future, pending},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use rollout_trace_recorder::{AgentResultTracePayload, ExecutionStatus};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use uuid::Uuid;

use crate::{
    AbortReason, AgentStatus, EventMessage, McpServer, Op, TurnOverrides, fault,
    guard::{END_LIMIT, Panicked, guarded, guarded_within},
    lock::lock,
    mail::Mail,
    terminal::HeadTail,
    thread::{Request, Thread},
    turn::{Turn, TurnEnd, Work},
};

/// How long the end of all child agents may take: the end of their turns, their cells and their commands.
const CHILDREN_LIMIT: Duration = Duration::from_secs(4 * END_LIMIT.as_secs());

/// Handles a thread's requests in order, from the thread's start to its end.
pub(crate) struct Session {
    thread: Arc<Thread>,
    requests: mpsc::UnboundedReceiver<Request>,
    /// Requests that arrived during a turn.
    waiting: VecDeque<Request>,
    terminated: watch::Sender<bool>,
}

impl Session {
    pub(crate) fn new(
        thread: Arc<Thread>,
        requests: mpsc::UnboundedReceiver<Request>,
        terminated: watch::Sender<bool>,
    ) -> Self {
        Self { thread, requests, waiting: VecDeque::new(), terminated }
    }

    /// Runs the thread. Whatever happens in it, it is no longer among the running ones afterwards.
    pub(crate) async fn run(mut self) {
        let thread = Arc::clone(&self.thread);
        let departure = Departure { thread: Arc::clone(&thread), terminated: self.terminated.clone() };
        let report =
            |panicked: Panicked| thread.emit(None, None, EventMessage::Error { message: panicked.to_string() });
        guarded(self.serve()).await.unwrap_or_else(report);
        guarded(shut_down(&thread)).await.unwrap_or_else(report);
        guarded(async { depart(&thread) }).await.unwrap_or_else(report);
        if thread.parent.is_none() {
            thread.rollout.forget(&thread);
            thread.rollout.forget_closed();
            thread.trace.finish();
        }
        // From here on a child may be opened again, which its trace must show after its end.
        drop(departure);
    }

    /// Handles requests until the last one.
    async fn serve(&mut self) {
        let configured = self.configured();
        self.thread.emit(None, None, configured);
        while let Some(request) = self.next().await {
            if matches!(request, Request::Submission { op: Op::Shutdown, .. }) {
                self.thread.begin_ending();
                break;
            }
            if let Err(panicked) = guarded(self.handle(request)).await {
                self.thread.emit(None, None, EventMessage::Error { message: panicked.to_string() });
            }
        }
    }

    async fn handle(&mut self, request: Request) {
        match request {
            Request::Mail => self.turn_for_mail().await,
            Request::Submission { id, op: Op::UserTurn { input, overrides } } => {
                self.turn(Some(id), Work::Answer(input), &overrides).await;
            }
            Request::Submission { id, op: Op::Compact } => {
                self.turn(Some(id), Work::Compaction, &TurnOverrides::default()).await;
            }
            // No turn is running here, and a shutdown is no request to this function.
            Request::Submission { op: Op::Interrupt | Op::Shutdown, .. } => {}
        }
    }

    async fn next(&mut self) -> Option<Request> {
        match self.waiting.pop_front() {
            Some(request) => Some(request),
            None => self.requests.recv().await,
        }
    }

    fn configured(&self) -> EventMessage {
        let config = &self.thread.rollout.config;
        EventMessage::SessionConfigured {
            thread_id: self.thread.id.clone(),
            model: config.model.clone(),
            effort: config.effort,
            provider_name: config.provider.name.clone(),
            cwd: config.cwd.clone(),
        }
    }

    /// Runs a turn for messages of other agents, unless an earlier turn has already taken them.
    async fn turn_for_mail(&mut self) {
        if lock(&self.thread.state).mailbox.iter().any(|mail| mail.starts_turn) {
            self.turn(None, Work::Answer(Vec::new()), &TurnOverrides::default()).await;
        }
    }

    async fn turn(&mut self, submission_id: Option<String>, work: Work, overrides: &TurnOverrides) {
        let thread = Arc::clone(&self.thread);
        let settings = match thread.rollout.config.settings().overridden(overrides) {
            Ok(settings) => settings,
            Err(error) => {
                let message = EventMessage::Error { message: error.to_string() };
                return thread.emit(submission_id.as_deref(), None, message);
            }
        };
        let turn = Turn::new(&thread, Uuid::now_v7().to_string(), submission_id, settings);
        lock(&thread.state).running = Some(Arc::clone(&turn));
        thread.cells.set_turn(&turn);
        thread.status.send_replace(AgentStatus::Running);
        let end = match guarded(self.run_turn(&turn, work)).await {
            Ok(end) => end,
            // The turn's own work is guarded. This is a fault at its end.
            Err(panicked) => TurnEnd::Failed(panicked.to_string()),
        };
        // It does nothing if the end has already been recorded.
        let recorded = guarded(async { turn.record_end(&end) }).await;
        let report = async {
            if let (Some(parent), Some(status)) = (&thread.parent, status_for_parent(&end)) {
                report_to_parent(&thread, parent, &turn, &status);
            }
        };
        let reported = guarded(report).await;
        thread.status.send_replace(match end {
            TurnEnd::Completed { last_agent_message } => AgentStatus::Completed(last_agent_message),
            TurnEnd::Interrupted => AgentStatus::Interrupted,
            TurnEnd::Failed(error) => AgentStatus::Errored(error),
        });
        // Any agent may be waiting for a message that no busy agent is left to send, so each turn's end wakes them all.
        thread.rollout.agents().iter().for_each(|agent| agent.thread.mail_count.send_modify(|_| {}));
        thread.rollout.end_stalled_waits();
        for panicked in [recorded.err(), reported.err()].into_iter().flatten() {
            thread.emit(None, None, EventMessage::Error { message: panicked.to_string() });
        }
    }

    /// Runs a turn from its start to its end, and takes requests meanwhile.
    async fn run_turn(&mut self, turn: &Arc<Turn>, work: Work) -> TurnEnd {
        let mut overdue_at = None;
        let end = {
            let mut running = pin!(turn.run(work));
            loop {
                tokio::select! {
                    biased;
                    request = self.requests.recv() => match request {
                        Some(Request::Submission { op: Op::Interrupt, .. }) => turn.stop(AbortReason::Interrupted),
                        Some(request) => {
                            if matches!(request, Request::Submission { op: Op::Shutdown, .. }) {
                                turn.thread.begin_ending();
                                // Waiting requests are dropped.
                                self.waiting.clear();
                                turn.stop(AbortReason::Shutdown);
                                overdue_at.get_or_insert_with(|| Instant::now() + END_LIMIT);
                            }
                            self.waiting.push_back(request);
                        }
                        // Unreachable: the thread itself holds a sender.
                        None => turn.stop(AbortReason::Shutdown),
                    },
                    end = &mut running => break end,
                    () = until(overdue_at) => {
                        let message = format!("the turn did not stop within {} seconds", END_LIMIT.as_secs());
                        turn.emit(EventMessage::Warning { message });
                        break TurnEnd::Interrupted;
                    }
                }
            }
        };
        turn.finish(&end).await;
        end
    }
}

/// Takes a thread out of the running ones when it is dropped, also after a panic.
struct Departure {
    thread: Arc<Thread>,
    terminated: watch::Sender<bool>,
}

impl Drop for Departure {
    fn drop(&mut self) {
        let rollout = &self.thread.rollout;
        match self.thread.parent {
            Some(_) => rollout.retire(&self.thread),
            None => rollout.forget(&self.thread),
        }
        self.terminated.send_replace(true);
    }
}

/// Ends everything that belongs to a thread, each part within its limit.
async fn shut_down(thread: &Arc<Thread>) {
    thread.begin_ending();
    let rollout = &thread.rollout;
    let is_root = thread.parent.is_none();
    if is_root {
        let children = rollout.end_agents(|path| path != thread.path);
        end("child agents", thread, CHILDREN_LIMIT, children).await;
    }
    end("code cells", thread, END_LIMIT, thread.cells.shut_down()).await;
    end("commands", thread, END_LIMIT, thread.commands.shut_down()).await;
    if is_root {
        let servers = join_all(rollout.mcp_servers.iter().map(McpServer::shutdown));
        end("MCP servers", thread, END_LIMIT, servers.map(drop)).await;
    }
    let checked = async { fault::point("thread end", &thread.path) };
    end("records", thread, END_LIMIT, checked).await;
}

/// Records and publishes the end of a thread.
fn depart(thread: &Thread) {
    fault::point("departure", &thread.path);
    thread.status.send_replace(AgentStatus::Shutdown);
    thread.emit(None, None, EventMessage::ShutdownComplete);
    thread.trace.record_ended(ExecutionStatus::Completed);
}

/// Ends a part of a thread within a limit. A part that does not end, or fails, is left behind.
async fn end(part: &str, thread: &Thread, limit: Duration, ending: impl Future<Output = ()>) {
    if let Err(error) = guarded_within(limit, ending).await {
        let message = format!("{part} of {} may be left behind: {error}", thread.path);
        thread.emit(None, None, EventMessage::Warning { message });
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// Returns the status that a child reports to its parent at the end of a turn, or `None` if it reports nothing.
fn status_for_parent(end: &TurnEnd) -> Option<AgentStatus> {
    match end {
        TurnEnd::Completed { last_agent_message } => Some(AgentStatus::Completed(last_agent_message.clone())),
        TurnEnd::Failed(error) => Some(AgentStatus::Errored(error.clone())),
        TurnEnd::Interrupted => None,
    }
}

/// Delivers a child's result to its parent.
fn report_to_parent(child: &Thread, parent: &Thread, turn: &Turn, status: &AgentStatus) {
    fault::point("report", &child.path);
    let text = match status {
        AgentStatus::Completed(message) => message.clone().unwrap_or_default(),
        AgentStatus::Errored(error) => format!("I failed: {error}"),
        _ => return,
    };
    let text = HeadTail::of(&text).excerpt(child.commands.max_output_tokens());
    let result = AgentResultTracePayload::new(&child.path, &text, status);
    child.trace.record_agent_result_interaction(&*turn.id, &*parent.id, &result);
    let (author, recipient) = (child.path.clone(), parent.path.clone());
    child.rollout.deliver_result(parent, Mail { author, recipient, text, starts_turn: false });
}
