//! The tools of MCP servers.

use std::collections::HashSet;

use rollout_trace_code_mode::ToolSpec;
use rollout_trace_recorder::{ExecutionStatus, ToolKind};
use serde_json::{Value, json};

use super::{Dispatch, Outcome, ToolError};
use crate::{
    error_text::error_text,
    mcp::{McpServer, McpTool, McpToolResult},
    rollout::Rollout,
    terminal::HeadTail,
};

/// The longest name of a tool that providers accept.
const NAME_CHARS: usize = 64;

/// The types of images that providers accept.
const IMAGE_TYPES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Returns the name of an MCP server's tool for the model. Providers limit the length of names and the characters in
/// them.
fn tool_name(server: &str, tool: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let whole = format!("mcp__{server}__{tool}");
    let mut name: String = whole.chars().map(allowed).collect();
    if name.len() > NAME_CHARS {
        // Long names mostly differ at their ends, so a checksum of the whole name replaces the end.
        let sum = whole.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let end = format!("_{sum:08x}");
        name.truncate(NAME_CHARS - end.len());
        name.push_str(&end);
    }
    name
}

impl Rollout {
    /// Returns the tools of all MCP servers with their names for the model. If several tools have the same name for the
    /// model or in a script, only the first one is available.
    pub(super) fn mcp_tools(&self) -> impl Iterator<Item = (String, &McpServer, &McpTool)> {
        let tools = self.mcp_servers.iter().flat_map(|server| server.tools().iter().map(move |tool| (server, tool)));
        let named = tools.map(|(server, tool)| (tool_name(server.name(), &tool.name), server, tool));
        let mut taken = HashSet::new();
        named.filter(move |(name, ..)| taken.insert(ToolSpec::new(name.clone(), "").script_name()))
    }

    /// Returns the MCP server's tool with this name for the model.
    pub(super) fn mcp_tool(&self, name: &str) -> Option<(&McpServer, &McpTool)> {
        self.mcp_tools().find(|(known, ..)| known == name).map(|(_, server, tool)| (server, tool))
    }
}

impl Dispatch {
    pub(super) async fn call_mcp(&self, server: &McpServer, tool: &McpTool) -> Result<Outcome, ToolError> {
        let arguments = self.call().arguments_of(&tool.input_schema.clone().into())?;
        let tool = tool.name.as_str();
        let correlation = self.turn.trace().start_mcp_call_trace(&*self.turn.id, &*self.call().id);
        let kind = ToolKind::Mcp { server: server.name().to_owned(), tool: tool.to_owned() };
        let invocation = json!({"server": server.name(), "tool": tool, "arguments": arguments});
        self.record_runtime_started(kind, &json!({"call_id": self.call().id, "invocation": invocation}));
        let (pause, meta) = (&self.turn.thread.pause, correlation.add_request_meta(None));
        let answer = server.call_tool_with_pauses(pause, tool, Some(arguments.into()), meta);
        let answer = self.unless_stopped(answer).await;
        let (status, result) = match &answer {
            Ok(Ok(result)) if !result.is_error => (ExecutionStatus::Completed, json!({"Ok": result})),
            Ok(Ok(result)) => (ExecutionStatus::Failed, json!({"Ok": result})),
            Ok(Err(error)) => (ExecutionStatus::Failed, json!({"Err": error_text(error)})),
            Err(_) => (ExecutionStatus::Cancelled, json!({"Err": "stopped"})),
        };
        self.record_runtime_ended(status, &json!({"call_id": self.call().id, "result": result}));
        let result = answer?.map_err(ToolError::failed)?;
        let max_tokens = self.turn.thread.commands.max_output_tokens();
        Ok(Outcome { output: output(&result, max_tokens), value: json!(result), success: !result.is_error })
    }
}

/// Returns a result as output for the model: its content parts or, if there are none, its structured content. Text is
/// cut to `max_tokens` in total.
fn output(result: &McpToolResult, max_tokens: usize) -> Value {
    let mut left = max_tokens;
    match &result.structured_content {
        _ if !result.content.is_empty() => result.content.iter().map(|content| part(content, &mut left)).collect(),
        Some(value) => excerpt(&value.to_string(), &mut left).into(),
        None => "".into(),
    }
}

