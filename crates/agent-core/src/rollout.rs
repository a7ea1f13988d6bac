//! A rollout: a root agent and all agents that it spawns, directly or indirectly.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use rollout_trace_recorder::{SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    AgentConfig, AgentStatus, Event, Item,
    history::History,
    lock::lock,
    mail::Mail,
    mcp::McpServer,
    model::ModelClient,
    patch::Patches,
    pause::Pause,
    session::Session,
    thread::{Door, Request, State, Thread},
    tools::{self, Cells, Commands},
};

/// The shared state of all threads of a rollout.
pub(crate) struct Rollout {
    pub(crate) config: AgentConfig,
    pub(crate) model: ModelClient,
    pub(crate) mcp_servers: Vec<McpServer>,
    events: mpsc::UnboundedSender<Event>,
    /// The agents whose threads are running, by path.
    agents: Mutex<BTreeMap<String, Agent>>,
    /// The agents whose threads have ended and may be opened again, by path.
    closed: Mutex<BTreeMap<String, ClosedAgent>>,
    /// The ids of all calls so far.
    call_ids: Mutex<HashSet<String>>,
    pub(crate) patches: Patches,
}

/// An agent whose thread is running.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) thread: Arc<Thread>,
    pub(crate) terminated: watch::Receiver<bool>,
}

/// The parts of a closed agent that are needed to open it again.
pub(crate) struct ClosedAgent {
    pub(crate) identity: Identity,
    pub(crate) history: Vec<Item>,
    /// The messages that have not become part of the history.
    pub(crate) mail: VecDeque<Mail>,
}

/// The identity of a thread and its place in the tree of agents.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) depth: usize,
    pub(crate) parent: Option<Arc<Thread>>,
}

impl Agent {
    /// Waits until the agent's thread has ended.
    pub(crate) async fn terminated(&mut self) {
        // An error means that the loop has been dropped, which is an end as well.
        let _ = self.terminated.wait_for(|terminated| *terminated).await;
    }
}

impl Identity {
    pub(crate) fn root() -> Self {
        Self { id: Uuid::now_v7().to_string(), path: "/root".to_owned(), depth: 0, parent: None }
    }

    pub(crate) fn metadata<S>(&self, config: &AgentConfig, session_source: S) -> ThreadStartedTraceMetadata<S> {
        let task_name = self.path.rsplit('/').next().map(str::to_owned);
        let mut metadata = ThreadStartedTraceMetadata::new(&*self.id, &*self.path, session_source)
            .cwd(Thread::folder_name(&config.cwd))
            .model(&*config.model, &*config.provider.name)
            .policies("never", "DangerFullAccess");
        metadata.task_name = task_name.filter(|_| self.parent.is_some());
        metadata
    }

    pub(crate) fn root_metadata(&self, config: &AgentConfig) -> ThreadStartedTraceMetadata {
        self.metadata(config, SessionSource::program("agent"))
    }
}

impl Rollout {
    pub(crate) fn new(
        config: AgentConfig,
        model: ModelClient,
        mcp_servers: Vec<McpServer>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Arc<Self> {
        let (agents, closed, call_ids) = (Mutex::default(), Mutex::default(), Mutex::default());
        let patches = Patches::default();
        Arc::new(Self { config, model, mcp_servers, events, agents, closed, call_ids, patches })
    }

    /// Returns an id that no other call of the rollout has, derived from the id that the provider gave the call.
    pub(crate) fn unique_call_id(&self, id: &str) -> String {
        let mut used = lock(&self.call_ids);
        let mut unique = id.to_owned();
        let mut uses = 1;
        while !used.insert(unique.clone()) {
            uses += 1;
            unique = format!("{id}#{uses}");
        }
        unique
    }

    pub(crate) fn publish(&self, event: Event) {
        // An error means that nobody receives events any more.
        let _ = self.events.send(event);
    }

    /// Starts a thread with its loop, a history and messages that wait for its first turn.
    pub(crate) fn start_thread(
        self: &Arc<Self>,
        identity: Identity,
        trace: ThreadTraceContext,
        history: Vec<Item>,
        mailbox: VecDeque<Mail>,
    ) -> Agent {
        let (requests, received) = mpsc::unbounded_channel();
        let (terminated, is_terminated) = watch::channel(false);
        let (cells, messages) = Cells::new();
        let pause = Pause::new();
        let Identity { id, path, depth, parent } = identity;
        let thread = Arc::new(Thread {
            instructions: format!("{}\n\nYou are the agent {path}.", self.config.instructions),
            tools: tools::described(self),
            commands: Commands::new(self, &path, trace.clone(), pause.clone()),
            id,
            path: path.clone(),
            depth,
            parent,
            rollout: Arc::clone(self),
            trace,
            cells,
            pause,
            requests,
            status: watch::Sender::new(AgentStatus::PendingInit),
            mail_count: watch::Sender::new(0),
            state: Mutex::new(State { history: History::new(history), mailbox, ..State::default() }),
        });
        let agent = Agent { thread: Arc::clone(&thread), terminated: is_terminated };
        lock(&self.agents).insert(path, agent.clone());
        tokio::spawn(tools::serve_cells(Arc::downgrade(&thread), messages));
        tokio::spawn(Session::new(thread, received, terminated).run());
        agent
    }

    pub(crate) fn agent(&self, path: &str) -> Option<Agent> {
        lock(&self.agents).get(path).cloned()
    }

    /// Returns all running agents, by path.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        lock(&self.agents).values().cloned().collect()
    }

