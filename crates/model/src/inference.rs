//! Requests to the model.

use rollout_trace_schema::{
    CodexTurnId, InferenceCallId, RawPayloadId, ResponseId, Seq, ThreadId, ToolCallId, UpstreamRequestId, WireApi,
};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{EvidenceGrade, EvidenceSource, Execution, ItemId, ItemRuns, MessageIndexes};

/// One request to the model and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_ids_or_runs)]
pub struct InferenceCall {
    /// The id of the call.
    pub inference_call_id: InferenceCallId,
    /// The thread that made the request.
    pub thread_id: ThreadId,
    /// The turn of the request; null if the evidence does not name it.
    pub codex_turn_id: Option<CodexTurnId>,
    /// When the call ran.
    pub execution: Execution,
    /// The model.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// The provider's id of the response.
    pub response_id: Option<ResponseId>,
    /// The provider's id of the request.
    pub upstream_request_id: Option<UpstreamRequestId>,
    /// The conversation that the model saw, in order.
    #[serde(alias = "request_item_runs")]
    pub request_item_ids: ItemRuns,
    /// The items of the response, in order.
    pub response_item_ids: Vec<ItemId>,
    /// The tool calls that the response requested and whose start was observed.
    pub tool_call_ids_started_by_response: Vec<ToolCallId>,
    /// The token usage.
    pub usage: Option<TokenUsage>,
    /// The payload of the request; null if the event that names it is lost.
    pub raw_request_payload_id: Option<RawPayloadId>,
    /// The payload of the prompt that the request was made from (schema 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_prompt_payload_id: Option<RawPayloadId>,
    /// The payload of the response, complete or partial.
    pub raw_response_payload_id: Option<RawPayloadId>,
    /// The event that names the payload of the response. It is not that of the call's end if the end of the turn had
    /// ended the call before. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_seq: Option<Seq>,
    /// Why the call failed. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the call was canceled. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// The API of the payloads; absent if it is the Responses API. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire_api: Option<WireApi>,
    /// Why the model stopped, as the provider says it; absent in the Responses API. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// For each item of the request, the index of the message in the request that it belongs to; absent in the
    /// Responses API, where each message is an item. *Ours.*
    #[serde(default, skip_serializing_if = "MessageIndexes::is_empty")]
    pub request_message_indexes: MessageIndexes,
    /// How the call is proved; absent if it was recorded. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceGrade>,
    /// Where a session file says so; absent if the bundle is not an import. *Ours.*
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_source: Option<EvidenceSource>,
}

/// Describes the key that [`WithRuns`](crate::WithRuns) writes in place of `request_item_ids`.
fn with_ids_or_runs(schema: &mut Schema) {
    let runs = json!({
        "description": "The same as runs of items with consecutive numbers, each as `[first item number, count]`. It \
            takes the place of `request_item_ids` if it is asked for. *Ours.*",
        "type": "array",
        "items": {
            "type": "array",
            "prefixItems": [{ "type": "integer", "minimum": 0 }, { "type": "integer", "minimum": 1 }],
            "minItems": 2,
            "maxItems": 2,
        },
    });
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("request_item_runs".to_owned(), runs);
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|key| key != "request_item_ids");
    }
    let either = json!([{ "required": ["request_item_ids"] }, { "required": ["request_item_runs"] }]);
    schema.insert("oneOf".to_owned(), either);
}

/// The token usage of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenUsage {
    /// The input tokens.
    pub input_tokens: i64,
    /// The input tokens that were read from the provider's cache.
    pub cached_input_tokens: i64,
    /// The input tokens that were written to the provider's cache.
    #[serde(default)]
    pub cache_write_input_tokens: i64,
    /// The output tokens.
    pub output_tokens: i64,
    /// The output tokens that were used for reasoning.
    pub reasoning_output_tokens: i64,
}
