//! Requests that look like real ones: items of 1.6 KB on average, a history that grows.

use std::sync::OnceLock;

use rollout_trace_recorder::{SessionSource, ThreadStartedTraceMetadata};
use serde::Serialize;

use crate::prose::Chance;

/// The length of the text that items are cut from.
const CORPUS_BYTES: usize = 64 << 10;

/// A provider request.
#[derive(Clone, Serialize)]
pub struct Request {
    model: &'static str,
    instructions: String,
    /// The history.
    pub input: Vec<Item>,
    tools: Vec<Tool>,
    tool_choice: &'static str,
    parallel_tool_calls: bool,
    prompt_cache_key: &'static str,
}

#[derive(Clone, Serialize)]
struct Tool {
    r#type: &'static str,
    name: String,
    description: String,
    strict: bool,
}

/// A conversation item.
#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the provider's wire documents its items")]
pub enum Item {
    Message { id: String, role: &'static str, content: Vec<Part> },
    FunctionCall { id: String, name: &'static str, arguments: String, call_id: String },
    FunctionCallOutput { id: String, call_id: String, output: String },
}

/// A part of a message.
#[derive(Clone, Serialize)]
pub struct Part {
    r#type: &'static str,
    text: String,
}

/// Returns text of about this length, which differs for each seed.
pub fn text(seed: usize, len: usize) -> String {
    let corpus = corpus();
    let mut text = format!("// {seed}\n");
    let mut at = seed.wrapping_mul(7919) % corpus.len();
    while text.len() < len {
        at = corpus.ceil_char_boundary(at);
        let end = corpus.ceil_char_boundary((at + len - text.len()).min(corpus.len()));
        text.push_str(&corpus[at..end]);
        at = if end == corpus.len() { seed % 97 } else { end };
    }
    text
}

/// Returns the text that items are cut from. It is made once, because making it for each item would take longer than
/// recording the item.
fn corpus() -> &'static str {
    static CORPUS: OnceLock<String> = OnceLock::new();
    CORPUS.get_or_init(|| Chance::new(1).text_of(CORPUS_BYTES))
}

/// Returns an item that differs for each seed.
pub fn item(seed: usize) -> Item {
    match seed % 3 {
        0 => Item::Message {
            id: format!("msg_{seed:032x}"),
            role: "assistant",
            content: vec![Part { r#type: "output_text", text: text(seed, 700) }],
        },
        1 => Item::FunctionCall {
            id: format!("fc_{seed:032x}"),
            name: "exec_command",
            arguments: format!("{{\"cmd\":{:?}}}", text(seed, 600)),
            call_id: format!("call_{seed}"),
        },
        _ => Item::FunctionCallOutput {
            id: format!("fco_{seed:032x}"),
            call_id: format!("call_{}", seed - 1),
            output: text(seed, 3300),
        },
    }
}

/// Returns an item that differs for each seed, and that is small if the request of about `bytes` bytes is small.
pub fn small_item(seed: usize, bytes: usize) -> Item {
    if bytes < 16 << 10 {
        let text = text(seed, 100);
        Item::Message { id: format!("msg_{seed}"), role: "user", content: vec![Part { r#type: "input_text", text }] }
    } else {
        item(seed)
    }
}

/// Returns a request of about `bytes` bytes, all of whose items differ for each seed.
pub fn request(seed: usize, bytes: usize) -> Request {
    let small = bytes < 16 << 10;
    let mut request = Request {
        model: "gpt-5.2-codex",
        instructions: text(if small { seed } else { 1 }, if small { 200 } else { 16 << 10 }),
        input: Vec::new(),
        tools: (0..if small { 1 } else { 15 })
            .map(|tool| Tool {
                r#type: "function",
                name: format!("tool_{tool}"),
                description: text(tool, if small { 100 } else { 600 }),
                strict: false,
            })
            .collect(),
        tool_choice: "auto",
        parallel_tool_calls: true,
        prompt_cache_key: "0199a213-81c0-7800-8aa1-bbab2a035a53",
    };
    let mut size = serde_json::to_vec(&request).expect("plain").len();
    let mut next = seed * 10_000;
    while size < bytes {
        let item = if small {
            Item::Message {
                id: format!("msg_{next}"),
                role: "user",
                content: vec![Part { r#type: "input_text", text: text(next, bytes - size) }],
            }
        } else {
            item(next)
        };
        size += serde_json::to_vec(&item).expect("plain").len();
        request.input.push(item);
        next += 1;
    }
    request
}

/// Returns the metadata of a benched thread.
pub fn metadata(thread: usize) -> ThreadStartedTraceMetadata {
    let source = SessionSource::program("bench");
    ThreadStartedTraceMetadata::new(format!("thread-{thread}"), "/root", source)
        .cwd("/work")
        .model("gpt-5.2-codex", "bench")
        .policies("never", "DangerFullAccess")
}
