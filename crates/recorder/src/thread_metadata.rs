//! The identity and settings of a thread when it begins.

use rollout_trace_schema::{AgentPath, ThreadId, document::SessionSource};
use serde::Serialize;
use serde_json::{Map, Value};

/// The identity and the settings of an agent thread. `Source` is the agent core's own type for who started the session.
///
/// [`new`](Self::new) takes what every thread has. The methods set the rest; where the core has `Option`s, it sets the
/// fields. What is not set is empty.
///
/// ```
/// use rollout_trace_recorder::{SessionSource, ThreadSpawn, ThreadStartedTraceMetadata};
///
/// let root = ThreadStartedTraceMetadata::new("thread-1", "/root", SessionSource::program("my-agent"))
///     .cwd("/work")
///     .model("gpt-5.2-codex", "openai");
///
/// let spawn = ThreadSpawn::new(root.thread_id.clone(), 1).agent_path("/root/reader");
/// let mut child = ThreadStartedTraceMetadata::new("thread-2", "/root/reader", SessionSource::from(spawn));
/// child.nickname = None;
/// assert_eq!(child.agent_path.as_str(), "/root/reader");
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ThreadStartedTraceMetadata<Source = SessionSource> {
    /// The thread. Codex's own reducer reads only bundles whose thread ids are UUIDs; nothing of this project asks for
    /// that.
    pub thread_id: ThreadId,
    /// Its agent's place in the tree of agents: `/root`, `/root/reader`.
    pub agent_path: AgentPath,
    /// What the agent is for.
    pub task_name: Option<String>,
    /// What the agent is called.
    pub nickname: Option<String>,
    /// What part the agent plays.
    pub agent_role: Option<String>,
    /// Who started the session. A spawned child names its parent here.
    ///
    /// For a child thread it is serialized one more time, to see whether the bundle knows the parent.
    pub session_source: Source,
    /// The folder in which the agent works.
    pub cwd: String,
    /// Where the agent core keeps its own record of the session.
    pub rollout_path: Option<String>,
    /// The model.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// When the agent asks before it acts.
    pub approval_policy: String,
    /// What the agent may access.
    pub sandbox_policy: String,
    /// Further fields, for what only some recording programs know, such as the session that a request names.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl<Source> ThreadStartedTraceMetadata<Source> {
    /// Makes the metadata of a thread with nothing but what every thread has.
    pub fn new(thread_id: impl Into<ThreadId>, agent_path: impl Into<AgentPath>, session_source: Source) -> Self {
        Self {
            thread_id: thread_id.into(),
            agent_path: agent_path.into(),
            task_name: None,
            nickname: None,
            agent_role: None,
            session_source,
            cwd: String::new(),
            rollout_path: None,
            model: String::new(),
            provider_name: String::new(),
            approval_policy: String::new(),
            sandbox_policy: String::new(),
            more: Map::new(),
        }
    }

    /// Sets what the agent is for.
    #[must_use]
    pub fn task_name(mut self, task_name: impl Into<String>) -> Self {
        self.task_name = Some(task_name.into());
        self
    }

    /// Sets what the agent is called.
    #[must_use]
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// Sets what part the agent plays.
    #[must_use]
    pub fn agent_role(mut self, agent_role: impl Into<String>) -> Self {
        self.agent_role = Some(agent_role.into());
        self
    }

    /// Sets the folder in which the agent works.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// Sets where the agent core keeps its own record of the session.
    #[must_use]
    pub fn rollout_path(mut self, rollout_path: impl Into<String>) -> Self {
        self.rollout_path = Some(rollout_path.into());
        self
    }

    /// Sets the model and the provider that serves it.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>, provider_name: impl Into<String>) -> Self {
        self.model = model.into();
        self.provider_name = provider_name.into();
        self
    }

    /// Sets when the agent asks before it acts, and what it may access.
    #[must_use]
    pub fn policies(mut self, approval_policy: impl Into<String>, sandbox_policy: impl Into<String>) -> Self {
        self.approval_policy = approval_policy.into();
        self.sandbox_policy = sandbox_policy.into();
        self
    }
}
