//! Terminal sessions, their operations, and what the model saw of them.

use rollout_trace_schema::{RawPayloadId, Seq, ThreadId, ToolCallId, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Execution, ItemId, OperationId, TerminalId};

/// One process with a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalSession {
    /// The id of the session.
    pub terminal_id: TerminalId,
    /// The thread that opened the session.
    pub thread_id: ThreadId,
    /// The operation that opened the session.
    pub created_by_operation_id: OperationId,
    /// The operations of the session, in order.
    pub operation_ids: Vec<OperationId>,
    /// When the session started. As in the official state it never ends; see `exited_at_unix_ms`.
    pub execution: Execution,
    /// The process id of the session. *Ours.*
    #[serde(default)]
    pub process_id: Option<String>,
    /// When the exit of the process was observed. *Ours.*
    #[serde(default)]
    pub exited_at_unix_ms: Option<UnixMillis>,
    /// The event that shows this. *Ours.*
    #[serde(default)]
    pub exited_seq: Option<Seq>,
    /// The exit code. *Ours.*
    #[serde(default)]
    pub exit_code: Option<i64>,
}

/// The start of a command, or a write to a running command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalOperation {
    /// The id of the operation.
    pub operation_id: OperationId,
    /// The session of the operation.
    pub terminal_id: Option<TerminalId>,
    /// The tool call of the operation.
    pub tool_call_id: ToolCallId,
    /// The kind of the operation.
    pub kind: OperationKind,
    /// When the operation ran.
    pub execution: Execution,
    /// The request.
    pub request: TerminalRequest,
    /// The result.
    pub result: Option<TerminalResult>,
    /// Where the model saw the operation.
    pub model_observations: Vec<ModelObservation>,
    /// The payloads that show the operation.
    pub raw_payload_ids: Vec<RawPayloadId>,
    /// Other process ids that later evidence named, in contradiction to the first. *Ours.*
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_process_ids: Vec<String>,
}

/// The kind of a terminal operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// The start of a command.
    ExecCommand,
    /// A write to a running command.
    WriteStdin,
}

/// The request of a terminal operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalRequest {
    /// Starts a command.
    ExecCommand {
        /// The command and its arguments.
        command: Vec<String>,
        /// The command and its arguments, joined by blanks.
        display_command: String,
        /// The working directory.
        cwd: String,
        /// Always null.
        yield_time_ms: Option<i64>,
        /// Always null.
        max_output_tokens: Option<i64>,
    },
    /// Writes to a running command.
    WriteStdin {
        /// The text to write.
        stdin: String,
        /// How long to wait for output.
        yield_time_ms: Option<i64>,
        /// The most output to return, in tokens.
        max_output_tokens: Option<i64>,
    },
}

/// The result of a terminal operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalResult {
    /// The exit code, if the process ended.
    pub exit_code: Option<i64>,
    /// The standard output.
    pub stdout: String,
    /// The standard error, if it is separate.
    pub stderr: String,
    /// The output as it was formatted for the model.
    pub formatted_output: Option<String>,
    /// The number of tokens in the output before it was cut.
    pub original_token_count: Option<i64>,
    /// The id of the piece of output.
    pub chunk_id: Option<String>,
}

/// The items in which the model saw an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelObservation {
    /// The items of the call.
    pub call_item_ids: Vec<ItemId>,
    /// The items of the output.
    pub output_item_ids: Vec<ItemId>,
    /// How the model saw the operation.
    pub source: ObservationSource,
}

/// How the model saw an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservationSource {
    /// The model called the tool itself.
    DirectToolCall,
    /// A code cell called the tool and showed its output.
    CodeCellOutput,
}
