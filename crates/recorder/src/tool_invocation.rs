//! Tool calls in the form in which an agent core dispatches them.

use rollout_trace_schema::{
    CodeModeRuntimeToolId, CodexTurnId, ModelVisibleCallId, RuntimeCellId, ToolCallId, ToolKind, ToolRequester,
    ToolSummary,
};
use serde::Serialize;
use serde_json::Value;

/// One tool call that the agent core dispatches.
///
/// ```
/// use rollout_trace_recorder::{ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester, ToolKind};
///
/// // The model calls a tool by the call's id in the conversation.
/// let arguments = ToolDispatchPayload::function(r#"{"cmd":"ls"}"#);
/// let call = ToolDispatchInvocation::new("turn-1", "call_1", "exec_command", arguments);
///
/// // A code cell calls a tool of an MCP server.
/// let kind = ToolKind::Mcp { server: "echo".to_owned(), tool: "echo".to_owned() };
/// let call = ToolDispatchInvocation::new("turn-1", "call_2", "echo", ToolDispatchPayload::function("{}"))
///     .kind(kind)
///     .requested_by(ToolDispatchRequester::code_cell("1", "tool-1"));
/// assert_eq!(call.tool_name, "echo");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolDispatchInvocation {
    /// The turn in which the tool is called.
    pub codex_turn_id: CodexTurnId,
    /// The call's id, unique in its rollout.
    pub tool_call_id: ToolCallId,
    /// The tool's name.
    pub tool_name: String,
    /// The namespace that the tool belongs to.
    pub tool_namespace: Option<String>,
    /// The kind of the tool, if its name does not show it, as for a tool of an MCP server.
    pub kind: Option<ToolKind>,
    /// Who asks for the call.
    pub requester: ToolDispatchRequester,
    /// The arguments.
    pub payload: ToolDispatchPayload,
}

/// Who asks for a tool call.
#[derive(Clone, Debug)]
pub enum ToolDispatchRequester {
    /// The model, by a call in the conversation.
    Model {
        /// The id of that call.
        model_visible_call_id: ModelVisibleCallId,
    },
    /// A code cell, while it runs.
    CodeCell {
        /// The cell.
        runtime_cell_id: RuntimeCellId,
        /// The call's id in the script runtime.
        runtime_tool_call_id: CodeModeRuntimeToolId,
    },
}

/// A tool's arguments, in the form in which they are passed.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolDispatchPayload {
    /// JSON arguments.
    Function {
        /// The arguments as JSON text.
        arguments: String,
    },
    /// Free text.
    Custom {
        /// The text.
        input: String,
    },
    /// A search for tools.
    ToolSearch {
        /// What to search for.
        arguments: Value,
    },
    /// A command for the local shell.
    LocalShell {
        /// The command and its arguments.
        command: Vec<String>,
        /// The folder in which it is to run.
        #[serde(skip_serializing_if = "Option::is_none")]
        workdir: Option<String>,
        /// How long it may run, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
}

/// The invocation's payload document.
#[derive(Serialize)]
pub(crate) struct InvocationDocument<'i> {
    tool_name: &'i str,
    tool_namespace: Option<&'i str>,
    payload: &'i ToolDispatchPayload,
}

/// How many characters of the arguments a summary shows.
const PREVIEW_CHARS: usize = 160;

impl ToolDispatchInvocation {
    /// Makes the invocation of a tool by the model, whose call in the conversation has the id of the tool call.
    pub fn new(
        codex_turn_id: impl Into<CodexTurnId>,
        tool_call_id: impl Into<ToolCallId>,
        tool_name: impl Into<String>,
        payload: ToolDispatchPayload,
    ) -> Self {
        let tool_call_id = tool_call_id.into();
        Self {
            codex_turn_id: codex_turn_id.into(),
            requester: ToolDispatchRequester::model(tool_call_id.as_str()),
            tool_call_id,
            tool_name: tool_name.into(),
            tool_namespace: None,
            kind: None,
            payload,
        }
    }

