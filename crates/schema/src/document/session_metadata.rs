//! The settings of a thread.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SessionSource;
use crate::{AgentPath, ThreadId};

/// A `session_metadata` document: the identity and the settings of an agent thread.
///
/// Source: bundle 1, section 6.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionMetadata {
    /// The thread.
    pub thread_id: ThreadId,
    /// Its agent's place in the tree of agents.
    pub agent_path: AgentPath,
    /// What the agent is for.
    #[serde(default)]
    pub task_name: Option<String>,
    /// What the agent is called.
    #[serde(default)]
    pub nickname: Option<String>,
    /// What part the agent plays.
    #[serde(default)]
    pub agent_role: Option<String>,
    /// Who started the session.
    pub session_source: SessionSource,
    /// The folder in which the agent works.
    pub cwd: String,
    /// Where the agent core keeps its own record of the session.
    #[serde(default)]
    pub rollout_path: Option<String>,
    /// The model.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// When the agent asks before it acts.
    pub approval_policy: String,
    /// What the agent may access.
    pub sandbox_policy: String,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
