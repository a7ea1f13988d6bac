//! One agent and what its model sees.

use std::ops::Range;

use serde_json::json;

use super::item::{Item, Part};
use crate::prose::Chance;

const INSTRUCTIONS_BYTES: usize = 16_000;

pub(super) struct Agent {
    pub(super) thread: String,
    pub(super) turn: String,
    pub(super) path: String,
    /// The beginning of every request, which compactions keep.
    instructions: String,
    /// The items, each with its text in a request.
    pub(super) history: Vec<(Item, String)>,
}

impl Agent {
    pub(super) fn new(chance: &mut Chance, thread: String, path: String) -> Self {
        let text = chance.text(INSTRUCTIONS_BYTES);
        let instructions = Item::Message {
            id: format!("msg_{}", chance.uuid()),
            role: "developer",
            content: vec![Part::InputText { text }],
        };
        Self { thread, turn: String::new(), path, instructions: instructions.sent(""), history: Vec::new() }
    }

    pub(super) fn push(&mut self, item: Item) {
        let text = item.sent(&self.turn);
        self.history.push((item, text));
    }

    /// Returns the prompt that becomes a request, without the instructions, and where its items are.
    pub(super) fn prompt(&self, tools: &str) -> (String, Vec<Range<usize>>) {
        let mut text = "{\n  \"input\": [".to_owned();
        let mut items = Vec::with_capacity(self.history.len());
        for (place, (_, item)) in self.history.iter().enumerate() {
            text.push_str(if place == 0 { "\n" } else { ",\n" });
            items.push(text.len()..text.len() + item.len());
            text.push_str(item);
        }
        text.push_str("\n  ],\n  \"tools\": ");
        text.push_str(tools);
        text.push_str(",\n  \"parallel_tool_calls\": true,\n  \"output_schema\": null\n}");
        (text, items)
    }

    /// Returns a request's text: the history, then the constant fields, then those that change with the turn.
    pub(super) fn request(&self, tools: &str) -> String {
        let size: usize = self.history.iter().map(|(_, text)| text.len() + 2).sum();
        let mut text = String::with_capacity(size + self.instructions.len() + tools.len() + 4_000);
        text.push_str("{\n  \"model\": \"a-model\",\n  \"stream\": true,\n  \"input\": [\n");
        text.push_str(&self.instructions);
        for (_, item) in &self.history {
            text.push_str(",\n");
            text.push_str(item);
        }
        text.push_str("\n  ],\n  \"tools\": ");
        text.push_str(tools);
        let tail = json!({
            "tool_choice": "auto", "parallel_tool_calls": true, "reasoning": {"summary": "auto"}, "store": false,
            "include": ["reasoning.encrypted_content"], "prompt_cache_key": self.thread,
            "z_client_metadata": {"session_id": self.thread, "turn_id": self.turn, "note": "x".repeat(600)},
        });
        let tail = serde_json::to_string_pretty(&tail).expect("the tail is plain data");
        text.push_str(",\n");
        text.push_str(tail.trim_start_matches("{\n"));
        text
    }
}
