//! What a drawing says besides its graph.

use std::fmt;

use rollout_trace_schema::{CodexTurnId, InferenceCallId, ThreadId, UnixMillis};

use crate::{Execution, InferenceCall, ItemId};

/// What a drawing says besides its graph: names for people, times, and what only the payloads show.
///
/// A drawing with a commentary is for people, not for snapshots: ids and texts are shown as they were recorded, lost
/// evidence is reported where it is missing, and diagnostics are counted. The answers to questions are one:
/// `rollout_trace_answers::Rollout`.
pub trait Commentary: fmt::Debug {
    /// Returns the name of a thread's agent.
    fn agent<'s>(&'s self, thread: &'s ThreadId) -> &'s str;

    /// Returns the name of a turn.
    fn turn(&self, turn: &CodexTurnId) -> String;

    /// Returns the name of an inference call.
    fn inference_call(&self, call: &InferenceCallId) -> String;

    /// Says when something began, and how long it took.
    fn time(&self, execution: &Execution) -> String;

    /// Says when something happened.
    fn moment(&self, at: UnixMillis) -> String;

    /// Says how large the context of a request was, and what it consisted of. Returns `None` if the request cannot be
    /// read, so that what the model saw is unknown.
    fn context(&self, call: &InferenceCall) -> Option<String>;

    /// Says how large items are.
    fn size(&self, items: &[ItemId]) -> String;

    /// Returns the item that an item of a compaction's replacement copies.
    fn original(&self, copy: ItemId) -> Option<ItemId>;
}