/// Returns a part of a result as a content part for the model.
fn part(content: &Value, left: &mut usize) -> Value {
    match (content["type"].as_str(), content["text"].as_str()) {
        (Some("text"), Some(text)) => json!({"type": "input_text", "text": excerpt(text, left)}),
        (Some("image"), _) => match image_url(content) {
            Some(url) => json!({"type": "input_image", "image_url": url}),
            None => {
                let note = format!("[an image that cannot be shown: its type is {}]", content["mimeType"]);
                json!({"type": "input_text", "text": excerpt(&note, left)})
            }
        },
        _ => json!({"type": "input_text", "text": excerpt(&content.to_string(), left)}),
    }
}

/// Returns the URL of an image, or `None` if a provider would refuse it, and with it every further request.
fn image_url(content: &Value) -> Option<String> {
    let kind = content["mimeType"].as_str().unwrap_or("image/png");
    let data = content["data"].as_str()?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let is_valid = IMAGE_TYPES.contains(&kind) && !data.is_empty() && data.bytes().all(is_base64);
    is_valid.then(|| format!("data:{kind};base64,{data}"))
}

/// Returns an excerpt of at most `left` tokens, and reduces `left` by the length of the text.
fn excerpt(text: &str, left: &mut usize) -> String {
    let whole = HeadTail::of(text);
    let excerpt = whole.excerpt(*left);
    *left = left.saturating_sub(whole.token_count());
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_names_are_valid_for_providers() {
        assert_eq!(tool_name("files", "read-all_1"), "mcp__files__read-all_1");
        assert_eq!(tool_name("my server", "files.read é"), "mcp__my_server__files_read__");
        let names = ["a", "b"].map(|end| tool_name("server", &format!("{}{end}", "x".repeat(100))));
        assert!(names[0] != names[1] && names.iter().all(|name| name.len() == NAME_CHARS), "{names:?}");
        assert!(names[0].starts_with("mcp__server__xxx"), "{names:?}");
    }

    #[test]
    fn the_output_of_a_result() {
        let result = |content: Vec<Value>, structured_content| {
            output(&McpToolResult { content, structured_content, is_error: false, meta: None }, 5)
        };
        let parts = vec![json!({"type": "text", "text": "3"})];
        assert_eq!(result(parts, Some(json!({"sum": 3}))), json!([{"type": "input_text", "text": "3"}]));
        assert_eq!(result(Vec::new(), Some(json!({"sum": 3}))), json!(r#"{"sum":3}"#));
        assert_eq!(result(Vec::new(), None), json!(""));

        // A long result is cut.
        let texts = ["x".repeat(12), "y".repeat(12), "z".repeat(12)];
        let parts = texts.map(|text| json!({"type": "text", "text": text}));
        let output = result(parts.to_vec(), None);
        let texts: Vec<_> = output.as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["xxxxxxxxxxxx", "yyyy…1 tokens truncated…yyyy", "…3 tokens truncated…"]);
        let image = json!({"type": "image", "mimeType": "image/png", "data": "A".repeat(100)});
        assert_eq!(result(vec![image], None)[0]["image_url"].as_str().unwrap().len(), 100 + 22);
    }

    #[test]
    fn parts_that_no_provider_accepts_become_text() {
        let said = |content: Value| part(&content, &mut 1000)["text"].as_str().unwrap().to_owned();
        assert_eq!(said(json!({"type": "video", "data": "AA"})), r#"{"data":"AA","type":"video"}"#);
        assert_eq!(said(json!({"type": "text", "text": 1})), r#"{"text":1,"type":"text"}"#);
        assert_eq!(said(json!({"a": 1})), r#"{"a":1}"#);
        let image = |kind: Value, data: Value| said(json!({"type": "image", "mimeType": kind, "data": data}));
        let note = "[an image that cannot be shown: its type is \"image/png\"]";
        for data in [json!("not base64!"), json!(""), Value::Null] {
            assert_eq!(image(json!("image/png"), data), note);
        }
        assert_eq!(image(json!("image/tiff"), json!("AAAA")), note.replace("png", "tiff"));
    }
}
