//! The events in the stream of an answer.

use rollout_trace_recorder::TokenUsage;
use serde::Deserialize;
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
    /// An event of any other kind, which only shows that the provider is working.
    Other,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    delta: Value,
    #[serde(default)]
    item: Value,
    #[serde(default)]
    response: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    code: Value,
    #[serde(default)]
    error: Value,
}

impl ResponseEvent {
    /// Reads one event's data.
    pub(super) fn parse(data: &str) -> Result<Self, ModelError> {
        let wire: Wire = serde_json::from_str(data)
            .map_err(|error| ModelError::Unreadable(format!("error in an event of the stream: {error}")))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match wire.kind.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => Ok(Self::TextDelta(text(&wire.delta))),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                Ok(Self::ReasoningDelta(text(&wire.delta)))
            }
            "response.output_item.done" => item(wire.item).map(Self::Item),
            "response.completed" => Ok(Self::Completed {
                response_id: wire.response["id"].as_str().map(str::to_owned),
                usage: usage(&wire.response["usage"]),
                output: wire.response["output"].as_array().cloned().unwrap_or_default(),
            }),
            "response.failed" => {
                let error = &wire.response["error"];
                Err(failed(&error["code"], &error["message"]))
            }
            "response.incomplete" => {
                Err(ModelError::Incomplete { reason: reason(&wire.response["incomplete_details"]["reason"]) })
            }
            // The protocol specifies code and message as fields of the event, but most servers send them in an object.
            "error" if wire.error.is_object() => Err(failed(&wire.error["code"], &wire.error["message"])),
            "error" => Err(failed(&wire.code, &wire.message)),
            _ => Ok(Self::Other),
        }
    }
}

/// Reads an item of an answer.
pub(crate) fn item(value: Value) -> Result<Item, ModelError> {
    match Item::from_value(value) {
        // Its output would belong to no call. Providers refuse such an output in this and every later request.
        Some(item) if item.is_call() && item.text_field("call_id").is_empty() => {
            let name = item.text_field("name");
            Err(ModelError::Unreadable(format!("the call of {name:?} has no call_id")))
        }
        Some(item) => Ok(item),
        None => Err(ModelError::Unreadable("an item is not an object".to_owned())),
    }
}

fn failed(code: &Value, message: &Value) -> ModelError {
    ModelError::Failed { code: code.as_str().map(str::to_owned), message: reason(message) }
}

fn reason(value: &Value) -> String {
    value.as_str().unwrap_or("no reason given").to_owned()
}

fn usage(usage: &Value) -> Option<TokenUsage> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_errors_are_retried() {
        let passes = |event: &str| ResponseEvent::parse(event).unwrap_err().is_transient();
        let failed = |code: &str| {
            passes(&format!(r#"{{"type": "response.failed", "response": {{"error": {{"code": "{code}"}}}}}}"#))
        };
        assert!(failed("server_error") && failed("rate_limit_exceeded") && failed("failed_to_download_image"));
        assert!(!failed("context_length_exceeded") && !failed("invalid_prompt") && !failed("insufficient_quota"));
        assert!(passes(r#"{"type": "error", "message": "busy"}"#));
        assert!(!passes(r#"{"type": "error", "code": "invalid_image_url"}"#));
        assert!(!passes(r#"{"type": "error", "error": {"code": "context_length_exceeded"}}"#));
        assert!(passes(r#"{"type": "error", "code": null, "error": {"code": "server_error"}}"#));
        let incomplete = |reason: &str| {
            let details = format!(r#""incomplete_details": {{"reason": "{reason}"}}"#);
            passes(&format!(r#"{{"type": "response.incomplete", "response": {{{details}}}}}"#))
        };
        assert!(!incomplete("max_output_tokens") && !incomplete("content_filter") && incomplete("overload"));
    }
}
