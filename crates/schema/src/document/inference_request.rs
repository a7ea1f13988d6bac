//! A request to the model.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ModelItem;
use crate::ResponseId;

/// An `inference_request` document: the request as the provider gets it. Only the conversation is typed.
///
/// Source: bundle 1, section 6.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InferenceRequest<Items = Vec<ModelItem>> {
    /// The conversation, or what follows the response named by `previous_response_id`.
    pub input: Items,
    /// The response that the input follows. If it is absent, the input is the whole conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_response_id: Option<ResponseId>,
    /// The rest of the request, as it was sent.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
