//! What the runtime of agent tools reports. `receiver_thread_id` and `new_thread_id` name the target thread.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AgentPath, ThreadId, UnixMillis};

/// An agent did something for a tool call. The newer tools report it in this single event.
///
/// Source: bundle 1, section 6.7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentActivity {
    /// The tool call.
    pub event_id: String,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at_ms: Option<UnixMillis>,
    /// The agent's thread.
    pub agent_thread_id: ThreadId,
    /// The agent.
    pub agent_path: AgentPath,
    /// What it did: `started`, `interacted`, `interrupted`.
    pub kind: String,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A child agent is being spawned, or was.
///
/// Source: bundle 1, section 6.7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentSpawn {
    /// The tool call.
    pub call_id: String,
    /// The parent's thread.
    pub sender_thread_id: ThreadId,
    /// The child's thread, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_thread_id: Option<ThreadId>,
    /// The child's task.
    pub prompt: String,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A message is being sent to an agent, or was.
///
/// Source: bundle 1, section 6.7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentInteraction {
    /// The tool call.
    pub call_id: String,
    /// The sender's thread.
    pub sender_thread_id: ThreadId,
    /// The receiver's thread.
    pub receiver_thread_id: ThreadId,
    /// The message.
    pub prompt: String,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// An agent is being closed, or was.
///
/// Source: bundle 1, section 6.7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentClose {
    /// The tool call.
    pub call_id: String,
    /// The closing agent's thread.
    pub sender_thread_id: ThreadId,
    /// The closed agent's thread.
    pub receiver_thread_id: ThreadId,
    /// The agent's status just before: a word, or an object that has the word as its key and the details as its value.
    /// Every end has it, and no begin does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// An agent waits for others, or did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentWait {
    /// The tool call.
    pub call_id: String,
    /// The waiting agent's thread.
    pub sender_thread_id: ThreadId,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
