//! The handle with which a program runs a rollout.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Weak},
};

use rollout_trace_recorder::{RecordingOutcome, ThreadTraceContext};
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

use crate::{
    AgentConfig, AgentStatus, BadSetting, ConfigSnapshot, Event, EventMessage, Item, Op, PauseGuard, TokenUsageInfo,
    TraceTarget, UserInput,
    error_text::error_text,
    lock::lock,
    mcp::McpServer,
    model::ModelClient,
    rollout::{Agent, Identity, Rollout},
    thread::{Request, Thread},
};

/// A rollout's root thread, which takes requests and returns events.
///
/// [`submit`](Self::submit) sends a request. [`next_event`](Self::next_event) returns events, including those of child
/// agents. Clones share the thread. When the last clone is dropped, the thread shuts down by itself.
#[derive(Clone)]
#[must_use = "the thread shuts down when its last handle is dropped"]
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

/// Why a thread cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartThreadError {
    /// The working folder does not exist or cannot be opened.
    #[error("cannot open the working folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: std::path::PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// A setting is invalid.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The HTTP client cannot be created.
    #[error("cannot create the HTTP client")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The thread has ended and takes no more requests.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the thread has ended")]
pub struct ThreadEnded;

/// No turn is running that could take the input.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no turn is running")]
pub struct NoTurnRunning;

