//! Requests to the model.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    CodexTurnId, InferenceCallId, PayloadRef, ResponseId, ResponsesItemId, ThreadId, UpstreamRequestId, WireApi,
};

/// A request went to the model.
///
/// Source: bundle 1, section 4.4; bundle 2, section 2.8; bundle 3, section 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceStarted {
    /// The attempt. A retry is another attempt.
    pub inference_call_id: InferenceCallId,
    /// The thread that asks.
    pub thread_id: ThreadId,
    /// The turn in which it asks.
    pub codex_turn_id: CodexTurnId,
    /// The model that is asked.
    pub model: String,
    /// The provider that serves the model.
    pub provider_name: String,
    /// The API of the payloads. If it is absent, they are those of the Responses API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire_api: Option<WireApi>,
    /// How the payload's input relates to the conversation. If it is absent, a payload with `previous_response_id` is
    /// incremental, and any other is full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_input_mode: Option<RequestInputMode>,
    /// The request.
    pub request_payload: PayloadRef,
    /// The prompt that the request was made from (schema 3, which requires it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_prompt_payload: Option<PayloadRef>,
    /// For the first request after a warm-up, the input that the model then has (schema 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_context_payload: Option<PayloadRef>,
    /// The tool outputs whose ids the request lacks: the index of each in the input, and its id (schema 3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stripped_tool_output_ids: Vec<(u64, ResponsesItemId)>,
}

/// How a request's input relates to the conversation.
///
/// Source: bundle 1, section 5.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestInputMode {
    /// The input is the whole conversation.
    FullSnapshot,
    /// The input continues the conversation after an earlier response.
    Incremental {
        /// That response.
        previous_response_id: ResponseId,
    },
    /// Like `Incremental`, but the preceding items were never traced and are part of the payload.
    IncrementalWithUntracedPrefix {
        /// The response that the input follows.
        previous_response_id: ResponseId,
        /// The items that precede the input.
        prefix_payload: PayloadRef,
    },
    /// Anything else, as it was written.
    #[serde(untagged)]
    Unknown(Value),
}

/// The model answered.
///
/// Source: bundle 1, section 4.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceCompleted {
    /// The attempt.
    pub inference_call_id: InferenceCallId,
    /// The provider's id of the response, to which later requests may refer.
    #[serde(default)]
    pub response_id: Option<ResponseId>,
    /// The provider's id of the request.
    #[serde(default)]
    pub upstream_request_id: Option<UpstreamRequestId>,
    /// The response.
    pub response_payload: PayloadRef,
}

/// A request failed.
///
/// Source: bundle 1, section 4.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceFailed {
    /// The attempt.
    pub inference_call_id: InferenceCallId,
    /// The provider's id of the request.
    #[serde(default)]
    pub upstream_request_id: Option<UpstreamRequestId>,
    /// What went wrong.
    pub error: String,
    /// What had arrived by then.
    #[serde(default)]
    pub partial_response_payload: Option<PayloadRef>,
}

/// A request was canceled.
///
/// Source: bundle 1, section 4.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceCancelled {
    /// The attempt.
    pub inference_call_id: InferenceCallId,
    /// The provider's id of the request.
    #[serde(default)]
    pub upstream_request_id: Option<UpstreamRequestId>,
    /// Why it was canceled.
    pub reason: String,
    /// What had arrived by then.
    #[serde(default)]
    pub partial_response_payload: Option<PayloadRef>,
}
