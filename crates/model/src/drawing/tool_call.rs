//! Draws a tool call.

use std::fmt;

use rollout_trace_schema::{ToolCallId, ToolKind, ToolSummary};

use crate::{EvidenceGrade, ItemId, Requester, ToolCall};

use super::{
    canvas::Canvas,
    painter::{ACTION, BOLD},
};

impl Canvas<'_, '_> {
    pub(super) fn only_tool_call(&mut self, id: &ToolCallId) -> fmt::Result {
        match self.graph.tool_calls.get(id) {
            Some(tool) => self.tool_call(0, tool),
            None => self.line(0, format!("no tool call {}", self.preview(id))),
        }
    }

    pub(super) fn tool_call(&mut self, depth: usize, tool: &ToolCall) -> fmt::Result {
        let name = self.name(&tool.tool_call_id);
        let mut head =
            self.painter.paint(ACTION, "▸") + " " + self.painter.paint(BOLD, name) + " · " + self.kind(&tool.kind);
        head += self.summary(tool);
        if let Some(id) = &tool.mcp_call_id {
            head += format_args!(" · {}", self.name(id));
        }
        if let Requester::CodeCell { code_cell_id } = &tool.requester
            && !self.graph.code_cells.contains_key(code_cell_id)
        {
            head += format_args!(" · asked for by {}", self.name(&code_cell_id.0));
        }
        for cell in self.places.cells_waited_for.get(&tool.tool_call_id).into_iter().flatten() {
            head += format_args!(" · waits for {}", self.name(&cell.code_cell_id.0));
        }
        let time = self.time(&tool.execution);
        // Only the conversation shows when the call began and ended.
        let is_bound = tool.evidence == Some(EvidenceGrade::Conversation) && !tool.execution.is_running();
        let bound = if is_bound && !time.is_empty() { " at most" } else { "" };
        head = head + time + bound + " · " + self.painter.status(&tool.execution.status);
        self.line(depth, head + self.answers(&tool.model_visible_output_item_ids))?;
        self.losses_of(depth + 1, &tool.tool_call_id)?;

        let operation = tool.terminal_operation_id.and_then(|id| self.graph.terminal_operations.get(&id));
        if let Some(operation) = operation {
            self.terminal_operation(depth + 1, operation)?;
        }
        let edges = self.places.edges_of_tool.get(&tool.tool_call_id).cloned().unwrap_or_default();
        edges.into_iter().try_for_each(|edge| self.edge(depth + 1, edge))?;
        let cells = self.places.cells_of_tool.get(&tool.tool_call_id).cloned().unwrap_or_default();
        cells.into_iter().try_for_each(|cell| self.code_cell(depth + 1, cell))
    }

    /// Returns the items in which the model saw the answers, with an arrow.
    pub(super) fn answers(&self, items: &[ItemId]) -> String {
        if items.is_empty() { String::new() } else { format!(" → {}", self.numbers(items)) }
    }

    fn kind(&self, kind: &ToolKind) -> String {
        match kind {
            ToolKind::ExecCommand => "exec_command".to_owned(),
            ToolKind::WriteStdin => "write_stdin".to_owned(),
            ToolKind::ApplyPatch => "apply_patch".to_owned(),
            ToolKind::Mcp { server, tool } => format!("mcp {server}.{tool}"),
            ToolKind::Web => "web".to_owned(),
            ToolKind::ImageGeneration => "image_generation".to_owned(),
            ToolKind::SpawnAgent => "spawn_agent".to_owned(),
            ToolKind::AssignAgentTask => "assign_agent_task".to_owned(),
            ToolKind::SendMessage => "send_message".to_owned(),
            ToolKind::WaitAgent => "wait_agent".to_owned(),
            ToolKind::CloseAgent => "close_agent".to_owned(),
            ToolKind::Other { name } => self.preview(name),
            ToolKind::Unknown(fields) => self.unknown(fields),
            other => self.preview(&format!("{other:?}")),
        }
    }

    fn unknown(&self, fields: &serde_json::Map<String, serde_json::Value>) -> String {
        let text = serde_json::to_string(fields).expect("a JSON object has only string keys");
        self.preview(&text)
    }

    /// Returns the part of the summary that the kind, the call item and the operation do not show.
    fn summary(&self, tool: &ToolCall) -> String {
        match &tool.summary {
            ToolSummary::Terminal { .. } => String::new(),
            ToolSummary::Agent { target_agent_path, message_preview, .. } => {
                format!(" to {target_agent_path} \"{}\"", self.preview(message_preview))
            }
            ToolSummary::WaitAgent { target_agent_path: Some(path), .. } => format!(" for {path}"),
            ToolSummary::WaitAgent { target_agent_path: None, .. } => String::new(),
            ToolSummary::Generic { label, input_preview, output_preview } => {
                let mut text = String::new();
                if *label != self.kind(&tool.kind) && !matches!(tool.kind, ToolKind::Mcp { .. }) {
                    text += &format!(" ({})", self.preview(label));
                }
                let input = input_preview.as_ref().filter(|_| tool.model_visible_call_item_ids.is_empty());
                input.iter().for_each(|input| text += &format!(" {}", self.preview(input)));
                let output = output_preview.as_ref().filter(|_| tool.model_visible_output_item_ids.is_empty());
                output.iter().for_each(|output| text += &format!(" gave \"{}\"", self.preview(output)));
                text
            }
            ToolSummary::Unknown(fields) => format!(" {}", self.unknown(fields)),
            other => self.preview(&format!(" {other:?}")),
        }
    }
}
