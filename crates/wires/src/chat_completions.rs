//! Answers of the Chat Completions API, and of what is compatible with it.
//!
//! Servers differ: some repeat ids and names in each chunk, number tool calls from 1 or not at all, or end without a mark.
//! What the most tolerant clients understand is understood.
//!
//! Source: wires, section 9.3.

use std::collections::BTreeMap;

use crate::{
    Answer, AnswerStatus, Value,
    assembler::{Assemble, error_text},
};

/// What has come of an answer.
#[derive(Debug, Default)]
pub(crate) struct ChatCompletions {
    /// The fields of the completion besides its choices and usage.
    completion: Option<Value>,
    choices: BTreeMap<u64, Choice>,
    usage: Option<Value>,
    /// Whether the mark of the end came.
    is_done: bool,
    error: Option<String>,
}

/// One choice.
#[derive(Debug, Default)]
struct Choice {
    message: Message,
    finish_reason: Option<Value>,
    /// Its other fields.
    others: Vec<(String, Value)>,
}

/// The message of a choice.
#[derive(Debug)]
struct Message {
    value: Value,
    calls: Vec<Call>,
}

/// A tool call.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    value: Value,
}

impl Default for Message {
    fn default() -> Self {
        let fields = [("role", Value::text("assistant")), ("content", Value::Null)];
        let value = Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).into());
        Self { value, calls: Vec::new() }
    }
}

impl Message {
    fn delta(&mut self, delta: &Value) {
        for (name, value) in delta.fields().iter().filter(|(_, value)| !value.is_null()) {
            match (name.as_str(), value) {
                ("content" | "refusal" | "reasoning" | "reasoning_content", Value::String(text)) => {
                    self.append_text(name, text);
                }
                ("content", Value::Array(parts)) => parts.iter().for_each(|part| self.add_part(part)),
                ("tool_calls", Value::Array(calls)) => calls.iter().for_each(|call| self.call(call)),
                ("function_call", call) => add_function(self.value.entry("function_call"), call),
                ("reasoning_details", Value::Array(details)) => {
                    details.iter().for_each(|detail| add_detail(self.value.entry("reasoning_details"), detail));
                }
                ("audio", audio) => add_audio(self.value.entry("audio"), audio),
                ("annotations", Value::Array(annotations)) => {
                    annotations.iter().for_each(|one| self.value.entry("annotations").push(one.clone()));
                }
                ("role", role) if !role.is_blank() => self.value.set("role", role.clone()),
                ("role", _) => {}
                (name, value) => self.value.set_once(name, value),
            }
        }
    }

    fn append_text(&mut self, name: &str, text: &str) {
        match self.value.entry(name) {
            // A content of parts goes on as one.
            Value::Array(parts) => match parts.last_mut() {
                Some(last) if last.str_at("type") == Some("text") => last.entry("text").append(text),
                _ if text.is_empty() => {}
                _ => {
                    let mut part = Value::object();
                    part.set("type", Value::text("text"));
                    part.set("text", Value::text(text));
                    parts.push(part);
                }
            },
            field => field.append(text),
        }
    }

    fn add_part(&mut self, part: &Value) {
        if let (Some("text"), Some(text)) = (part.str_at("type"), part.str_at("text")) {
            let content = self.value.entry("content");
            if let Value::String(before) = content {
                let before = std::mem::take(before);
                *content = Value::Array(Vec::new());
                self.append_text("content", &before);
            } else if content.is_null() {
                *content = Value::Array(Vec::new());
            }
            return self.append_text("content", text);
        }
        self.value.entry("content").push(part.clone());
    }

    fn call(&mut self, delta: &Value) {
        let place = self.place_of(delta).unwrap_or_else(|| {
            self.calls.push(Call { index: delta.get("index").and_then(Value::as_u64), value: Value::object() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[place].value;
        for (name, value) in delta.fields().iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "index" => {}
                "function" | "custom" => add_function(call.entry(name), value),
                name => call.set_once(name, value),
            }
        }
    }

    /// Returns the place of the call that a delta continues, or `None` if it begins a new one.
    fn place_of(&self, delta: &Value) -> Option<usize> {
        let id = delta.str_at("id").filter(|id| !id.is_empty());
        let has_name = ["function", "custom"].iter().any(|kind| {
            let name = delta.get(kind).and_then(|function| function.str_at("name"));
            name.is_some_and(|name| !name.is_empty())
        });
        if let Some(index) = delta.get("index").and_then(Value::as_u64) {
            let place = self.calls.iter().rposition(|call| call.index == Some(index))?;
            let known = self.calls[place].value.str_at("id").filter(|known| !known.is_empty());
            let is_another = has_name && id.is_some() && known.is_some() && known != id;
            return (!is_another).then_some(place);
        }
        match id {
            Some(id) => self.calls.iter().rposition(|call| call.value.str_at("id") == Some(id)),
            None if has_name => None,
            None => self.calls.len().checked_sub(1),
        }
    }

    fn finish(self) -> Value {
        let Self { mut value, calls } = self;
        if !calls.is_empty() {
            value.set("tool_calls", Value::Array(calls.into_iter().map(|call| call.value).collect()));
        }
        value
    }
}

/// Adds to the function of a call, or to the tool of a custom call.
fn add_function(function: &mut Value, delta: &Value) {
    for (name, value) in delta.fields().iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("arguments" | "input", Value::String(text)) => function.entry(name).append(text),
            (name, value) => function.set_once(name, value),
        }
    }
}

