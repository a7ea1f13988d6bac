//! Calls of tools and their results.

use std::collections::{HashMap, HashSet};

use rollout_trace_schema::{ExecutionStatus, ResponsesItemId, ThreadId, ToolCallId, ToolKind};
use serde_json::{Value, json};

use super::{
    block::{result_text, tool_kind},
    thread::Thread,
};
use crate::{draft::At, object::Object, writer::Called};

/// A call that the model made.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) kind: ToolKind,
    pub(super) input: Value,
    pub(super) started: At,
    is_ended: bool,
}

/// What is remembered about calls and items.
#[derive(Debug, Default)]
pub(super) struct Tools {
    calls: HashMap<String, Tool>,
    /// The calls whose agent has started.
    started: HashSet<String>,
    /// How many blocks of each answer were read.
    blocks: HashMap<String, usize>,
    accepted: HashSet<ResponsesItemId>,
}

impl Tools {
    /// Counts the blocks of a line of an answer. Returns how many blocks of the answer came before.
    pub(super) fn blocks_of(&mut self, message_id: &str, blocks: usize) -> usize {
        let count = self.blocks.entry(message_id.to_owned()).or_default();
        *count += blocks;
        *count - blocks
    }

    /// Returns whether an item was not accepted before.
    pub(super) fn accept_once(&mut self, id: &ResponsesItemId) -> bool {
        self.accepted.insert(id.clone())
    }
}

impl Thread {
    pub(super) fn tool_is_called(&mut self, at: &At, called: &Called) {
        let kind = tool_kind(&called.name);
        let input: Value = serde_json::from_str(&called.arguments).unwrap_or_default();
        let tool = Tool { kind: kind.clone(), input, started: at.clone(), is_ended: false };
        self.tools.calls.insert(called.id.clone(), tool);
        self.writer.function_called(at, called, kind);
        if let Some((child, path)) = self.children.get(&called.id).cloned() {
            self.agent_starts(at, &called.id, &child, &path);
        }
    }

    /// Writes that a call started an agent.
    pub(super) fn agent_starts(&mut self, at: &At, call_id: &str, child: &ThreadId, path: &str) {
        if !self.tools.started.insert(call_id.to_owned()) {
            return;
        }
        self.children.insert(call_id.to_owned(), (child.clone(), path.to_owned()));
        let turn = self.tools.calls.get(call_id).and_then(|tool| tool.started.turn.clone());
        self.writer.agent_started(&At { turn, ..at.clone() }, call_id, (child, path));
    }

    /// Returns the id of the newest call that started an agent with this prompt, with its description and role.
    pub(super) fn call_with_prompt(&self, prompt: &str) -> Option<(String, Option<String>, Option<String>)> {
        let text = |tool: &Tool, name: &str| tool.input.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_of = |(id, tool): &(&String, &Tool)| {
            tool.kind == ToolKind::SpawnAgent
                && !self.tools.started.contains(*id)
                && tool.input.get("prompt").and_then(Value::as_str) == Some(prompt)
        };
        let found =
            self.tools.calls.iter().filter(is_of).min_by_key(|(id, tool)| (tool.started.place.line, (*id).clone()));
        found.map(|(id, tool)| (id.clone(), text(tool, "description"), text(tool, "subagent_type")))
    }

    /// Reads the results on a user's line.
    pub(super) fn read_results(&mut self, at: &At, record: &Object<'_>) {
        let Some(entry) = self.chain.entries().last().cloned() else { return };
        let recorded: Option<Value> = record.read("toolUseResult");
        for (block, raw) in entry.blocks.iter().zip(&entry.raw) {
            let Some(call_id) = &block.answers else { continue };
            let Some(tool) = self.tools.calls.get_mut(call_id).filter(|tool| !tool.is_ended) else { continue };
            tool.is_ended = true;
            let tool = tool.clone();
            let is_error = Object::of(raw).is_some_and(|block| block.flag("is_error"));
            let is_denied = record.get("toolDenialKind").is_some();
            let was_interrupted =
                recorded.as_ref().is_some_and(|result| result.get("interrupted") == Some(&Value::from(true)));
            let status = match (is_denied || was_interrupted, is_error) {
                (true, _) => ExecutionStatus::Cancelled,
                (false, true) => ExecutionStatus::Failed,
                (false, false) => ExecutionStatus::Completed,
            };
            let at = At { turn: tool.started.turn.clone(), ..at.clone() };
            let agent = recorded.as_ref().and_then(|result| result.get("agentId")?.as_str()).map(ThreadId::from);
            if let Some((agent, path)) = agent.and_then(|agent| self.uncalled.remove_entry(&agent)) {
                self.agent_starts(&at, call_id, &agent, &path);
            }
            let text = result_text(raw);
            if tool.kind == ToolKind::ExecCommand && !is_denied {
                self.command_ran(&at, call_id, &tool, (is_error, &text), recorded.as_ref());
            }
            let mut result = json!({"type": "direct_response", "response_item": *block.item.json});
            if let Some(recorded) = &recorded {
                result["tool_use_result"] = recorded.clone();
            }
            self.writer.tool_ended(&at, &ToolCallId::from(call_id.as_str()), status, Some(&result));
            let is_answer = recorded.as_ref().and_then(|result| result.get("isAsync")) != Some(&Value::from(true));
            if let Some((child, _)) = self.children.get(call_id).cloned().filter(|_| is_answer && !is_error) {
                self.writer.agent_answered(&at, &child, &text, &block.item.id);
            }
        }
    }
}
