//! Requests to the model.

use rollout_trace_schema::{
    CodexTurnId, InferenceCallId, RawPayloadId, ResponseId, ThreadId, ToolCallId, UpstreamRequestId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Execution, ItemId};

/// One request to the model and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceCall {
    /// The call.
    pub inference_call_id: InferenceCallId,
    /// The thread that asked.
    pub thread_id: ThreadId,
    /// The turn in which it asked; null where the evidence does not say.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When it ran.
    pub execution: Execution,
    /// The model asked.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// The provider's id of the response.
    pub response_id: Option<ResponseId>,
    /// The provider's id of the request.
    pub upstream_request_id: Option<UpstreamRequestId>,
    /// The conversation that the model saw, in order.
    pub request_item_ids: Vec<ItemId>,
    /// What it answered, in order.
    pub response_item_ids: Vec<ItemId>,
    /// The tool calls that the answer asked for and that were seen to start.
    pub tool_call_ids_started_by_response: Vec<ToolCallId>,
    /// The tokens that it took.
    pub usage: Option<TokenUsage>,
    /// The request; null where the event that names it is lost.
    pub raw_request_payload_id: Option<RawPayloadId>,
    /// The answer, whole or partial.
    pub raw_response_payload_id: Option<RawPayloadId>,
    /// Why the call failed. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the call was given up. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
}

/// The tokens that a request took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenUsage {
    /// Read.
    pub input_tokens: i64,
    /// Of these, read from the provider's cache.
    pub cached_input_tokens: i64,
    /// Of these, written to the provider's cache.
    #[serde(default)]
    pub cache_write_input_tokens: i64,
    /// Written.
    pub output_tokens: i64,
    /// Of these, reasoning.
    pub reasoning_output_tokens: i64,
}
