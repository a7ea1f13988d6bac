//! The Chat Completions API of OpenAI, and what is compatible with it.
//!
//! Source: wires, section 2.3.

use rollout_trace_model::{Role, TokenUsage};

use super::{Outcome, Sighted, count, is_blank};
use crate::{
    item::{Block, Shown},
    json::Json,
};

/// The types of content parts that only the payload holds.
const ATTACHMENTS: &[&str] = &[
    "image_url",
    "input_audio",
    "file",
    "video_url",
    "image",
    "document",
    "search_result",
    "container_upload",
    "audio",
];

pub(super) fn message<'v, 'j>(element: &'v Json<'j>, shown: &Shown<'_>, items: &mut Vec<Sighted<'v, 'j>>) {
    let role = element.text("role").unwrap_or("unknown");
    if matches!(role, "tool" | "function") {
        let id = element.text("tool_call_id");
        let mut item = Block::output(shown, id);
        if id.is_none() {
            item = item.of_tool(element.text("name"));
        }
        item.tool_content(element.get("content"));
        return items.push(item.sighted(element));
    }
    let role = Role::from(role);
    if !blocks(element, &role, shown, items) {
        items.push(Block::message(shown, role).empty().sighted(element));
    }
}

pub(super) fn answer<'v, 'j>(document: &'v Json<'j>, shown: &Shown<'_>) -> Option<Vec<Sighted<'v, 'j>>> {
    let mut items = Vec::new();
    document.get("choices")?.as_array()?;
    if let Some(message) = choice(document).and_then(|choice| choice.get("message")) {
        blocks(message, &Role::Assistant, shown, &mut items);
    }
    Some(items)
}

/// Returns the choice that is the answer.
fn choice<'v, 'j>(document: &'v Json<'j>) -> Option<&'v Json<'j>> {
    let choices = document.get("choices")?.as_array()?;
    let is_first = |choice: &&Json<'_>| choice.get("index").and_then(Json::as_i64) == Some(0);
    choices.iter().find(is_first).or(choices.first())
}

/// Adds the items that a message shows. Returns whether there is anything in it.
fn blocks<'v, 'j>(message: &'v Json<'j>, role: &Role, shown: &Shown<'_>, items: &mut Vec<Sighted<'v, 'j>>) -> bool {
    let field = |name: &str| message.get(name).filter(|value| !is_blank(value));
    let list = |name: &str| field(name).and_then(Json::as_array).unwrap_or_default();
    let details = list("reasoning_details");
    let says = |detail: &Json<'_>, name: &str| detail.text(name).is_some_and(|text| !text.is_empty());
    let flat = field("reasoning_content").or_else(|| field("reasoning"));
    // The details say the same as the flat string.
    if let Some((value, text)) = flat.and_then(|value| Some((value, value.as_str()?)))
        && !details.iter().any(|detail| says(detail, "text"))
    {
        let mut item = Block::reasoning(shown);
        item.thought(Some(text));
        items.push(item.sighted(value));
    }
    items.extend(details.iter().filter_map(|detail| thought(detail, shown)));
    match field("content") {
        Some(content @ Json::String(text)) => {
            items.push(Block::message(shown, role.clone()).with_text(text).sighted(content));
        }
        Some(Json::Array(parts)) => items.extend(parts.iter().filter_map(|value| part(value, role, shown))),
        Some(other) => {
            let mut item = Block::message(shown, role.clone());
            item.attachment("content", other);
            items.push(item.sighted(other));
        }
        None => {}
    }
    if let Some((value, text)) = field("refusal").and_then(|value| Some((value, value.as_str()?))) {
        items.push(Block::message(shown, role.clone()).with_text(text).sighted(value));
    }
    if let Some(audio) = field("audio") {
        let mut item = Block::message(shown, role.clone());
        item.attachment("audio", audio);
        items.push(item.sighted(audio));
    }
    let calls = list("tool_calls");
    items.extend(calls.iter().map(|value| call(value, shown)));
    if let Some(value) = field("function_call") {
        let mut item = Block::call(shown, value.text("name"), None);
        item.arguments(value.get("arguments"));
        items.push(item.sighted(value));
    }
    let fields = ["content", "refusal", "audio", "function_call", "reasoning", "reasoning_content"];
    fields.iter().any(|name| field(name).is_some()) || !calls.is_empty() || !details.is_empty()
}

/// Returns the item that a detail of reasoning shows, or `None` if the detail is empty.
fn thought<'v, 'j>(detail: &'v Json<'j>, shown: &Shown<'_>) -> Option<Sighted<'v, 'j>> {
    let mut item = Block::reasoning(shown);
    item.thought(detail.text("text"));
    item.thought_summary(detail.text("summary"));
    item.sealed(detail, "signature");
    item.sealed(detail, "data");
    (!item.is_empty()).then(|| item.sighted(detail))
}

fn part<'v, 'j>(value: &'v Json<'j>, role: &Role, shown: &Shown<'_>) -> Option<Sighted<'v, 'j>> {
    let kind = value.text("type").unwrap_or_default();
    let mut item = Block::message(shown, role.clone());
    match kind {
        "text" | "input_text" | "output_text" => item.text_or_missing(value.get("text")),
        "refusal" => item.text_or_missing(value.get("refusal")),
        "thinking" | "redacted_thinking" => {
            item = Block::reasoning(shown);
            item.thought(value.text("thinking"));
            let texts = value.get("thinking").and_then(Json::as_array).unwrap_or_default();
            texts.iter().for_each(|text| item.thought(text.text("text")));
            item.sealed(value, "signature");
            item.sealed(value, "data");
            if item.is_empty() {
                return None;
            }
        }
        _ if ATTACHMENTS.contains(&kind) => item.attachment(kind, value),
        _ => item = Block::unknown(shown, role.clone(), value, kind, false),
    }
    Some(item.sighted(value))
}

fn call<'v, 'j>(value: &'v Json<'j>, shown: &Shown<'_>) -> Sighted<'v, 'j> {
    let id = value.text("id");
    if let Some(custom) = value.get("custom") {
        let mut item = Block::call(shown, custom.text("name"), id).custom();
        item.parts.text(custom.text("input").unwrap_or_default());
        return item.sighted(value);
    }
    let function = value.get("function");
    let mut item = Block::call(shown, function.and_then(|function| function.text("name")), id);
    item.arguments(function.and_then(|function| function.get("arguments")));
    item.sighted(value)
}

pub(super) fn outcome(document: &Json<'_>) -> Outcome {
    let usage = document.get("usage").filter(|usage| usage.is_object()).map(|usage| {
        let cached: [&[&str]; 3] =
            [&["prompt_tokens_details", "cached_tokens"], &["prompt_cache_hit_tokens"], &["cached_tokens"]];
        TokenUsage {
            input_tokens: count(usage, &["prompt_tokens"]),
            cached_input_tokens: cached.iter().map(|path| count(usage, path)).find(|count| *count > 0).unwrap_or(0),
            cache_write_input_tokens: count(usage, &["prompt_tokens_details", "cache_write_tokens"]),
            output_tokens: count(usage, &["completion_tokens"]),
            reasoning_output_tokens: count(usage, &["completion_tokens_details", "reasoning_tokens"]),
        }
    });
    let finish_reason = choice(document).and_then(|choice| choice.text("finish_reason")).map(str::to_owned);
    Outcome { usage, finish_reason }
}