/// Adds to the details of reasoning. Those of one type and index are one.
fn add_detail(details: &mut Value, delta: &Value) {
    let key = |detail: &Value| (detail.str_at("type").map(str::to_owned), detail.get("index").and_then(Value::as_u64));
    let place = details.elements().iter().rposition(|detail| key(detail) == key(delta));
    let (Some(place), Value::Array(known)) = (place, &mut *details) else { return details.push(delta.clone()) };
    for (name, value) in delta.fields().iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("text" | "summary", Value::String(text)) => known[place].entry(name).append(text),
            (name, value) => known[place].set(name, value.clone()),
        }
    }
}

fn add_audio(audio: &mut Value, delta: &Value) {
    for (name, value) in delta.fields().iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("data" | "transcript", Value::String(text)) => audio.entry(name).append(text),
            (name, value) => audio.set_once(name, value),
        }
    }
}

impl Choice {
    fn chunk(&mut self, chunk: &Value) {
        for (name, value) in chunk.fields().iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "index" | "usage" => {}
                "delta" | "message" => self.message.delta(value),
                "finish_reason" => self.finish_reason = Some(value.clone()),
                "logprobs" => self.add_logprobs(value),
                name => *self.other(name) = value.clone(),
            }
        }
    }

    fn add_logprobs(&mut self, delta: &Value) {
        let logprobs = self.other("logprobs");
        for (name, value) in delta.fields().iter().filter(|(_, value)| !value.is_null()) {
            match value {
                Value::Array(more) => more.iter().for_each(|one| logprobs.entry(name).push(one.clone())),
                value => logprobs.set(name, value.clone()),
            }
        }
    }

    fn other(&mut self, name: &str) -> &mut Value {
        let place = self.others.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
            self.others.push((name.to_owned(), Value::Null));
            self.others.len() - 1
        });
        &mut self.others[place].1
    }

    fn finish(self, index: u64) -> Value {
        let mut choice = Value::object();
        choice.set("index", Value::Number(index.into()));
        choice.set("message", self.message.finish());
        choice.set("finish_reason", self.finish_reason.unwrap_or_default());
        self.others.into_iter().for_each(|(name, value)| choice.set(&name, value));
        choice
    }
}

impl Assemble for ChatCompletions {
    fn event(&mut self, _name: &str, value: Value) {
        if self.is_done {
            return;
        }
        if let Some(error) = error_text(&value) {
            self.error.get_or_insert(error);
        }
        if value.fields().iter().all(|(name, _)| name == "error") {
            return;
        }
        let completion = self.completion.get_or_insert_with(|| {
            let mut completion = Value::object();
            completion.set("object", Value::text("chat.completion"));
            completion
        });
        for (name, field) in value.fields() {
            match name.as_str() {
                "choices" | "object" | "obfuscation" | "error" => {}
                "usage" => self.usage = Some(field.clone()).filter(|usage| usage.is_object()).or(self.usage.take()),
                name if !field.is_blank() => completion.set_once(name, field),
                _ => {}
            }
        }
        for chunk in value.get("choices").map(Value::elements).unwrap_or_default() {
            let index = chunk.get("index").and_then(Value::as_u64).unwrap_or(0);
            self.choices.entry(index).or_default().chunk(chunk);
            if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
                self.usage = Some(usage.clone());
            }
        }
    }

    fn mark(&mut self, data: &str) {
        self.is_done |= data.trim() == "[DONE]";
    }

    fn finish(self) -> Answer {
        let Self { completion, choices, usage, is_done, mut error } = self;
        let finish = choices.get(&0).and_then(|choice| choice.finish_reason.as_ref());
        if finish.and_then(Value::as_str) == Some("error") {
            error.get_or_insert_with(|| "finish_reason is error".to_owned());
        }
        let is_complete = error.is_none() && (is_done || finish.is_some());
        let response = completion.map(|mut completion| {
            let choices = choices.into_iter().map(|(index, choice)| choice.finish(index)).collect();
            completion.set("choices", Value::Array(choices));
            if let Some(usage) = usage {
                completion.set("usage", usage);
            }
            completion
        });
        let status = if is_complete { AnswerStatus::Completed } else { AnswerStatus::Failed };
        Answer { status, response, error }
    }

    fn document(value: Value) -> Option<Value> {
        value.get("choices").is_some().then_some(value)
    }
}
