//! The events in the stream of an answer.

use rollout_trace_recorder::TokenUsage;
use serde_json::Value;

use super::ModelError;
use crate::Item;

/// One event in the stream of an answer.
#[derive(Debug)]
pub(crate) enum ResponseEvent {
    /// A piece of a message.
    TextDelta(String),
    /// A piece of readable reasoning.
    ReasoningDelta(String),
    /// A whole item.
    Item(Item),
    /// The answer is complete. Some servers repeat all of its items here, and a few send them only here.
    Completed { response_id: Option<String>, usage: Option<TokenUsage>, output: Vec<Value> },
    /// An event cannot be read, with the reason. The answer may lack what it said.
    LeftOut(String),
    /// An event of any other kind, which only shows that the provider is working.
    Other,
}

/// Reads an item of an answer.
pub(crate) fn item(value: Value) -> Result<Item, ModelError> {
    match Item::from_answer(value) {
        // Its output would belong to no call. Providers refuse such an output in this and every later request.
        Some(item) if item.is_call() && item.text_field("call_id").is_empty() => {
            let name = item.text_field("name");
            Err(ModelError::Unreadable(format!("the call of {name:?} has no call_id")))
        }
        Some(item) => Ok(item),
        None => Err(ModelError::Unreadable("an item is not an object".to_owned())),
    }
}

/// Reads the token usage of an answer, whatever numbers it has.
pub(super) fn usage(usage: &Value) -> Option<TokenUsage> {
    usage.as_object()?;
    let count = |value: &Value| value.as_i64().unwrap_or_default();
    Some(TokenUsage {
        input_tokens: count(&usage["input_tokens"]),
        cached_input_tokens: count(&usage["input_tokens_details"]["cached_tokens"]),
        cache_write_input_tokens: count(&usage["input_tokens_details"]["cache_write_tokens"]),
        output_tokens: count(&usage["output_tokens"]),
        reasoning_output_tokens: count(&usage["output_tokens_details"]["reasoning_tokens"]),
        total_tokens: usage["total_tokens"].as_i64(),
        ..TokenUsage::default()
    })
}