impl AgentThread {
    /// Starts a rollout.
    ///
    /// If an MCP server does not start, or one of its tools cannot be used, a warning among the events says so.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is invalid, the working folder cannot be opened, or the HTTP client cannot be
    /// created.
    pub async fn start(mut config: AgentConfig) -> Result<Self, StartThreadError> {
        config.check()?;
        let folder = config.cwd.clone();
        config.cwd = folder.canonicalize().map_err(|source| StartThreadError::Folder { folder, source })?;
        let model = ModelClient::new(config.provider.clone()).map_err(|error| StartThreadError::Http(error.into()))?;
        let (mut servers, mut warnings) = (Vec::new(), Vec::new());
        for server in &config.mcp_servers {
            let mut server = server.clone();
            server.cwd.get_or_insert_with(|| config.cwd.clone());
            server.hidden_env.extend(config.hidden_env.iter().cloned());
            match McpServer::start(server.clone()).await {
                Ok(server) => {
                    let unused =
                        |part| format!("the MCP server {} is used without a part of it: {part}", server.name());
                    warnings.extend(server.left_out().iter().map(unused));
                    servers.push(server);
                }
                Err(error) => {
                    let error = error_text(&error);
                    warnings.push(format!("the MCP server {} does not start: {error}", server.name));
                }
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
        let agent = rollout.start_thread(identity, trace, history, VecDeque::new());
        for message in warnings {
            agent.thread.emit(None, None, EventMessage::Warning { message });
        }
        for server in &agent.thread.rollout.mcp_servers {
            tokio::spawn(report_notices(
                server.name().to_owned(),
                server.take_notices(),
                Arc::downgrade(&agent.thread),
            ));
        }
        Ok(Self(Arc::new(Handle { agent, events: Mutex::new(events) })))
    }

    fn thread(&self) -> &Arc<Thread> {
        &self.0.agent.thread
    }

    /// Sends a request, and returns the submission id of the events that it causes.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread has ended.
    pub fn submit(&self, op: Op) -> Result<String, ThreadEnded> {
        let id = Uuid::now_v7().to_string();
        let request = Request::Submission { id: id.clone(), op };
        self.thread().requests.send(request).map_err(|_| ThreadEnded)?;
        Ok(id)
    }

    /// Waits for the rollout's next event. Returns `None` if the rollout has ended and all its events have been
    /// returned.
    ///
    /// Events are queued without a limit. If several tasks wait at the same time, each event goes to one of them.
    pub async fn next_event(&self) -> Option<Event> {
        let mut events = self.0.events.lock().await;
        let mut agent = self.0.agent.clone();
        tokio::select! {
            biased;
            event = events.recv() => event,
            // Events from before the end are already in the channel.
            () = agent.terminated() => events.try_recv().ok(),
        }
    }

    /// Adds input to the running turn. The model sees it in the turn's next request, or in the next turn if the turn
    /// ends before that.
    ///
    /// # Errors
    ///
    /// Returns an error if no turn is running, or if the running turn no longer takes input.
    pub fn steer_input(&self, input: &[UserInput]) -> Result<(), NoTurnRunning> {
        let item = Item::user_message(input.iter().map(UserInput::content_part).collect());
        let mut state = lock(&self.thread().state);
        if state.running.is_none() {
            return Err(NoTurnRunning);
        }
        state.steered.push(item);
        Ok(())
    }

    /// Adds items to the history. A running turn adds them before its next request.
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

    /// Adds a user message to the history without starting a turn.
    pub fn inject_user_message_without_turn(&self, input: &[UserInput]) {
        let content = input.iter().map(UserInput::content_part).collect();
        self.inject_response_items(vec![Item::user_message(content)]);
    }

    /// Pauses the thread until the guard is dropped. A paused thread sends no request, and its timers stop: those of
    /// streams and retries, those after which a command, a cell or a wait yields, and the time limits of commands and
    /// MCP calls.
    ///
    /// Pauses nest: the thread continues when the last guard is dropped. Work that is already running (a stream, a
    /// command) continues. Other agents are not paused.
    pub fn pause(&self) -> PauseGuard {
        self.thread().pause.begin()
    }

    /// Returns whether the thread is paused.
    pub fn is_paused(&self) -> bool {
        self.thread().pause.is_paused()
    }

    /// Returns the agent's status.
    pub fn agent_status(&self) -> AgentStatus {
        self.thread().status()
    }

    /// Returns the token usage of the thread's answers so far.
    pub fn token_usage_info(&self) -> TokenUsageInfo {
        lock(&self.thread().state).usage.clone()
    }

    /// Returns the thread's current configuration.
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

    /// Returns the history so far, with which another rollout can begin.
    pub fn history(&self) -> Vec<Item> {
        lock(&self.thread().state).history.items().to_vec()
    }

    /// Returns the folder of the rollout's trace, or `None` if the rollout is not recorded.
    pub fn trace_folder(&self) -> Option<std::path::PathBuf> {
        self.thread().trace.bundle_folder()
    }

    /// Returns what the recording of the rollout amounts to so far, or `None` if the rollout is not recorded. After the
    /// rollout's end it says whether the recording is complete.
    pub fn recording_outcome(&self) -> Option<RecordingOutcome> {
        self.thread().trace.outcome()
    }

    /// Waits until the thread has ended.
    pub async fn wait_until_terminated(&self) {
        self.0.agent.clone().terminated().await;
    }

    /// Kills all processes that the rollout has started: commands, what they have left behind, and MCP servers. It does
    /// not wait, so that a program can call this just before it exits.
    pub fn kill_processes(&self) {
        let rollout = &self.thread().rollout;
        rollout.mcp_servers.iter().for_each(McpServer::kill);
        rollout.agents().iter().for_each(|agent| agent.thread.commands.kill_all());
    }

    /// Stops all work, ends the rollout, and waits until it has ended. Each part of the rollout has ten seconds to end,
    /// and the child agents together have forty. A warning names what does not end in time and is left behind.
    pub async fn shutdown_and_wait(&self) {
        // An error means that the thread has already ended.
        let _ = self.submit(Op::Shutdown);
        self.wait_until_terminated().await;
    }
}

/// Reports the problems of an MCP server that belong to no call.
async fn report_notices(server: String, notices: Option<mpsc::Receiver<String>>, thread: Weak<Thread>) {
    let Some(mut notices) = notices else { return };
    while let Some(notice) = notices.recv().await {
        let Some(thread) = thread.upgrade() else { return };
        thread.emit(None, None, EventMessage::Warning { message: format!("the MCP server {server}: {notice}") });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Provider, TraceTarget, thread::Waits};

    async fn idle_agent() -> (AgentThread, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let provider =
            Provider { name: "none".to_owned(), base_url: "http://127.0.0.1:9/v1".to_owned(), api_key: None };
        let mut config = AgentConfig::new(provider, "m", folder.path());
        config.trace = TraceTarget::Off;
        (AgentThread::start(config).await.unwrap(), folder)
    }

    #[tokio::test]
    async fn an_agent_with_calls_to_begin_is_not_blocked() {
        let (agent, _folder) = idle_agent().await;
        let thread = agent.thread();
        assert_eq!(thread.blocked(), None);
        lock(&thread.state).waits = Waits { open: 1, others_will_begin: true, ..Waits::default() };
        assert_eq!(thread.blocked(), None);
        lock(&thread.state).waits.others_will_begin = false;
        assert!(thread.blocked().is_some());
        // An agent that is ending sends no message, and is soon no longer at work.
        thread.begin_ending();
        assert_eq!(thread.blocked(), None);
        agent.shutdown_and_wait().await;
    }

    #[tokio::test]
    async fn the_state_is_not_locked_while_the_count_of_messages_is_read() {
        let (agent, _folder) = idle_agent().await;
        let thread = Arc::clone(agent.thread());
        let looking = Arc::clone(&thread);
        let (mut looker, mut was_locked) = (None, false);
        thread.mail_count.send_modify(|_| {
            // Nobody can read the count now, and whoever waits for messages looks at the state when it has changed.
            looker = Some(std::thread::spawn(move || looking.blocked()));
            for _ in 0..100 {
                was_locked |= thread.state.try_lock().is_err();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(looker.unwrap().join().unwrap(), None);
        assert!(!was_locked);
        agent.shutdown_and_wait().await;
    }
}
