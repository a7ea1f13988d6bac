//! Agent threads and their turns.

use rollout_trace_schema::{AgentPath, CodexTurnId, EdgeId, ThreadId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Durations, Execution, ItemId, Marker};

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentThread {
    /// The thread.
    pub thread_id: ThreadId,
    /// The agent's place in the tree of agents.
    pub agent_path: AgentPath,
    /// The agent's name among people.
    pub nickname: Option<String>,
    /// Where the thread comes from.
    pub origin: ThreadOrigin,
    /// When it ran.
    pub execution: Execution,
    /// The model that it asks unless a turn says otherwise.
    pub default_model: Option<String>,
    /// The items of its conversation in the order in which they were first seen. In schema 2 without those that only a
    /// response showed and nobody accepted.
    pub conversation_item_ids: Vec<ItemId>,
    /// How long the thread's work took. *Ours.*
    #[serde(default)]
    pub durations: Durations,
    /// Protocol events and other evidence of this thread that reduction only lists. *Ours.*
    #[serde(default)]
    pub markers: Vec<Marker>,
}

/// Where a thread comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ThreadOrigin {
    /// It is nobody's child.
    Root,
    /// Another agent spawned it.
    Spawned {
        /// That agent's thread.
        parent_thread_id: ThreadId,
        /// The edge of the spawn, whether or not the spawn itself was observed.
        spawn_edge_id: EdgeId,
        /// The name of its task.
        task_name: String,
        /// The role that it plays; empty if none.
        agent_role: String,
    },
}

/// One turn of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodexTurn {
    /// The turn.
    pub codex_turn_id: CodexTurnId,
    /// The thread whose turn it is.
    pub thread_id: ThreadId,
    /// When it ran.
    pub execution: Execution,
    /// Always empty, as in the official state; see `new_input_item_ids`.
    pub input_item_ids: Vec<ItemId>,
    /// The items that are new in the turn's first request, that no runtime object produced, and that answer no earlier call. *Ours.*
    #[serde(default)]
    pub new_input_item_ids: Vec<ItemId>,
    /// How long the turn's work took. *Ours.*
    #[serde(default)]
    pub durations: Durations,
}