    /// Closes all running agents whose path matches, and waits until their threads have ended.
    pub(crate) async fn end_agents(&self, matches: impl Fn(&str) -> bool) {
        // An agent may spawn another one while it is being closed, so this repeats until none is left.
        loop {
            let mut agents = self.agents();
            agents.retain(|agent| matches(&agent.thread.path));
            if agents.is_empty() {
                return;
            }
            agents.iter().for_each(Self::close);
            for agent in &mut agents {
                agent.terminated().await;
            }
            // Whoever limits the time must get a turn in any case.
            tokio::task::yield_now().await;
        }
    }

    /// Removes a thread that has ended from the running agents.
    pub(crate) fn forget(&self, thread: &Arc<Thread>) {
        let mut agents = lock(&self.agents);
        // The agent may have been opened again.
        if agents.get(&thread.path).is_some_and(|agent| Arc::ptr_eq(&agent.thread, thread)) {
            agents.remove(&thread.path);
        }
    }

    /// Moves a child's thread that has ended from the running agents to those that may be opened again, with the
    /// messages that it has not read.
    pub(crate) fn retire(&self, thread: &Arc<Thread>) {
        let identity = Identity {
            id: thread.id.clone(),
            path: thread.path.clone(),
            depth: thread.depth,
            parent: thread.parent.clone(),
        };
        let mut closed = lock(&self.closed);
        let mut state = lock(&thread.state);
        state.door = Door::Closed;
        let (history, mail) = (state.history.items().to_vec(), std::mem::take(&mut state.mailbox));
        drop(state);
        closed.insert(thread.path.clone(), ClosedAgent { identity, history, mail });
        self.forget(thread);
    }

    /// Delivers a child's result to its parent, which gets it even if it is ending: with its next turn, or when it is
    /// opened again.
    pub(crate) fn deliver_result(&self, parent: &Thread, mail: Mail) {
        let mut closed = lock(&self.closed);
        let mut state = lock(&parent.state);
        if state.door != Door::Closed {
            state.mailbox.push_back(mail);
            drop(state);
            parent.mail_count.send_modify(|count| *count += 1);
        } else if let Some(parent) = closed.get_mut(&parent.path) {
            parent.mail.push_back(mail);
        }
    }

    /// Ends all waits if every agent at work waits for a message of another one: no agent is left to send any.
    pub(crate) fn end_stalled_waits(&self) {
        let agents = self.agents();
        let at_work = || agents.iter().filter(|agent| agent.thread.status().is_busy());
        let states = || at_work().map(|agent| Some((&agent.thread.path, agent.thread.blocked()?)));
        let Some(first) = states().collect::<Option<Vec<_>>>() else { return };
        // If nothing has changed by the second look, all of them waited at the same time.
        if first.len() > 1 && states().collect::<Option<Vec<_>>>().as_ref() == Some(&first) {
            for agent in at_work() {
                lock(&agent.thread.state).waits.are_stalled = true;
                agent.thread.mail_count.send_modify(|_| {});
            }
        }
    }

    /// Drops all closed agents, which keep their parents alive.
    pub(crate) fn forget_closed(&self) {
        lock(&self.closed).clear();
    }

    pub(crate) fn take_closed(&self, path: &str) -> Option<ClosedAgent> {
        lock(&self.closed).remove(path)
    }

    pub(crate) fn is_closed(&self, path: &str) -> bool {
        lock(&self.closed).contains_key(path)
    }

    /// Requests that an agent's thread ends.
    pub(crate) fn close(agent: &Agent) {
        agent.thread.begin_ending();
        let id = Uuid::now_v7().to_string();
        // An error means that the thread has already ended.
        let _ = agent.thread.requests.send(Request::Submission { id, op: crate::Op::Shutdown });
    }
}
