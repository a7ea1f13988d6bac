//! A rollout: an agent and all agents that it spawns, directly or not.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
};

use rollout_trace_recorder::{SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    AgentConfig, AgentStatus, Event, Item,
    history::History,
    lock::lock,
    mcp::McpServer,
    model::ModelClient,
    pause::Pause,
    session::Session,
    thread::{Request, State, Thread},
    tools::{self, Cells, Commands},
};

/// What all threads of a rollout share.
pub(crate) struct Rollout {
    pub(crate) config: AgentConfig,
    pub(crate) model: ModelClient,
    pub(crate) mcp_servers: Vec<McpServer>,
    events: mpsc::UnboundedSender<Event>,
    /// The agents whose threads are alive, by path.
    agents: Mutex<BTreeMap<String, Agent>>,
    /// The agents whose threads have ended, by path, to be opened again.
    closed: Mutex<BTreeMap<String, ClosedAgent>>,
    /// The ids of the calls so far.
    call_ids: Mutex<HashSet<String>>,
}

/// A live agent.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) thread: Arc<Thread>,
    pub(crate) terminated: watch::Receiver<bool>,
}

/// What is left of a closed agent.
pub(crate) struct ClosedAgent {
    pub(crate) identity: Identity,
    pub(crate) history: Vec<Item>,
}

/// Who a thread is.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) depth: usize,
    pub(crate) parent: Option<Arc<Thread>>,
}

impl Agent {
    /// Returns when the agent's thread has ended.
    pub(crate) async fn terminated(&mut self) {
        // Without a sender the loop is gone, which is an end as well.
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
        Arc::new(Self { config, model, mcp_servers, events, agents, closed, call_ids })
    }

    /// An id that no other call has, for one to which a provider gave this id.
    pub(crate) fn unique_call_id(&self, id: &str) -> String {
        let mut known = lock(&self.call_ids);
        let mut unique = id.to_owned();
        let mut uses = 1;
        while !known.insert(unique.clone()) {
            uses += 1;
            unique = format!("{id}#{uses}");
        }
        unique
    }

    pub(crate) fn publish(&self, event: Event) {
        // Nobody may listen any more.
        let _ = self.events.send(event);
    }

    /// Starts a thread: its loop runs from here on.
    pub(crate) fn start_thread(
        self: &Arc<Self>,
        identity: Identity,
        trace: ThreadTraceContext,
        history: Vec<Item>,
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
            state: Mutex::new(State { history: History::new(history), ..State::default() }),
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

    /// All live agents, by path.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        lock(&self.agents).values().cloned().collect()
    }

    /// Closes all live agents whose paths are meant, and returns when their threads have ended.
    pub(crate) async fn end_agents(&self, is_meant: impl Fn(&str) -> bool) {
        // One that is being closed may have spawned another meanwhile.
        loop {
            let mut agents = self.agents();
            agents.retain(|agent| is_meant(&agent.thread.path));
            if agents.is_empty() {
                return;
            }
            agents.iter().for_each(Self::close);
            for agent in &mut agents {
                agent.terminated().await;
            }
        }
    }

    /// Notes that a thread has ended.
    pub(crate) fn forget(&self, thread: &Thread) {
        lock(&self.agents).remove(&thread.path);
    }

    pub(crate) fn note_closed(&self, thread: &Thread) {
        let identity = Identity {
            id: thread.id.clone(),
            path: thread.path.clone(),
            depth: thread.depth,
            parent: thread.parent.clone(),
        };
        let history = lock(&thread.state).history.items().to_vec();
        lock(&self.closed).insert(thread.path.clone(), ClosedAgent { identity, history });
    }

    /// Forgets all closed agents, which hold on to their parents.
    pub(crate) fn forget_closed(&self) {
        lock(&self.closed).clear();
    }

    pub(crate) fn take_closed(&self, path: &str) -> Option<ClosedAgent> {
        lock(&self.closed).remove(path)
    }

    pub(crate) fn is_closed(&self, path: &str) -> bool {
        lock(&self.closed).contains_key(path)
    }

    /// Asks an agent's thread to end.
    pub(crate) fn close(agent: &Agent) {
        let id = Uuid::now_v7().to_string();
        // A thread that has ended already takes no more requests.
        let _ = agent.thread.requests.send(Request::Submission { id, op: crate::Op::Shutdown });
    }
}
