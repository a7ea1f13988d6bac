//! Who started a session.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AgentPath, ThreadId};

/// Who started a session: a program by its name, or another agent.
///
/// Source: bundle 1, section 6.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SessionSource {
    /// Another agent.
    Subagent {
        /// How that agent started the session.
        subagent: SubagentSource,
    },
    /// A program: `cli`, `exec`, `mcp` and so on.
    Program(String),
    /// Any other source, as it was written.
    Other(Value),
}

impl SessionSource {
    /// Names the program that started the session.
    pub fn program(name: impl Into<String>) -> Self {
        Self::Program(name.into())
    }
}

impl From<ThreadSpawn> for SessionSource {
    fn from(thread_spawn: ThreadSpawn) -> Self {
        Self::Subagent { subagent: SubagentSource::ThreadSpawn { thread_spawn } }
    }
}

/// How an agent started another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SubagentSource {
    /// It spawned a child thread.
    ThreadSpawn {
        /// The parent, and the child's place.
        thread_spawn: ThreadSpawn,
    },
    /// Any other way, as it was written.
    Other(Value),
}

/// The parent of a spawned thread, and the child's place.
///
/// Source: bundle 1, section 6.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadSpawn {
    /// The parent.
    pub parent_thread_id: ThreadId,
    /// How far below the root: 1 for a child of the root.
    pub depth: i64,
    /// The child's place in the tree of agents.
    #[serde(default)]
    pub agent_path: Option<AgentPath>,
    /// What the child is called.
    #[serde(default)]
    pub agent_nickname: Option<String>,
    /// What part the child plays.
    #[serde(default)]
    pub agent_role: Option<String>,
    /// What the child is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl ThreadSpawn {
    /// Names the parent of a child that is `depth` levels below the root.
    pub fn new(parent_thread_id: impl Into<ThreadId>, depth: i64) -> Self {
        Self {
            parent_thread_id: parent_thread_id.into(),
            depth,
            agent_path: None,
            agent_nickname: None,
            agent_role: None,
            task_name: None,
            unknown: Map::new(),
        }
    }

    /// Sets the child's place in the tree of agents.
    #[must_use]
    pub fn agent_path(mut self, agent_path: impl Into<AgentPath>) -> Self {
        self.agent_path = Some(agent_path.into());
        self
    }
}
