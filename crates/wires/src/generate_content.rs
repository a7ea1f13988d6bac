//! Answers of Gemini's `generateContent`.
//!
//! Source: wires, section 9.4.

use std::collections::BTreeMap;

use crate::{
    Answer, AnswerStatus, Value,
    assembler::{Assemble, error_text},
};

/// What has come of an answer.
#[derive(Debug, Default)]
pub(crate) struct GenerateContent {
    /// The fields of the response besides its candidates.
    response: Option<Value>,
    candidates: BTreeMap<u64, Value>,
    error: Option<String>,
}

impl Assemble for GenerateContent {
    fn event(&mut self, _name: &str, value: Value) {
        if let Some(error) = error_text(&value) {
            self.error.get_or_insert(error);
        }
        let chunk = unwrapped(value);
        if chunk.fields().iter().all(|(name, _)| name == "error") {
            return;
        }
        let Value::Object(fields) = chunk else { return };
        let response = self.response.get_or_insert_with(Value::object);
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("candidates", Value::Array(candidates)) => {
                    for candidate in candidates {
                        let index = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
                        add_candidate(self.candidates.entry(index).or_insert_with(Value::object), candidate);
                    }
                }
                ("error", _) => {}
                (name, value) => response.set(name, value),
            }
        }
    }

    fn finish(self) -> Answer {
        let Self { response, candidates, error } = self;
        let is_finished = candidates.get(&0).is_some_and(|candidate| candidate.some_at("finishReason").is_some());
        let feedback = response.as_ref().and_then(|response| response.get("promptFeedback"));
        let is_blocked = feedback.is_some_and(|feedback| feedback.some_at("blockReason").is_some());
        let status = match error.is_none() && (is_finished || is_blocked) {
            true => AnswerStatus::Completed,
            false => AnswerStatus::Failed,
        };
        let response = response.map(|mut response| {
            if !candidates.is_empty() {
                response.set("candidates", Value::Array(candidates.into_values().collect()));
            }
            response
        });
        Answer { status, response, error }
    }

    fn document(value: Value) -> Option<Value> {
        let value = unwrapped(value);
        let is_response =
            ["candidates", "promptFeedback", "usageMetadata"].iter().any(|name| value.get(name).is_some());
        is_response.then_some(value)
    }
}

/// Returns the chunk that Code Assist wraps.
fn unwrapped(value: Value) -> Value {
    match value.get("response") {
        Some(inner) if inner.is_object() && value.get("candidates").is_none() => inner.clone(),
        _ => value,
    }
}

fn add_candidate(candidate: &mut Value, chunk: Value) {
    let Value::Object(fields) = chunk else { return };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("content", Value::Object(fields)) => {
                let content = candidate.entry("content");
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("parts", Value::Array(parts)) => {
                            let all = content.entry("parts");
                            parts.into_iter().for_each(|part| add_part(all, part));
                        }
                        (name, value) => content.set(name, value),
                    }
                }
            }
            (name, value) => candidate.set(name, value),
        }
    }
}

/// Adds a part. Parts that hold nothing but text join their neighbor, if both are thoughts or neither is.
fn add_part(parts: &mut Value, part: Value) {
    if let (Value::Array(known), Some((is_thought, text))) = (&mut *parts, plain_text(&part))
        && let Some(last) = known.last_mut()
        && plain_text(last).is_some_and(|(last_is_thought, _)| last_is_thought == is_thought)
    {
        return last.entry("text").append(text);
    }
    parts.push(part);
}

/// Returns the text of a part that holds nothing else, and whether it is a thought.
fn plain_text(part: &Value) -> Option<(bool, &str)> {
    let is_plain = part.fields().iter().all(|(name, _)| matches!(name.as_str(), "text" | "thought"));
    let is_thought = part.get("thought") == Some(&Value::Bool(true));
    part.str_at("text").filter(|_| is_plain).map(|text| (is_thought, text))
}
