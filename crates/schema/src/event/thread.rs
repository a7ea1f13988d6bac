//! Agent threads.

use serde::{Deserialize, Serialize};

use crate::{AgentPath, ExecutionStatus, PayloadRef, ThreadId};

/// An agent thread began.
///
/// Source: bundle 1, section 4.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadStarted {
    /// The thread.
    pub thread_id: ThreadId,
    /// Its agent's place in the tree of agents.
    pub agent_path: AgentPath,
    /// Its settings, which also say who spawned it.
    #[serde(default)]
    pub metadata_payload: Option<PayloadRef>,
}

/// An agent thread ended.
///
/// Source: bundle 1, section 4.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadEnded {
    /// The thread.
    pub thread_id: ThreadId,
    /// How it ended.
    pub status: ExecutionStatus,
}

/// An ended agent thread of this bundle was opened again (schema 2).
///
/// Source: bundle 2, section 2.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadResumed {
    /// The thread.
    pub thread_id: ThreadId,
}
