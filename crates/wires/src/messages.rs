//! Answers of the Messages API.
//!
//! Source: wires, section 9.2.

use crate::{
    Answer, AnswerStatus, Value,
    assembler::{Assemble, error_text},
};

/// What has come of an answer.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    message: Option<Value>,
    blocks: Vec<Block>,
    end: Option<AnswerStatus>,
    error: Option<String>,
}

/// A content block.
#[derive(Debug)]
struct Block {
    index: u64,
    value: Value,
    /// The JSON text of its input, as far as it came.
    input: String,
}

impl Block {
    fn delta(&mut self, delta: &Value) {
        let text = |name: &str| delta.str_at(name).unwrap_or_default();
        match text("type") {
            "text_delta" => self.value.entry("text").append(text("text")),
            "thinking_delta" => self.value.entry("thinking").append(text("thinking")),
            "signature_delta" => self.value.set("signature", Value::text(text("signature"))),
            "input_json_delta" => self.input.push_str(text("partial_json")),
            "citations_delta" => {
                if let Some(citation) = delta.some_at("citation") {
                    self.value.entry("citations").push(citation.clone());
                }
            }
            "compaction_delta" => {
                for (name, value) in delta.fields().iter().filter(|(name, value)| name != "type" && !value.is_null()) {
                    self.value.set(name, value.clone());
                }
            }
            _ => {}
        }
    }

    /// Sets the input to what came of it.
    fn settle(&mut self) {
        if !self.input.is_empty() {
            let input = std::mem::take(&mut self.input);
            self.value.set("input", Value::parse(&input).unwrap_or(Value::String(input)));
        }
    }
}

impl Messages {
    fn block(&mut self, event: &Value) -> Option<&mut Block> {
        let index = event.get("index")?.as_u64()?;
        self.blocks.iter_mut().rev().find(|block| block.index == index)
    }

    fn start_block(&mut self, event: &Value) {
        let Some(value) = event.some_at("content_block") else { return };
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(self.blocks.len() as u64);
        if value.str_at("type") == Some("fallback")
            && let Some(model) = value.get("to").and_then(|to| to.some_at("model"))
            && let Some(message) = &mut self.message
        {
            message.set("model", model.clone());
        }
        self.blocks.push(Block { index, value: value.clone(), input: String::new() });
    }

    fn message_delta(&mut self, event: &Value) {
        let message = self.message.get_or_insert_with(Value::object);
        let delta = event.get("delta").map(Value::fields).unwrap_or_default();
        for (name, value) in delta {
            if name.starts_with("stop_") || !value.is_null() {
                message.set(name, value.clone());
            }
        }
        for (name, value) in event.fields().iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "type" | "delta" => {}
                "usage" => {
                    let usage = message.entry("usage");
                    for (name, count) in value.fields().iter().filter(|(_, count)| !count.is_null()) {
                        usage.set(name, count.clone());
                    }
                }
                _ => message.set(name, value.clone()),
            }
        }
    }
}

impl Assemble for Messages {
    fn event(&mut self, name: &str, value: Value) {
        if self.end.is_some() {
            return;
        }
        match value.str_at("type").unwrap_or(name) {
            "message_start" => {
                if let Some(message) = value.some_at("message") {
                    self.message.get_or_insert_with(|| message.clone());
                }
            }
            "content_block_start" => self.start_block(&value),
            "content_block_delta" => {
                if let (Some(block), Some(delta)) = (self.block(&value), value.get("delta")) {
                    block.delta(delta);
                }
            }
            "content_block_stop" => {
                if let Some(block) = self.block(&value) {
                    block.settle();
                }
            }
            "message_delta" => self.message_delta(&value),
            "message_stop" => self.end = Some(AnswerStatus::Completed),
            "error" => {
                self.end = Some(AnswerStatus::Failed);
                self.error = error_text(&value);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Answer {
        self.blocks.iter_mut().for_each(Block::settle);
        let Self { message, blocks, end, error } = self;
        let has_blocks = !blocks.is_empty();
        let response = message.or_else(|| has_blocks.then(Value::object)).map(|mut message| {
            message.set("content", Value::Array(blocks.into_iter().map(|block| block.value).collect()));
            message
        });
        Answer { status: end.unwrap_or(AnswerStatus::Failed), response, error }
    }

    fn document(value: Value) -> Option<Value> {
        value.get("content").is_some().then_some(value)
    }
}
