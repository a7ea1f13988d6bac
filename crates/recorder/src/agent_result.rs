//! The results of child agents.

use serde::Serialize;

/// What a child agent reported to its parent. `Status` is the agent core's own status type.
///
/// ```
/// use rollout_trace_recorder::AgentResultTracePayload;
///
/// let result = AgentResultTracePayload::new("/root/reader", "It says hello.", &"completed");
/// assert_eq!(result.message, "It says hello.");
/// ```
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AgentResultTracePayload<'r, Status> {
    /// The child's place in the tree of agents.
    pub child_agent_path: &'r str,
    /// The result as the parent's model sees it.
    pub message: &'r str,
    /// How the child ended, in the agent core's own words.
    pub status: &'r Status,
}

impl<'r, Status> AgentResultTracePayload<'r, Status> {
    /// Makes the result of a child agent.
    pub fn new(child_agent_path: &'r str, message: &'r str, status: &'r Status) -> Self {
        Self { child_agent_path, message, status }
    }
}
