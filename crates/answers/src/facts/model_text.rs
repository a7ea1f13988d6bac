//! The model text of an item: the strings in it that a model reads.
//!
//! Source: questions, section 1.7.

use std::borrow::Cow;

use rollout_trace_model::{Body, BodyPart};
use rollout_trace_reducer::Json;

use super::sizes::{Measured, Sizes};

/// A string of a model text.
pub(crate) enum Piece<'a> {
    Text(Cow<'a, str>),
    /// A string that only the provider can read.
    Sealed(Cow<'a, str>),
    /// An image, a file or audio.
    Media,
}

/// The fields that no model reads.
pub(super) const UNREAD: [&str; 3] = ["id", "status", "internal_chat_message_metadata_passthrough"];

/// Calls `take` with each string of an item's model text.
pub(crate) fn pieces<'a>(item: &'a Json<'_>, mut take: impl FnMut(Piece<'a>)) {
    let take = &mut take;
    match item.text("type").unwrap_or_default() {
        "message" | "agent_message" => field(item.get("content"), take),
        "reasoning" => {
            field(item.get("content"), take);
            field(item.get("summary"), take);
            sealed_field(item.get("encrypted_content"), take);
        }
        "function_call" => {
            field(item.get("name"), take);
            field(item.get("arguments"), take);
        }
        "custom_tool_call" => {
            field(item.get("name"), take);
            field(item.get("input"), take);
        }
        "function_call_output" | "custom_tool_call_output" | "tool_search_output" | "mcp_tool_call_output"
            if item.get("output").is_some() =>
        {
            field(item.get("output"), take);
        }
        "compaction" | "compaction_summary" | "context_compaction" if item.get("encrypted_content").is_some() => {
            sealed_field(item.get("encrypted_content"), take);
        }
        _ if block(item, take) => {}
        _ => take(Piece::Text(item.without_all(&UNREAD).to_spelled_text().into())),
    }
}

/// Calls `take` with each string of an item in the form of another API than Responses. Returns whether it has such a form.
///
/// Source: wires, section 2.
fn block<'a>(item: &'a Json<'_>, take: &mut impl FnMut(Piece<'a>)) -> bool {
    if let Json::String(text) = item {
        take(Piece::Text(Cow::Borrowed(text)));
        return true;
    }
    match item.text("type") {
        Some("text") => take_part(item, take),
        Some("thinking") => {
            field(item.get("thinking"), take);
            sealed_field(item.get("signature"), take);
        }
        Some("redacted_thinking") => sealed_field(item.get("data"), take),
        Some("tool_use") => {
            field(item.get("name"), take);
            field(item.get("input"), take);
        }
        Some("tool_result") => field(item.get("content"), take),
        Some("function") => called(item.get("function"), "arguments", take),
        Some("image" | "image_url" | "input_audio" | "video_url") => take(Piece::Media),
        Some(_) => return false,
        None if item.get("inlineData").is_some() || item.get("fileData").is_some() => take(Piece::Media),
        None if item.get("functionCall").is_some() => called(item.get("functionCall"), "args", take),
        None if item.get("functionResponse").is_some() => {
            field(item.get("functionResponse").and_then(|answer| answer.get("response")), take);
        }
        None if item.text("text").is_some() => {
            field(item.get("text"), take);
            sealed_field(item.get("thoughtSignature"), take);
        }
        None if item.get("role").is_some() => field(item.get("content"), take),
        None => return false,
    }
    true
}

fn called<'a>(call: Option<&'a Json<'_>>, arguments: &str, take: &mut impl FnMut(Piece<'a>)) {
    field(call.and_then(|call| call.get("name")), take);
    field(call.and_then(|call| call.get(arguments)), take);
}

fn field<'a>(value: Option<&'a Json<'_>>, take: &mut impl FnMut(Piece<'a>)) {
    match value {
        None | Some(Json::Null) => {}
        Some(Json::String(text)) => take(Piece::Text(Cow::Borrowed(text))),
        Some(Json::Array(parts)) => parts.iter().for_each(|part| take_part(part, take)),
        Some(other) => take(Piece::Text(other.to_spelled_text().into())),
    }
}

