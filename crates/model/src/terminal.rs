//! Terminals: what ran in them and what the model saw of it.

use rollout_trace_schema::{RawPayloadId, Seq, ThreadId, ToolCallId, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Execution, ItemId, OperationId, TerminalId};

/// One process with a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalSession {
    /// The session.
    pub terminal_id: TerminalId,
    /// The thread that opened it.
    pub thread_id: ThreadId,
    /// The operation that opened it.
    pub created_by_operation_id: OperationId,
    /// Its operations, in order.
    pub operation_ids: Vec<OperationId>,
    /// When it began. Never ends, as in the official state; see `exited_at_unix_ms`.
    pub execution: Execution,
    /// The process id that it was known by. *Ours.*
    #[serde(default)]
    pub process_id: Option<String>,
    /// When its process was seen to have exited. *Ours.*
    #[serde(default)]
    pub exited_at_unix_ms: Option<UnixMillis>,
    /// The event that shows this. *Ours.*
    #[serde(default)]
    pub exited_seq: Option<Seq>,
    /// The exit code seen then. *Ours.*
    #[serde(default)]
    pub exit_code: Option<i64>,
}

/// One command started, or one write to a command that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalOperation {
    /// The operation.
    pub operation_id: OperationId,
    /// The session that it happened in.
    pub terminal_id: Option<TerminalId>,
    /// The tool call that it was.
    pub tool_call_id: ToolCallId,
    /// Which of the two.
    pub kind: OperationKind,
    /// When it ran.
    pub execution: Execution,
    /// What was asked for.
    pub request: TerminalRequest,
    /// What came of it.
    pub result: Option<TerminalResult>,
    /// Where the model saw it.
    pub model_observations: Vec<ModelObservation>,
    /// The documents that show it.
    pub raw_payload_ids: Vec<RawPayloadId>,
    /// Process ids that later evidence named in contradiction to the first. *Ours.*
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_process_ids: Vec<String>,
}

/// What an operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// It started a command.
    ExecCommand,
    /// It wrote to a command that runs.
    WriteStdin,
}

/// What an operation was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalRequest {
    /// To start a command.
    ExecCommand {
        /// The command and its arguments.
        command: Vec<String>,
        /// The same, joined by blanks.
        display_command: String,
        /// The working directory.
        cwd: String,
        /// Always null.
        yield_time_ms: Option<i64>,
        /// Always null.
        max_output_tokens: Option<i64>,
    },
    /// To write to a command that runs.
    WriteStdin {
        /// What to write.
        stdin: String,
        /// How long to wait for output.
        yield_time_ms: Option<i64>,
        /// How much output to give.
        max_output_tokens: Option<i64>,
    },
}

/// What came of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalResult {
    /// The exit code, if the process ended.
    pub exit_code: Option<i64>,
    /// What it wrote.
    pub stdout: String,
    /// What it wrote as errors, where told apart.
    pub stderr: String,
    /// The output as it was put for the model.
    pub formatted_output: Option<String>,
    /// How many tokens the output had before it was cut.
    pub original_token_count: Option<i64>,
    /// Names the piece of output.
    pub chunk_id: Option<String>,
}

/// Where the model saw an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelObservation {
    /// The call.
    pub call_item_ids: Vec<ItemId>,
    /// Its answers.
    pub output_item_ids: Vec<ItemId>,
    /// How it got there.
    pub source: ObservationSource,
}

/// How an operation got before the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservationSource {
    /// The model called the tool itself.
    DirectToolCall,
    /// A code cell called the tool and showed its output.
    CodeCellOutput,
}
