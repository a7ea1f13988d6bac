//! A tool runtime's own event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AgentActivity, AgentClose, AgentInteraction, AgentSpawn, AgentWait, ExecBegin, ExecEnd, McpBegin, McpEnd};

/// A `tool_runtime_event` document, distinguished by its fields: a runtime writes its event without a type.
///
/// The order of the variants matters: the first one that fits is used.
///
/// Source: bundle 1, section 6.7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum RuntimeEvent {
    /// A command ended.
    ExecEnd(ExecEnd),
    /// A command began.
    ExecBegin(ExecBegin),
    /// An MCP request was answered.
    McpEnd(McpEnd),
    /// An MCP request was sent.
    McpBegin(McpBegin),
    /// An agent did something.
    AgentActivity(AgentActivity),
    /// A message went to an agent.
    AgentInteraction(AgentInteraction),
    /// A child agent was spawned.
    AgentSpawn(AgentSpawn),
    /// An agent was closed.
    AgentClose(AgentClose),
    /// An agent waited.
    AgentWait(AgentWait),
    /// Any other event, as it was written.
    Other(Value),
}
