//! The handle by which a program runs a rollout.

use std::{io, sync::Arc};

use rollout_trace_recorder::ThreadTraceContext;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

use crate::{
    AgentConfig, AgentStatus, BadSetting, ConfigSnapshot, Event, EventMessage, Item, Op, PauseGuard, TokenUsageInfo,
    TraceTarget, UserInput,
    lock::lock,
    mcp::McpServer,
    model::ModelClient,
    rollout::{Agent, Identity, Rollout},
    thread::{Request, Thread},
    told::told,
};

/// A rollout's root thread: a two-way stream of requests and events.
///
/// Requests go in by [`submit`](Self::submit), events come out by [`next_event`](Self::next_event), those of child agents among
/// them. Clones are the same thread. When the last one is dropped, the thread shuts down by itself.
#[derive(Clone)]
pub struct AgentThread(Arc<Handle>);

struct Handle {
    agent: Agent,
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        Rollout::close(&self.agent);
    }
}

/// A thread that cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartThreadError {
    /// The folder to work in is not there.
    #[error("cannot work in {}", folder.display())]
    Folder {
        /// The folder.
        folder: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A setting lets nothing work.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// No HTTP client can be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(String),
}

/// A request to a thread that has ended.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the thread has ended")]
pub struct ThreadEnded;

/// An input for a running turn where none runs.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no turn is running that could be steered")]
pub struct NoTurnRunning;

impl AgentThread {
    /// Starts a rollout.
    ///
    /// An MCP server that does not start costs its tools and is told by a warning among the events.
    ///
    /// # Errors
    ///
    /// A setting lets nothing work, the folder to work in is not there, or there is no HTTP client to be had.
    pub async fn start(mut config: AgentConfig) -> Result<Self, StartThreadError> {
        config.check()?;
        let folder = config.cwd.clone();
        config.cwd = folder.canonicalize().map_err(|source| StartThreadError::Folder { folder, source })?;
        let model =
            ModelClient::new(config.provider.clone()).map_err(|error| StartThreadError::Http(error.to_string()))?;
        let (mut servers, mut failures) = (Vec::new(), Vec::new());
        for server in &config.mcp_servers {
            let mut server = server.clone();
            server.cwd.get_or_insert_with(|| config.cwd.clone());
            server.hidden_env.extend(config.hidden_env.iter().cloned());
            match McpServer::start(server.clone()).await {
                Ok(server) => servers.push(server),
                Err(error) => failures.push(format!("the MCP server {} does not start: {}", server.name, told(&error))),
            }
        }
        let identity = Identity::root();
        let metadata = identity.root_metadata(&config);
        let trace = match &config.trace {
            TraceTarget::Environment => ThreadTraceContext::start_root_or_disabled(metadata),
            TraceTarget::Off => ThreadTraceContext::disabled(),
            TraceTarget::Root(root, options) => {
                ThreadTraceContext::start_root_in_or_disabled(root, metadata, options.clone())
            }
        };
        let history = config.history_items.clone();
        let (sender, events) = mpsc::unbounded_channel();
        let rollout = Rollout::new(config, model, servers, sender);
        let agent = rollout.start_thread(identity, trace, history);
        for message in failures {
            agent.thread.emit(None, None, EventMessage::Warning { message });
        }
        Ok(Self(Arc::new(Handle { agent, events: Mutex::new(events) })))
    }

    fn thread(&self) -> &Arc<Thread> {
        &self.0.agent.thread
    }

    /// Asks the thread to do something, and gives the id that the events that answer it bear.
    ///
    /// # Errors
    ///
    /// The thread has ended.
    pub fn submit(&self, op: Op) -> Result<String, ThreadEnded> {
        let id = Uuid::now_v7().to_string();
        let request = Request::Submission { id: id.clone(), op };
        self.thread().requests.send(request).map_err(|_| ThreadEnded)?;
        Ok(id)
    }

    /// The rollout's next event, once there is one. `None`: the rollout has ended and all its events were taken.
    ///
    /// Events wait until they are taken. One of several that wait here at a time gets each.
    pub async fn next_event(&self) -> Option<Event> {
        let mut events = self.0.events.lock().await;
        let mut agent = self.0.agent.clone();
        tokio::select! {
            biased;
            event = events.recv() => event,
            // What was told before the end is there by now.
            () = agent.terminated() => events.try_recv().ok(),
        }
    }

    /// Adds to what the running turn is asked. The model sees it in the turn's next request; if the turn ends before, in the next turn.
    ///
    /// # Errors
    ///
    /// No turn runs, or the one that does takes nothing more.
    pub fn steer_input(&self, input: &[UserInput]) -> Result<(), NoTurnRunning> {
        let item = Item::user_message(input.iter().map(UserInput::content_part).collect());
        let mut state = lock(&self.thread().state);
        if state.running.is_none() {
            return Err(NoTurnRunning);
        }
        state.steered.push(item);
        Ok(())
    }

    /// Puts items into the history as if they had come about in it. A running turn takes them in before its next request.
    pub fn inject_response_items(&self, items: Vec<Item>) {
        let thread = self.thread();
        let mut state = lock(&thread.state);
        if state.running.is_some() {
            state.steered.extend(items);
        } else {
            drop(state);
            items.into_iter().for_each(|item| thread.accept(None, item));
        }
    }

    /// Puts a message of the user into the history and starts no turn.
    pub fn inject_user_message_without_turn(&self, input: &[UserInput]) {
        let content = input.iter().map(UserInput::content_part).collect();
        self.inject_response_items(vec![Item::user_message(content)]);
    }

    /// Lets the thread stand still until the guard is dropped: it sends no request, and no time runs out, neither that of a stream
    /// or a retry nor that of a tool: after which a command, a cell or a wait yields, and for how long a command or a call of an MCP
    /// server may run.
    ///
    /// Pauses nest; the last one lifted ends it. What is under way (an answer's stream, a command) goes on. Other agents are not
    /// paused.
    pub fn pause(&self) -> PauseGuard {
        self.thread().pause.begin()
    }

    /// Whether somebody has paused the thread.
    pub fn is_paused(&self) -> bool {
        self.thread().pause.is_paused()
    }

    /// How the agent is getting on.
    pub fn agent_status(&self) -> AgentStatus {
        self.thread().status()
    }

    /// What the thread's answers cost so far.
    pub fn token_usage_info(&self) -> TokenUsageInfo {
        lock(&self.thread().state).usage.clone()
    }

    /// How the thread is set up at the moment.
    pub fn config_snapshot(&self) -> ConfigSnapshot {
        let thread = self.thread();
        let running = lock(&thread.state).running.clone();
        ConfigSnapshot {
            thread_id: thread.id.clone(),
            agent_path: thread.path.clone(),
            provider_name: thread.rollout.config.provider.name.clone(),
            settings: running.map_or_else(|| thread.rollout.config.settings(), |turn| turn.settings.clone()),
        }
    }

    /// The history so far, to begin another rollout with.
    pub fn history(&self) -> Vec<Item> {
        lock(&self.thread().state).history.items().to_vec()
    }

    /// The folder of the rollout's trace, if it is recorded.
    pub fn trace_folder(&self) -> Option<std::path::PathBuf> {
        self.thread().trace.bundle_folder()
    }

    /// Returns when the thread has ended.
    pub async fn wait_until_terminated(&self) {
        self.0.agent.clone().terminated().await;
    }

    /// Stops everything, ends the rollout, and returns when that is done.
    pub async fn shutdown_and_wait(&self) {
        // A thread that has ended already needs no telling.
        let _ = self.submit(Op::Shutdown);
        self.wait_until_terminated().await;
    }
}
