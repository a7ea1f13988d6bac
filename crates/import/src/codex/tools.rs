//! Calls of tools and their outputs.

use std::collections::HashMap;

use rollout_trace_schema::{ExecutionStatus, ToolCallId, ToolKind};
use serde_json::{Value, json, value::RawValue};

use super::{
    command::{Told, told},
    reader::Reader,
};
use crate::{
    draft::At,
    object::Object,
    writer::{Call, Item},
};

/// A call that the model made.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) kind: ToolKind,
    pub(super) arguments: String,
    /// Whether the program's own record of the run was seen.
    pub(super) has_run: bool,
    is_ended: bool,
}

/// The calls of a thread, by their ids.
#[derive(Debug, Default)]
pub(super) struct Tools {
    calls: HashMap<String, Tool>,
    /// Runs whose begin was seen, but not their end.
    pub(super) running: HashMap<String, At>,
}

impl Tools {
    pub(super) fn get(&mut self, id: &str) -> Option<&mut Tool> {
        self.calls.get_mut(id)
    }
}

impl Reader {
    /// Writes that the model called a tool, if the item is a call that a tool answers.
    pub(super) fn tool_is_called(&mut self, at: &At, kind: &str, item: &Object<'_>) {
        let Some(call_id) = item.text("call_id").filter(|_| kind.ends_with("_call")) else { return };
        let name = item.text("name").unwrap_or_else(|| kind.strip_suffix("_call").unwrap_or(kind).to_owned());
        let (input, payload) = match kind {
            "custom_tool_call" => {
                let input = item.text("input").unwrap_or_default();
                let payload = json!({"type": "custom", "input": input});
                (input, payload)
            }
            "local_shell_call" => {
                let action: Value = item.read("action").unwrap_or_default();
                let mut payload = action.clone();
                if let Some(payload) = payload.as_object_mut() {
                    payload.insert("type".to_owned(), Value::from("local_shell"));
                }
                (action.to_string(), payload)
            }
            _ => {
                let arguments = item.text("arguments").or_else(|| Some(item.get("arguments")?.get().to_owned()));
                let arguments = arguments.unwrap_or_default();
                let payload = json!({"type": "function", "arguments": arguments});
                (arguments, payload)
            }
        };
        let tool_kind = ToolKind::from_tool_name(&name);
        let tool = Tool { kind: tool_kind.clone(), arguments: input.clone(), has_run: false, is_ended: false };
        self.tools.calls.insert(call_id.clone(), tool);
        let invocation = json!({"tool_name": name, "tool_namespace": item.text("namespace"), "payload": payload});
        let call = Call {
            tool: ToolCallId::from(call_id.as_str()),
            call_id: Some(&call_id),
            cell: None,
            kind: tool_kind,
            name: &name,
            input: &input,
            invocation: Some(invocation),
        };
        self.writer.tool_started(at, call);
        if kind == "custom_tool_call" && name == "exec" {
            self.cell_starts(at, &call_id, &input);
        }
    }

    /// Writes that a tool answered a call, if the item is an output.
    pub(super) fn tool_answers(&mut self, at: &At, kind: &str, item: &Object<'_>, output: &Item) {
        let Some(call_id) = item.text("call_id").filter(|_| kind.ends_with("_output")) else { return };
        let text = output_text(item.get("output"));
        self.cell_answers(at, &call_id, &text);
        let is_recorded = self.header.is_paginated;
        let Some(tool) = self.tools.calls.get_mut(&call_id).filter(|tool| !tool.is_ended) else { return };
        tool.is_ended = true;
        let tool_id = ToolCallId::from(call_id.as_str());
        if tool.kind == ToolKind::ExecCommand && !tool.has_run && !is_recorded {
            let arguments = tool.arguments.clone();
            self.command_is_told(at, &tool_id, &arguments, &text);
        }
        let result = json!({"type": "direct_response", "response_item": *output.json});
        self.writer.tool_ended(at, &tool_id, ExecutionStatus::Completed, Some(&result));
    }

    /// Writes the run of a command of which the file has nothing but what the model was told.
    fn command_is_told(&mut self, at: &At, tool: &ToolCallId, arguments: &str, text: &str) {
        let (Some(command), Some(Told { output, exit_code, process_id, seconds })) =
            (command_of(arguments), told(text))
        else {
            return;
        };
        let arguments = serde_json::from_str::<Value>(arguments).unwrap_or_default();
        let cwd = arguments.get("workdir").or_else(|| self.header.metadata.get("cwd")).cloned();
        let cwd = cwd.unwrap_or_else(|| Value::from(""));
        let took = (seconds.unwrap_or(0.0).clamp(0.0, 1e9) * 1000.0) as i64;
        let at = at.reconstructed();
        let begin = json!({
            "call_id": tool, "turn_id": at.turn, "command": command, "cwd": cwd, "process_id": process_id,
            "from": "model_output",
        });
        self.writer.runtime_started(&at.at(at.time - took), tool, ToolKind::ExecCommand, &begin);
        if process_id.is_some() && exit_code.is_none() {
            return;
        }
        let end = json!({
            "call_id": tool, "turn_id": at.turn, "command": command, "cwd": cwd, "process_id": process_id,
            "aggregated_output": output, "exit_code": exit_code, "from": "model_output",
        });
        self.writer.runtime_ended(&at, tool, ExecutionStatus::Completed, &end);
    }
}

/// Returns the command line that a call asks for.
fn command_of(arguments: &str) -> Option<Vec<String>> {
    let arguments: Value = serde_json::from_str(arguments).ok()?;
    match arguments.get("command") {
        Some(Value::Array(parts)) => parts.iter().map(|part| part.as_str().map(str::to_owned)).collect(),
        command => {
            let line = command.or_else(|| arguments.get("cmd"))?.as_str()?;
            let shell = arguments.get("shell").and_then(Value::as_str).unwrap_or("/bin/bash");
            let is_login = arguments.get("login").and_then(Value::as_bool).unwrap_or(true);
            Some(vec![shell.to_owned(), if is_login { "-lc" } else { "-c" }.to_owned(), line.to_owned()])
        }
    }
}

/// Returns the text of an output, of its text parts if it has parts.
fn output_text(output: Option<&RawValue>) -> String {
    match output.and_then(|output| serde_json::from_str::<Value>(output.get()).ok()) {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}
