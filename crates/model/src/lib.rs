//! The reduced graph of a rollout as plain data.
//!
//! [`RolloutTrace`] is the whole graph: what the model saw, call by call, and the runtime work that explains how it came about.
//! Its JSON is `state.json`, a superset of the state that tools for Codex read: every key of theirs keeps its name, place
//! and meaning. The keys that are ours are said to be so in their docs.
//!
//! [`Drawing`] shows a graph as text, [`normalised`] takes out of it what differs by chance, [`json_schema`] describes its JSON
//! and [`RolloutTrace::check_links`] checks that it is sound.
//!
//! Maps are keyed by id and ordered, so that equal graphs are equal bytes.

#![forbid(unsafe_code)]

mod agents;
mod anchor;
mod code_cell;
mod compaction;
mod conversation;
mod diagnostic;
mod drawing;
mod durations;
mod execution;
mod id;
mod inference;
mod links;
mod marker;
mod names;
mod normal;
mod schema;
mod terminal;
mod thread;
mod tool_call;
mod trace;

pub use agents::{InteractionEdge, InteractionKind, UndeliveredMessage};
pub use anchor::Anchor;
pub use code_cell::CodeCell;
pub use compaction::{Compaction, CompactionRequest};
pub use conversation::{
    AgentMessage, Body, BodyPart, Channel, ConversationItem, InferredProducer, ItemKind, ProducerRef, Role,
};
pub use diagnostic::{Diagnostic, DiagnosticCode, Severity};
pub use drawing::Drawing;
pub use durations::Durations;
pub use execution::Execution;
pub use id::{CodeCellId, ItemId, OperationId, ParseIdError, TerminalId};
pub use inference::{InferenceCall, TokenUsage};
pub use marker::{Marker, MarkerKind};
pub use normal::normalised;
pub use schema::json_schema;
pub use terminal::{
    ModelObservation, ObservationSource, OperationKind, TerminalOperation, TerminalRequest, TerminalResult,
    TerminalSession,
};
pub use thread::{AgentThread, CodexTurn, ThreadOrigin};
pub use tool_call::{Requester, ToolCall};
pub use trace::{ObjectRef, RolloutTrace};
