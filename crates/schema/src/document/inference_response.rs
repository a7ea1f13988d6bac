//! What the model answered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ModelItem;
use crate::{ResponseId, UpstreamRequestId};

/// An `inference_response` document: an answer, or as much of it as arrived.
///
/// Source: bundle 1, section 6.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InferenceResponse<Items = Vec<ModelItem>, Usage = TokenUsage> {
    /// The provider's id of the response.
    #[serde(default)]
    pub response_id: Option<ResponseId>,
    /// The provider's id of the request.
    #[serde(default)]
    pub upstream_request_id: Option<UpstreamRequestId>,
    /// What the request cost.
    #[serde(default = "none")]
    pub token_usage: Option<Usage>,
    /// The items of the answer.
    pub output_items: Items,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The default of optional fields. `#[serde(default)]` alone would require that `Usage` implements `Default`.
fn none<T>() -> Option<T> {
    None
}

/// What a request cost, in tokens.
///
/// Source: bundle 1, section 6.2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// All input tokens.
    pub input_tokens: i64,
    /// Input tokens that the provider read from its cache.
    pub cached_input_tokens: i64,
    /// Input tokens that the provider wrote to its cache. Older producers leave it out.
    #[serde(default)]
    pub cache_write_input_tokens: i64,
    /// All output tokens.
    pub output_tokens: i64,
    /// Output tokens spent on reasoning.
    pub reasoning_output_tokens: i64,
    /// The total that the provider reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<i64>,
    /// Fields that this version does not know, as they were written.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
