//! Answers of the Responses API.
//!
//! Source: wires, section 9.5.

use std::collections::BTreeMap;

use crate::{
    Answer, AnswerStatus, Value,
    assembler::{Assemble, error_text},
};

/// What has come of an answer.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    /// The items that are done, by their places in the output.
    done: BTreeMap<u64, Value>,
    /// The items that have begun and are not done.
    open: BTreeMap<u64, Value>,
    /// The response as the last event that has it says.
    response: Option<Value>,
    end: Option<AnswerStatus>,
    error: Option<String>,
}

impl Responses {
    /// Appends a delta to an open item.
    fn delta(&mut self, kind: &str, event: &Value) {
        let Some(item) = event.get("output_index").and_then(Value::as_u64).and_then(|index| self.open.get_mut(&index))
        else {
            return;
        };
        let Some(text) = event.str_at("delta") else { return };
        let place = |name: &str| event.get(name).and_then(Value::as_u64).and_then(|place| usize::try_from(place).ok());
        let part = |item: &mut Value, list: &str, index: &str, (kind, field): (&str, &str)| {
            if let Some(part) = item.entry(list).element(place(index).unwrap_or(0)) {
                part.set_once("type", &Value::text(kind));
                part.entry(field).append(text);
            }
        };
        match kind {
            "response.output_text.delta" => part(item, "content", "content_index", ("output_text", "text")),
            "response.refusal.delta" => part(item, "content", "content_index", ("refusal", "refusal")),
            "response.reasoning_text.delta" => part(item, "content", "content_index", ("reasoning_text", "text")),
            "response.reasoning_summary_text.delta" => {
                part(item, "summary", "summary_index", ("summary_text", "text"));
            }
            "response.function_call_arguments.delta" => item.entry("arguments").append(text),
            "response.custom_tool_call_input.delta" => item.entry("input").append(text),
            _ => {}
        }
    }
}

impl Assemble for Responses {
    fn event(&mut self, name: &str, mut value: Value) {
        if self.end.is_some() {
            return;
        }
        let kind = value.str_at("type").unwrap_or(name).to_owned();
        let index = value.get("output_index").and_then(Value::as_u64);
        match kind.as_str() {
            "response.output_item.added" => {
                let index = index.unwrap_or(self.open.len() as u64);
                self.open.insert(index, std::mem::take(value.entry("item")));
            }
            "response.output_item.done" => {
                let index = index.unwrap_or(self.done.len() as u64);
                self.open.remove(&index);
                self.done.insert(index, std::mem::take(value.entry("item")));
            }
            "response.completed" | "response.incomplete" => self.end = Some(AnswerStatus::Completed),
            "response.failed" | "error" => {
                self.end = Some(AnswerStatus::Failed);
                let response = value.get("response").and_then(error_text);
                self.error =
                    response.or_else(|| error_text(&value)).or_else(|| value.str_at("message").map(str::to_owned));
            }
            _ => self.delta(&kind, &value),
        }
        if let Some(response) = value.some_at("response") {
            self.response = Some(response.clone());
        }
    }

    fn finish(self) -> Answer {
        let Self { mut done, open, response, end, error } = self;
        let status = end.unwrap_or(AnswerStatus::Failed);
        let has_items = !done.is_empty() || !open.is_empty();
        if status == AnswerStatus::Failed {
            open.into_iter().for_each(|(index, item)| _ = done.entry(index).or_insert(item));
        }
        let items: Vec<_> = done.into_values().collect();
        let response = (has_items || response.is_some()).then(|| {
            cut_down(response.as_ref().unwrap_or(&Value::Null), Some(items).filter(|items| !items.is_empty()))
        });
        Answer { status, response, error }
    }

    fn document(value: Value) -> Option<Value> {
        value.get("output").is_some().then(|| cut_down(&value, None))
    }
}

/// Returns the fields of a response that a response document has. `items` are its output, if not its own.
fn cut_down(response: &Value, items: Option<Vec<Value>>) -> Value {
    let mut document = Value::object();
    if let Some(id) = response.some_at("id") {
        document.set("response_id", id.clone());
    }
    if let Some(usage) = response.some_at("usage") {
        document.set("token_usage", token_usage(usage));
    }
    let items = items.unwrap_or_else(|| response.get("output").map(Value::elements).unwrap_or_default().to_vec());
    document.set("output_items", Value::Array(items));
    document
}

fn token_usage(usage: &Value) -> Value {
    let count = |path: &[&str]| {
        let count = path.iter().try_fold(usage, |value, name| value.get(name)).and_then(Value::as_u64);
        Value::Number(count.unwrap_or(0).into())
    };
    let mut counts = Value::object();
    counts.set("input_tokens", count(&["input_tokens"]));
    counts.set("cached_input_tokens", count(&["input_tokens_details", "cached_tokens"]));
    counts.set("cache_write_input_tokens", count(&["input_tokens_details", "cache_write_tokens"]));
    counts.set("output_tokens", count(&["output_tokens"]));
    counts.set("reasoning_output_tokens", count(&["output_tokens_details", "reasoning_tokens"]));
    counts
}
