//! What an event says about a tool call before it is interpreted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AgentPath, RuntimeCellId};

/// Who asked for a tool call.
// Source: bundle 1, section 5.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolRequester {
    /// The model, by a call in the conversation.
    Model,
    /// A code cell, while it ran.
    CodeCell {
        /// The cell, by its id in the runtime of the event's thread.
        runtime_cell_id: RuntimeCellId,
    },
    /// A requester that this version does not know, as it was written.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}

/// The kind of a tool, taken from its name when the call was recorded.
// Source: bundle 1, section 5.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolKind {
    /// Starts a command.
    ExecCommand,
    /// Writes to a command that runs.
    WriteStdin,
    /// Edits files.
    ApplyPatch,
    /// A tool of an MCP server.
    Mcp {
        /// The server's name.
        server: String,
        /// The tool's name on that server.
        tool: String,
    },
    /// Searches the web.
    Web,
    /// Makes or inspects images.
    ImageGeneration,
    /// Starts a child agent.
    SpawnAgent,
    /// Gives an agent another task.
    AssignAgentTask,
    /// Sends a message to an agent.
    SendMessage,
    /// Waits for an agent.
    WaitAgent,
    /// Stops an agent.
    CloseAgent,
    /// Any other tool.
    Other {
        /// The tool's name.
        name: String,
    },
    /// A kind that this version does not know, as it was written.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}

impl ToolKind {
    /// Returns the kind of a tool by its name, as producers determine it.
    ///
    /// Source: bundle 1, section 5.6.
    ///
    /// The name of a tool of an MCP server does not show that it is one; its kind is [`ToolKind::Mcp`].
    pub fn from_tool_name(name: &str) -> Self {
        match name {
            "exec_command" | "local_shell" | "shell" | "shell_command" => Self::ExecCommand,
            "write_stdin" => Self::WriteStdin,
            "apply_patch" => Self::ApplyPatch,
            "web_search" | "web_search_preview" => Self::Web,
            "image_generation" | "image_query" => Self::ImageGeneration,
            "spawn_agent" => Self::SpawnAgent,
            "followup_task" | "assign_task" => Self::AssignAgentTask,
            "send_message" => Self::SendMessage,
            "wait_agent" => Self::WaitAgent,
            "close_agent" | "interrupt_agent" => Self::CloseAgent,
            _ => Self::Other { name: name.to_owned() },
        }
    }

    /// Returns the kind of a tool of any agent by the name under which a model calls it.
    ///
    /// Source: wires, section 6.2.
    pub fn from_any_tool_name(name: &str) -> Self {
        if let Some((server, tool)) = name.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")) {
            return Self::Mcp { server: server.to_owned(), tool: tool.to_owned() };
        }
        match name {
            "Bash"
            | "bash"
            | "PowerShell"
            | "run_shell_command"
            | "run_command"
            | "execute_command"
            | "bash_code_execution" => Self::ExecCommand,
            "Edit"
            | "Write"
            | "MultiEdit"
            | "NotebookEdit"
            | "edit"
            | "write"
            | "multiedit"
            | "patch"
            | "replace"
            | "write_file"
            | "edit_file"
            | "text_editor_code_execution"
            | "str_replace_based_edit_tool" => Self::ApplyPatch,
            "WebSearch" | "WebFetch" | "web_fetch" | "webfetch" | "websearch" | "google_web_search" => Self::Web,
            "Task" | "Agent" | "task" | "agent" | "delegate_to_agent" | "invoke_agent" => Self::SpawnAgent,
            "SendMessage" => Self::SendMessage,
            _ => Self::from_tool_name(name),
        }
    }
}

/// A short description of a tool call, bounded in size, for lists.
// Source: bundle 1, section 5.5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolSummary {
    /// The details are in a terminal operation.
    Terminal {
        /// The operation's id.
        operation_id: String,
    },
    /// A message to another agent.
    Agent {
        /// The agent that it is for.
        target_agent_path: AgentPath,
        /// The task's name, if it has one.
        #[serde(default)]
        task_name: Option<String>,
        /// How the message begins.
        message_preview: String,
    },
    /// A wait for another agent.
    WaitAgent {
        /// The agent that is waited for. It is absent if any agent will do.
        #[serde(default)]
        target_agent_path: Option<AgentPath>,
        /// The longest wait, in milliseconds.
        #[serde(default)]
        timeout_ms: Option<i64>,
    },
    /// Anything else.
    Generic {
        /// The tool's name, with its namespace if it has one.
        label: String,
        /// How the arguments begin.
        #[serde(default)]
        input_preview: Option<String>,
        /// How the result begins.
        #[serde(default)]
        output_preview: Option<String>,
    },
    /// A summary that this version does not know, as it was written.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}
