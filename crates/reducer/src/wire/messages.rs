//! The Messages API of Anthropic.
//!
//! Source: wires, section 2.2.

use rollout_trace_model::{Channel, ItemKind, Role, TokenUsage};

use super::{Outcome, Sighted, count};
use crate::{
    item::{Block, Shown},
    json::Json,
};

/// The types of blocks that say something to the provider, and are known to be no part of the conversation's text.
const KNOWN_ASIDES: &[&str] = &["fallback", "mcp_tool_listing", "tool_addition", "tool_removal"];

/// The types of blocks that only the payload holds.
const ATTACHMENTS: &[&str] = &["image", "document", "search_result", "container_upload", "audio"];

pub(super) fn message<'v, 'j>(element: &'v Json<'j>, shown: &Shown<'_>, items: &mut Vec<Sighted<'v, 'j>>) {
    let role = element.text("role").map_or(Role::from("unknown"), Role::from);
    let before = items.len();
    match element.get("content") {
        Some(content @ Json::String(text)) if !text.is_empty() => {
            items.push(Block::message(shown, role.clone()).with_text(text).sighted(content));
        }
        Some(Json::Array(blocks)) => items.extend(blocks.iter().filter_map(|value| block(value, &role, shown))),
        _ => {}
    }
    // A message of the system without content carries settings only.
    if items.len() == before && role != Role::System {
        items.push(Block::message(shown, role).empty().sighted(element));
    }
}

pub(super) fn answer<'v, 'j>(document: &'v Json<'j>, shown: &Shown<'_>) -> Option<Vec<Sighted<'v, 'j>>> {
    let blocks = document.get("content")?.as_array()?;
    Some(blocks.iter().filter_map(|value| block(value, &Role::Assistant, shown)).collect())
}

/// Returns the item that a block shows, or `None` if the block is empty.
fn block<'v, 'j>(value: &'v Json<'j>, role: &Role, shown: &Shown<'_>) -> Option<Sighted<'v, 'j>> {
    let kind = value.text("type").unwrap_or_default();
    let item = match kind {
        "text" => {
            let mut item = Block::message(shown, role.clone());
            item.text_or_missing(value.get("text"));
            item
        }
        "thinking" | "redacted_thinking" => {
            let mut item = Block::reasoning(shown);
            item.thought(value.text("thinking"));
            item.sealed(value, "signature");
            item.sealed(value, "data");
            if item.is_empty() {
                return None;
            }
            item
        }
        "tool_use" => {
            let mut item = Block::call(shown, value.text("name"), value.text("id"));
            item.arguments(value.get("input"));
            item
        }
        "tool_result" => {
            let mut item = Block::output(shown, value.text("tool_use_id"));
            item.tool_content(value.get("content"));
            if matches!(value.get("is_error"), Some(Json::Bool(true))) {
                item.is_failed = true;
                item.flag("is_error");
            }
            item
        }
        "compaction" => {
            let mut item = Block::new(shown, Role::Assistant, Some(Channel::Summary), ItemKind::Message);
            if let Some(text) = value.text("content").filter(|text| !text.is_empty()) {
                item.parts.text(text);
            }
            item.sealed(value, "encrypted_content");
            item.sealed(value, "signature");
            if item.is_empty() { item.empty() } else { item }
        }
        "server_tool_use" | "mcp_tool_use" => {
            let mut item = Block::call(shown, value.text("name"), value.text("id"));
            item.whole(value);
            item
        }
        _ if kind.ends_with("_tool_result") => {
            let mut item = Block::output(shown, value.text("tool_use_id"));
            item.whole(value);
            let has_error_type = |value: &Json<'_>| value.text("type").is_some_and(|kind| kind.ends_with("_error"));
            item.is_failed = matches!(value.get("is_error"), Some(Json::Bool(true)))
                || value.get("content").is_some_and(has_error_type);
            item
        }
        _ if ATTACHMENTS.contains(&kind) => {
            let mut item = Block::message(shown, role.clone());
            item.attachment(kind, value);
            item
        }
        _ => Block::unknown(shown, role.clone(), value, kind, KNOWN_ASIDES.contains(&kind)),
    };
    Some(item.sighted(value))
}

pub(super) fn outcome(document: &Json<'_>) -> Outcome {
    let usage = document.get("usage").filter(|usage| usage.is_object()).map(|usage| {
        let (read, written) =
            (count(usage, &["cache_read_input_tokens"]), count(usage, &["cache_creation_input_tokens"]));
        TokenUsage {
            input_tokens: count(usage, &["input_tokens"]).saturating_add(read).saturating_add(written),
            cached_input_tokens: read,
            cache_write_input_tokens: written,
            output_tokens: count(usage, &["output_tokens"]),
            reasoning_output_tokens: count(usage, &["output_tokens_details", "thinking_tokens"]),
        }
    });
    Outcome { usage, finish_reason: document.text("stop_reason").map(str::to_owned) }
}
