//! What a child agent reported to its parent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::AgentPath;

/// An `agent_result` document. `Status` is the agent core's own status type.
///
/// Source: bundle 1, section 6.9.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentResult<Status = Value> {
    /// The child.
    pub child_agent_path: AgentPath,
    /// The result as the parent's model sees it.
    pub message: String,
    /// How the child ended, in the agent core's own words.
    pub status: Status,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