    /// Sets who asks for the call.
    #[must_use]
    pub fn requested_by(mut self, requester: ToolDispatchRequester) -> Self {
        self.requester = requester;
        self
    }

    /// Sets the namespace that the tool belongs to.
    #[must_use]
    pub fn tool_namespace(mut self, tool_namespace: impl Into<String>) -> Self {
        self.tool_namespace = Some(tool_namespace.into());
        self
    }

    /// Sets the kind of the tool, if its name does not show it.
    #[must_use]
    pub fn kind(mut self, kind: ToolKind) -> Self {
        self.kind = Some(kind);
        self
    }

    pub(crate) fn document(&self) -> InvocationDocument<'_> {
        InvocationDocument {
            tool_name: &self.tool_name,
            tool_namespace: self.tool_namespace.as_deref(),
            payload: &self.payload,
        }
    }

    /// Returns the kind that was set, or else the kind by the tool's name.
    pub(crate) fn known_kind(&self) -> ToolKind {
        self.kind.clone().unwrap_or_else(|| ToolKind::from_tool_name(&self.tool_name))
    }

    /// Returns a short description of the call. `redacted` gets the arguments before they are cut off, because half a
    /// secret is not recognized as one.
    pub(crate) fn summary(&self, redacted: impl Fn(&str) -> Option<String>) -> ToolSummary {
        let preview = |text: &str| preview(redacted(text).as_deref().unwrap_or(text));
        let label = match &self.tool_namespace {
            Some(namespace) => format!("{namespace}.{}", self.tool_name),
            None => self.tool_name.clone(),
        };
        let input_preview = Some(match &self.payload {
            ToolDispatchPayload::Function { arguments } => preview(arguments),
            ToolDispatchPayload::Custom { input } => preview(input),
            ToolDispatchPayload::ToolSearch { arguments } => preview(&arguments.to_string()),
            ToolDispatchPayload::LocalShell { command, .. } => preview(&command.join(" ")),
        });
        ToolSummary::Generic { label, input_preview, output_preview: None }
    }
}

impl ToolDispatchPayload {
    /// Makes the payload of a call with JSON arguments, given as their text.
    pub fn function(arguments: impl Into<String>) -> Self {
        Self::Function { arguments: arguments.into() }
    }

    /// Makes the payload of a call with free text.
    pub fn custom(input: impl Into<String>) -> Self {
        Self::Custom { input: input.into() }
    }
}

impl ToolDispatchRequester {
    /// Returns the model as the requester, by its call in the conversation.
    pub fn model(model_visible_call_id: impl Into<ModelVisibleCallId>) -> Self {
        Self::Model { model_visible_call_id: model_visible_call_id.into() }
    }

    /// Returns a code cell as the requester, by its call in the script runtime.
    pub fn code_cell(
        runtime_cell_id: impl Into<RuntimeCellId>,
        runtime_tool_call_id: impl Into<CodeModeRuntimeToolId>,
    ) -> Self {
        Self::CodeCell { runtime_cell_id: runtime_cell_id.into(), runtime_tool_call_id: runtime_tool_call_id.into() }
    }

    pub(crate) fn requester(&self) -> ToolRequester {
        match self {
            Self::Model { .. } => ToolRequester::Model,
            Self::CodeCell { runtime_cell_id, .. } => {
                ToolRequester::CodeCell { runtime_cell_id: runtime_cell_id.clone() }
            }
        }
    }

    pub(crate) fn ids(&self) -> (Option<ModelVisibleCallId>, Option<CodeModeRuntimeToolId>) {
        match self {
            Self::Model { model_visible_call_id } => (Some(model_visible_call_id.clone()), None),
            Self::CodeCell { runtime_tool_call_id, .. } => (None, Some(runtime_tool_call_id.clone())),
        }
    }
}

/// Returns the beginning of a text, followed by dots if the text is longer.
fn preview(text: &str) -> String {
    match text.char_indices().nth(PREVIEW_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_cut_between_characters() {
        assert_eq!(preview(&"ä".repeat(160)), "ä".repeat(160));
        assert_eq!(preview(&"ä".repeat(161)), "ä".repeat(160) + "...");
    }
}
