//! Who a thread is when it begins.

use rollout_trace_schema::{AgentPath, ThreadId, document::SessionSource};
use serde::Serialize;

/// Who an agent thread is and how it is set up. `Source` is the agent core's own type for who started the session.
#[derive(Clone, Debug, Serialize)]
pub struct ThreadStartedTraceMetadata<Source = SessionSource> {
    /// The thread. A UUID, if Codex's own reducer shall read the bundle: it refuses other ids. Nothing of this project does.
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
    /// What the agent may touch.
    pub sandbox_policy: String,
}
