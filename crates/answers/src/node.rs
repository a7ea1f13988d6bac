//! The things of a rollout that answers name.

use std::fmt;

use rollout_trace_model::{CodeCellId, ItemId, OperationId, Part, TerminalId};
use rollout_trace_schema::{CodexTurnId, CompactionId, EdgeId, InferenceCallId, ThreadId, ToolCallId};
use schemars::JsonSchema;
use serde::Serialize;

/// A thing of a rollout that answers name, and that [`Rollout::select`](crate::Rollout::select) finds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Node {
    /// An item of a conversation.
    Item(ItemId),
    /// An inference call.
    Inference(InferenceCallId),
    /// A turn.
    Turn(CodexTurnId),
    /// A thread.
    Thread(ThreadId),
    /// An interaction between agents.
    Edge(EdgeId),
    /// A tool call.
    ToolCall(ToolCallId),
    /// A code cell.
    CodeCell(CodeCellId),
    /// A terminal operation.
    TerminalOperation(OperationId),
    /// A terminal session.
    TerminalSession(TerminalId),
    /// A compaction.
    Compaction(CompactionId),
    /// Where causes end: the class of an origin, `rollout` or `unknown`.
    Root(String),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(id) => id.fmt(f),
            Self::Inference(id) => id.fmt(f),
            Self::Turn(id) => id.fmt(f),
            Self::Thread(id) => id.fmt(f),
            Self::Edge(id) => id.fmt(f),
            Self::ToolCall(id) => id.fmt(f),
            Self::CodeCell(id) => id.fmt(f),
            Self::TerminalOperation(id) => id.fmt(f),
            Self::TerminalSession(id) => id.fmt(f),
            Self::Compaction(id) => id.fmt(f),
            Self::Root(id) => id.fmt(f),
        }
    }
}

impl Node {
    /// Returns what the thing is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Item(_) => "item",
            Self::Inference(_) => "request",
            Self::Turn(_) => "turn",
            Self::Thread(_) => "agent",
            Self::Edge(_) => "edge",
            Self::ToolCall(_) => "call",
            Self::CodeCell(_) => "cell",
            Self::TerminalOperation(_) => "terminal operation",
            Self::TerminalSession(_) => "terminal session",
            Self::Compaction(_) => "compaction",
            Self::Root(_) => "root",
        }
    }

    /// Returns the part of a drawing that shows the thing, or `None` if a drawing only shows it beside others.
    pub fn part(&self) -> Option<Part<'_>> {
        Some(match self {
            Self::Thread(id) => Part::Thread(id),
            Self::Turn(id) => Part::Turn(id),
            Self::Inference(id) => Part::InferenceCall(id),
            Self::ToolCall(id) => Part::ToolCall(id),
            Self::CodeCell(id) => Part::CodeCell(id),
            Self::Compaction(id) => Part::Compaction(id),
            Self::Item(id) => Part::Item(*id),
            Self::TerminalOperation(_) | Self::TerminalSession(_) | Self::Edge(_) | Self::Root(_) => return None,
        })
    }
}
