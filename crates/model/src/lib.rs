//! The reduced graph of a rollout as plain data.
//!
//! [`RolloutTrace`] is the whole graph: the conversation that the model saw, call by call, and the runtime work that
//! explains it. Its JSON form is `state.json`, a superset of the official state that tools for Codex read: every
//! official key keeps its name, place and meaning. The documentation of each additional key is marked with *Ours.*
//!
//! [`Drawing`] shows a graph as text, [`normalized`] removes the differences between two runs with the same events,
//! [`json_schema`] describes the JSON form, and [`RolloutTrace::check_links`] checks the consistency of a graph.
//!
//! Maps are ordered by id, so that equal graphs have equal bytes.
//!
//! ```
//! use rollout_trace_model::{Drawing, RolloutTrace};
//! # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
//!
//! let graph: RolloutTrace = serde_json::from_str(json)?;
//! let drawing = Drawing::new(&graph).to_string();
//! assert!(drawing.starts_with("rollout · schema 2 · completed"));
//! # Ok::<(), serde_json::Error>(())
//! ```

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
mod graph_text;
mod id;
mod inference;
mod item_runs;
mod line;
mod links;
pub mod map;
mod marker;
mod message_indexes;
mod names;
mod normal;
mod replaced_field;
mod schema;
mod terminal;
mod thread;
mod tool_call;
mod trace;
mod with_runs;

pub use agents::{InteractionEdge, InteractionKind, PlainDelivery, UndeliveredMessage};
pub use anchor::Anchor;
pub use code_cell::CodeCell;
pub use compaction::{Compaction, CompactionRequest};
pub use conversation::{
    AgentMessage, Body, BodyPart, Channel, ConversationItem, FirstShown, InferredProducer, ItemKind, ProducerRef, Role,
};
pub use diagnostic::{Diagnostic, DiagnosticCode, Severity};
pub use drawing::{Commentary, Drawing, Part};
pub use durations::Durations;
pub use execution::Execution;
pub use graph_text::{JsonLayout, write_graph, write_json};
pub use id::{CodeCellId, ItemId, OperationId, ParseIdError, TerminalId};
pub use inference::{InferenceCall, TokenUsage};
pub use item_runs::{ItemRun, ItemRuns};
pub use line::Line;
pub use marker::{Marker, MarkerKind};
pub use message_indexes::MessageIndexes;
pub use normal::normalized;
pub use replaced_field::ReplacedField;
pub use rollout_trace_schema::{EvidenceGrade, EvidenceSource, ImportEvidence};
pub use schema::json_schema;
pub use terminal::{
    ModelObservation, ObservationSource, OperationKind, TerminalOperation, TerminalRequest, TerminalResult,
    TerminalSession,
};
pub use thread::{AgentThread, CodexTurn, ThreadAssignment, ThreadOrigin};
pub use tool_call::{Requester, RuntimeStart, ToolCall};
pub use trace::{ObjectRef, RecordingStatus, RolloutTrace};
pub use with_runs::{CallWithRuns, WithRuns};