fn take_part<'a>(part: &'a Json<'_>, take: &mut impl FnMut(Piece<'a>)) {
    let kind = part.text("type").unwrap_or_default();
    if let Some(text) = part.text("text") {
        take(Piece::Text(Cow::Borrowed(text)));
    } else if let Some(sealed) = part.text("encrypted_content") {
        take(Piece::Sealed(Cow::Borrowed(sealed)));
    } else if ["image", "file", "audio"].iter().any(|media| kind.contains(media)) {
        take(Piece::Media);
    } else {
        take(Piece::Text(part.to_spelled_text().into()));
    }
}

fn sealed_field<'a>(value: Option<&'a Json<'_>>, take: &mut impl FnMut(Piece<'a>)) {
    match value {
        None | Some(Json::Null) => {}
        Some(Json::String(text)) => take(Piece::Sealed(Cow::Borrowed(text))),
        Some(other) => take(Piece::Sealed(other.to_spelled_text().into())),
    }
}

/// Appends the readable strings of an item's model text to `texts`, and returns the sizes of the whole.
pub(super) fn append_readable(item: &Json<'_>, texts: &mut String) -> Sizes {
    let mut measured = Measured::default();
    pieces(item, |piece| match piece {
        Piece::Text(text) => {
            measured.add(&text);
            texts.push_str(&text);
        }
        Piece::Sealed(text) => measured.add_sealed(text.len()),
        Piece::Media => measured.add_media(),
    });
    measured.finish()
}

/// Appends all strings of an item's model text to `texts`.
pub(super) fn append_all(item: &Json<'_>, texts: &mut String) {
    pieces(item, |piece| match piece {
        Piece::Text(text) | Piece::Sealed(text) => texts.push_str(&text),
        Piece::Media => {}
    });
}

/// Returns the sizes and the readable text of an item that no payload shows, from its body in the graph.
pub(crate) fn of_body(body: &Body) -> (Sizes, String) {
    let mut measured = Measured::default();
    let mut readable = String::new();
    for part in &body.parts {
        match part {
            BodyPart::Text { text }
            | BodyPart::Summary { text }
            | BodyPart::Code { source: text, .. }
            | BodyPart::Json { summary: text, .. } => {
                measured.add(text);
                readable.push_str(text);
            }
            BodyPart::Encoded { value, .. } => measured.add_sealed(value.len()),
            BodyPart::PayloadRef { .. } => measured.add_media(),
        }
    }
    (measured.finish(), readable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(item: &str) -> String {
        let (item, _) = Json::parse(item.as_bytes(), 16).unwrap();
        let mut text = String::new();
        append_readable(&item, &mut text);
        text
    }

    #[test]
    fn each_api_has_its_forms() {
        for (item, expected) in [
            (r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}"#, "hi"),
            (r#"{"role":"user","content":"hi"}"#, "hi"),
            (r#""hi""#, "hi"),
            (r#"{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}"#, "hi"),
            (r#"{"type":"thinking","thinking":"hm","signature":"AAAA"}"#, "hm"),
            (r#"{"type":"redacted_thinking","data":"AAAA"}"#, ""),
            (r#"{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}"#, r#"Bash{"command":"ls"}"#),
            (r#"{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"a"}]}"#, "a"),
            (r#"{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}"#, "f{}"),
            (r#"{"type":"image_url","image_url":{"url":"data:"}}"#, ""),
            (r#"{"text":"hi","thoughtSignature":"AAAA"}"#, "hi"),
            (r#"{"functionCall":{"name":"f","args":{"a":1}}}"#, r#"f{"a":1}"#),
            (r#"{"functionResponse":{"name":"f","response":{"output":"a"}}}"#, r#"{"output":"a"}"#),
            (r#"{"inlineData":{"mimeType":"image/png","data":"AAAA"}}"#, ""),
            (r#"{"type":"web_search_call","id":"w1","action":1}"#, r#"{"type":"web_search_call","action":1}"#),
        ] {
            assert_eq!(readable(item), expected, "{item}");
        }
    }
}
