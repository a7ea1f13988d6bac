//! `generateContent` of the Gemini API.
//!
//! Source: wires, section 2.4.

use rollout_trace_model::{Role, TokenUsage};

use super::{Outcome, Sighted, count};
use crate::{
    item::{Block, Shown},
    json::Json,
};

/// The tool under whose name the code runs that the provider runs itself.
const CODE: &str = "code_execution";

/// What only the provider can read of a part.
const SIGNATURE: &str = "thoughtSignature";

pub(super) fn message<'v, 'j>(element: &'v Json<'j>, shown: &Shown<'_>, items: &mut Vec<Sighted<'v, 'j>>) {
    let role = role(element);
    match element.get("parts").and_then(Json::as_array) {
        Some(parts) if !parts.is_empty() => items.extend(parts.iter().filter_map(|value| part(value, &role, shown))),
        _ => items.push(Block::message(shown, role).empty().sighted(element)),
    }
}

fn role(element: &Json<'_>) -> Role {
    match element.text("role") {
        Some("model") => Role::Assistant,
        Some(role) => Role::from(role),
        None => Role::User,
    }
}

pub(super) fn answer<'v, 'j>(document: &'v Json<'j>, shown: &Shown<'_>) -> Option<Vec<Sighted<'v, 'j>>> {
    let document = unwrapped(document);
    if !document.is_object() {
        return None;
    }
    let parts = candidate(document).and_then(|candidate| candidate.get("content")?.get("parts")?.as_array());
    Some(parts.unwrap_or_default().iter().filter_map(|value| part(value, &Role::Assistant, shown)).collect())
}

/// Returns the response that Code Assist wraps.
fn unwrapped<'v, 'j>(document: &'v Json<'j>) -> &'v Json<'j> {
    match document.get("response") {
        Some(inner) if inner.is_object() && document.get("candidates").is_none() => inner,
        _ => document,
    }
}

/// Returns the candidate that is the answer.
fn candidate<'v, 'j>(document: &'v Json<'j>) -> Option<&'v Json<'j>> {
    let candidates = document.get("candidates")?.as_array()?;
    let is_first = |candidate: &&Json<'_>| candidate.get("index").and_then(Json::as_i64) == Some(0);
    candidates.iter().find(is_first).or(candidates.first())
}

/// Returns the item that a part shows, or `None` if the part is empty.
fn part<'v, 'j>(value: &'v Json<'j>, role: &Role, shown: &Shown<'_>) -> Option<Sighted<'v, 'j>> {
    let text = value.text("text");
    let is_thought = matches!(value.get("thought"), Some(Json::Bool(true)));
    if let Some(text) = text
        && (is_thought || text.is_empty())
    {
        let mut item = Block::reasoning(shown);
        item.thought(Some(text));
        item.sealed(value, SIGNATURE);
        return (!item.is_empty()).then(|| item.sighted(value));
    }
    let mut item = if value.get("text").is_some() {
        let mut item = Block::message(shown, role.clone());
        item.text_or_missing(value.get("text"));
        item
    } else if let Some(call) = value.get("functionCall") {
        let mut item = Block::call(shown, call.text("name"), call.text("id"));
        item.arguments(Some(call.get("args").unwrap_or(&Json::Object(Default::default()))));
        item
    } else if let Some(output) = value.get("functionResponse") {
        function_response(output, shown)
    } else if let Some(code) = value.get("executableCode") {
        let mut item = Block::call(shown, Some(CODE), code.text("id"));
        item.whole_by(&value.without(SIGNATURE), &code.without("id"));
        item
    } else if let Some(result) = value.get("codeExecutionResult") {
        let mut item = Block::output(shown, result.text("id")).of_tool(Some(CODE));
        item.whole_by(&value.without(SIGNATURE), &result.without("id"));
        item.is_failed = result.text("outcome").is_some_and(|outcome| outcome != "OUTCOME_OK");
        item
    } else if let Some(call) = value.get("toolCall") {
        let mut item = Block::call(shown, provider_tool(call), call.text("id"));
        item.whole_by(&value.without(SIGNATURE), &call.without("id"));
        item
    } else if let Some(output) = value.get("toolResponse") {
        let mut item = Block::output(shown, output.text("id")).of_tool(provider_tool(output));
        item.whole_by(&value.without(SIGNATURE), &output.without("id"));
        item.is_failed = output.get("error").is_some() || output.get("response").is_some_and(has_error);
        item
    } else if let Some(label) = ["inlineData", "fileData"].into_iter().find(|label| value.get(label).is_some()) {
        let mut item = Block::message(shown, role.clone());
        item.attachment(label, &value.without(SIGNATURE));
        item
    } else {
        let kind = match value {
            Json::Object(fields) => fields.iter().map(|(name, _)| name).find(|name| *name != SIGNATURE),
            _ => None,
        };
        Block::unknown(shown, role.clone(), value, kind.unwrap_or_default(), false)
    };
    item.signature(value, SIGNATURE);
    Some(item.sighted(value))
}

fn function_response<'a>(output: &Json<'_>, shown: &'a Shown<'a>) -> Block<'a> {
    let mut item = Block::output(shown, output.text("id")).of_tool(output.text("name"));
    let response = output.get("response");
    match response {
        Some(Json::Object(fields)) if fields.len() == 1 => match fields.get("output") {
            Some(text @ Json::String(_)) => item.tool_content(Some(text)),
            _ => item.tool_content(response),
        },
        _ => item.tool_content(response),
    }
    for part in output.get("parts").and_then(Json::as_array).unwrap_or_default() {
        let label = ["inlineData", "fileData"].into_iter().find(|label| part.get(label).is_some());
        item.attachment(label.unwrap_or("content"), part);
    }
    item.is_failed = response.is_some_and(has_error);
    item
}

fn has_error(response: &Json<'_>) -> bool {
    response.get("error").is_some_and(|error| !matches!(error, Json::Null))
}

/// Returns the name of a tool that the provider runs itself.
fn provider_tool<'v>(call: &'v Json<'_>) -> Option<&'v str> {
    call.text("toolType").or_else(|| call.text("name"))
}

pub(super) fn outcome(document: &Json<'_>) -> Outcome {
    let document = unwrapped(document);
    let usage = document.get("usageMetadata").filter(|usage| usage.is_object()).map(|usage| {
        let field = |name: &str| count(usage, &[name]);
        TokenUsage {
            input_tokens: field("promptTokenCount").saturating_add(field("toolUsePromptTokenCount")),
            cached_input_tokens: field("cachedContentTokenCount"),
            cache_write_input_tokens: 0,
            output_tokens: field("candidatesTokenCount").saturating_add(field("thoughtsTokenCount")),
            reasoning_output_tokens: field("thoughtsTokenCount"),
        }
    });
    let finish = candidate(document).and_then(|candidate| candidate.text("finishReason"));
    let blocked = || document.get("promptFeedback")?.text("blockReason");
    Outcome { usage, finish_reason: finish.or_else(blocked).map(str::to_owned) }
}
