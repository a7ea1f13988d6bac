//! Requests to MCP servers.

use rollout_trace_schema::{CodexTurnId, McpCallId, McpToolCallCorrelationAssigned, ToolCallId};
use serde_json::{Map, Value};

use crate::ThreadTraceContext;

/// The field of an MCP request's `_meta` that joins it to the trace.
pub const MCP_CALL_ID_META: &str = "codex_bridge_mcp_call_id";

/// Holds the id of an MCP request, by which a server's logs can be joined to the trace.
///
/// ```
/// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
/// let call = trace.start_mcp_call_trace("turn-1", "call_1");
/// let meta = call.add_request_meta(None);
/// assert_eq!(meta, None, "tracing is off here, so nothing is added");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "the id joins nothing until `add_request_meta` puts it into the request"]
pub struct McpCallTraceContext(Option<McpCallId>);

impl ThreadTraceContext {
    /// Mints an id for the MCP request of a tool call, and records that the two belong together.
    ///
    /// ```
    /// # let trace = rollout_trace_recorder::ThreadTraceContext::disabled();
    /// let call = trace.start_mcp_call_trace("turn-1", "call_1");
    /// ```
    pub fn start_mcp_call_trace(
        &self,
        codex_turn_id: impl Into<CodexTurnId>,
        tool_call_id: impl Into<ToolCallId>,
    ) -> McpCallTraceContext {
        let Some((inner, recorder)) = self.inner().and_then(|inner| Some((inner, inner.recorder()?))) else {
            return McpCallTraceContext(None);
        };
        let mcp_call_id = McpCallId::from(recorder.mint());
        let event =
            McpToolCallCorrelationAssigned { tool_call_id: tool_call_id.into(), mcp_call_id: mcp_call_id.clone() };
        recorder.append(inner.context(Some(&codex_turn_id.into())), event);
        McpCallTraceContext(Some(mcp_call_id))
    }
}

impl McpCallTraceContext {
    /// Returns a context that changes nothing.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns the request's id, or `None` if tracing is off.
    pub fn mcp_call_id(&self) -> Option<&McpCallId> {
        self.0.as_ref()
    }

    /// Adds the id to the request's `_meta`. If tracing is off, or `_meta` is not an object, `_meta` is not changed.
    ///
    /// ```
    /// use serde_json::json;
    ///
    /// let call = rollout_trace_recorder::McpCallTraceContext::disabled();
    /// assert_eq!(call.add_request_meta(Some(json!({"progressToken": 1}))), Some(json!({"progressToken": 1})));
    /// ```
    pub fn add_request_meta(&self, meta: Option<Value>) -> Option<Value> {
        let Some(mcp_call_id) = &self.0 else { return meta };
        match meta.unwrap_or_else(|| Value::Object(Map::new())) {
            Value::Object(mut fields) => {
                fields.insert(MCP_CALL_ID_META.to_owned(), Value::from(mcp_call_id.as_str()));
                Some(Value::Object(fields))
            }
            other => Some(other),
        }
    }
}
