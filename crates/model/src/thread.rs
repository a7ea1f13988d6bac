//! Threads of agents, and their turns.

use rollout_trace_schema::{AgentPath, CodexTurnId, EdgeId, RawPayloadId, ThreadId, open_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Durations, EvidenceGrade, EvidenceSource, Execution, ItemId, Marker};

/// The thread of one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentThread {
    /// The id of the thread.
    pub thread_id: ThreadId,
    /// The agent's place in the tree of agents.
    pub agent_path: AgentPath,
    /// The agent's name for people.
    pub nickname: Option<String>,
    /// The origin of the thread.
    pub origin: ThreadOrigin,
    /// When the thread ran.
    pub execution: Execution,
    /// The default model of the thread's turns.
    pub default_model: Option<String>,
    /// The items of the conversation, in the order in which they were first seen. In schema 3, new items that a payload
    /// shows before an accepted output are listed before it. Since schema 2, items that only a response showed and
    /// that were never accepted are omitted.
    pub conversation_item_ids: Vec<ItemId>,
    /// The folder in which the agent works. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The payload of the thread's metadata. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_metadata_payload_id: Option<RawPayloadId>,
    /// The durations of the thread's work. *Ours.*
    #[serde(default)]
    pub durations: Durations,
    /// Protocol events and other evidence of this thread that reduction only lists. *Ours.*
    #[serde(default)]
    pub markers: Vec<Marker>,
    /// The session that the agent's requests name; absent if they name none. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The agent that the agent's requests name within the session; absent if they name none. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// How it is known which requests belong to the thread; absent if the agent core says so. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_assignment: Option<ThreadAssignment>,
    /// Whether the thread only asked the model one thing in passing, such as a title for the session, and without
    /// tools. Absent if not. *Ours.*
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auxiliary: bool,
}

open_enum! {
    /// How it is known which requests belong to a thread that was observed only by its requests.
    ThreadAssignment {
        /// Their headers name the thread.
        Headers = "headers",
        /// Their metadata names the session, and their histories the thread.
        Metadata = "metadata",
        /// Each continues the history of the one before it.
        History = "history",
    }
}

impl AgentThread {
    /// Returns a copy without items and markers, of which there are the more the longer the thread runs.
    pub fn without_lists(&self) -> Self {
        Self {
            thread_id: self.thread_id.clone(),
            agent_path: self.agent_path.clone(),
            nickname: self.nickname.clone(),
            origin: self.origin.clone(),
            execution: self.execution.clone(),
            default_model: self.default_model.clone(),
            conversation_item_ids: Vec::new(),
            cwd: self.cwd.clone(),
            raw_metadata_payload_id: self.raw_metadata_payload_id.clone(),
            durations: self.durations,
            markers: Vec::new(),
            session_id: self.session_id.clone(),
            agent_id: self.agent_id.clone(),
            thread_assignment: self.thread_assignment.clone(),
            auxiliary: self.auxiliary,
        }
    }
}

/// The origin of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ThreadOrigin {
    /// The root thread.
    Root,
    /// Unknown, because the metadata of the thread was not recorded (schema 3).
    Unknown,
    /// A thread that another agent spawned.
    Spawned {
        /// The thread of that agent.
        parent_thread_id: ThreadId,
        /// The edge of the spawn, whether or not the spawn itself was observed.
        spawn_edge_id: EdgeId,
        /// The name of the agent's task.
        task_name: String,
        /// The role of the agent, empty if it has none.
        agent_role: String,
    },
}

/// One turn of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodexTurn {
    /// The id of the turn.
    pub codex_turn_id: CodexTurnId,
    /// The thread of the turn.
    pub thread_id: ThreadId,
    /// When the turn ran.
    pub execution: Execution,
    /// Always empty, as in the official state; see `new_input_item_ids`.
    pub input_item_ids: Vec<ItemId>,
    /// The new items in the turn's first request that no runtime object produced and that do not answer an earlier
    /// call. *Ours.*
    #[serde(default)]
    pub new_input_item_ids: Vec<ItemId>,
    /// The durations of the turn's work. *Ours.*
    #[serde(default)]
    pub durations: Durations,
    /// How the turn is proved; absent if it was recorded. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceGrade>,
    /// Where a session file says so; absent if the bundle is not an import. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_source: Option<EvidenceSource>,
}
