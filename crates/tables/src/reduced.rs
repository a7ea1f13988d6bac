//! A reduced rollout, as rows are made of it.

use std::borrow::Cow;

use rollout_trace_answers::{Clock, End, Facts, Relations, Rollout, ToolTitle};
use rollout_trace_model::{InferenceCall, ItemId, RecordingStatus, RolloutTrace, ToolCall, map::HashMap};
use rollout_trace_schema::{ToolCallId, ToolKind};

use crate::{Options, Table, column::Keyed, hash::state_hash, lookups::Lookups, questions::Questions};

/// A reduced rollout, as rows are made of it.
#[derive(Debug)]
pub(crate) struct Reduced<'r> {
    pub(crate) graph: &'r RolloutTrace,
    pub(crate) facts: &'r Facts,
    /// The answers that are tables, if those tables are wanted.
    pub(crate) questions: Option<Questions>,
    pub(crate) options: Options,
    pub(crate) bundle: String,
    pub(crate) state_hash: String,
    pub(crate) clock: Clock,
    pub(crate) relations: Relations<'r>,
    pub(crate) lookups: Lookups<'r>,
    titles: HashMap<&'r ToolCallId, ToolTitle>,
}

/// What a row is about, as part of a rollout.
#[derive(Debug)]
pub(crate) struct Of<'r, T> {
    pub(crate) reduced: &'r Reduced<'r>,
    pub(crate) it: &'r T,
}

/// One of a list, with its number from 1.
#[derive(Debug)]
pub(crate) struct Numbered<'r, T> {
    pub(crate) reduced: &'r Reduced<'r>,
    pub(crate) number: i64,
    pub(crate) it: &'r T,
}

impl<T> Keyed for Numbered<'_, T> {
    fn reduced(&self) -> &Reduced<'_> {
        self.reduced
    }
}

impl<'r> Reduced<'r> {
    /// Prepares a rollout for its rows in some tables. Payloads are read for the names of tools.
    pub(crate) fn of(rollout: &Rollout<'r>, bundle: &str, options: Options, tables: &[Table]) -> Self {
        let graph = rollout.graph();
        let tools = graph.tool_calls.values().filter(|_| tables.contains(&Table::ToolCalls));
        let asks = tables.iter().any(|table| Table::OF_QUESTIONS.contains(table));
        Self {
            graph,
            facts: rollout.facts(),
            questions: asks.then(|| Questions::of(rollout, tables)),
            options,
            bundle: bundle.to_owned(),
            state_hash: state_hash(graph),
            clock: Clock::of(graph),
            relations: Relations::of(graph),
            lookups: Lookups::of(graph),
            titles: tools.map(|call| (&call.tool_call_id, rollout.tool_title(call))).collect(),
        }
    }

    /// Returns whether nothing can be missing at the end of the recording. Returns `None` if that is not recorded.
    pub(crate) fn recording_complete(&self) -> Option<bool> {
        let by_status = self.graph.recording_status.map(|status| status == RecordingStatus::Complete);
        self.graph.recording_complete.or(by_status)
    }

    /// Returns the default model of the root agent, else the model of the first request.
    pub(crate) fn model(&self) -> Option<&str> {
        let root = self.graph.threads.get(&self.graph.root_thread_id);
        let first = || self.graph.inference_calls.values().min_by_key(|call| call.execution.started_seq);
        root.and_then(|root| root.default_model.as_deref()).or_else(|| Some(first()?.model.as_str()))
    }

    /// Returns what made an item: its kind and its id.
    pub(crate) fn producer(&self, item: ItemId) -> Option<(&'static str, Cow<'_, str>)> {
        Some(match self.relations.maker(item)? {
            End::Inference(call) => ("inference", call.inference_call_id.as_str().into()),
            End::Tool(call) => ("tool", call.tool_call_id.as_str().into()),
            End::Cell(cell) => ("code_cell", cell.code_cell_id.0.as_str().into()),
            End::Compaction(compaction) => ("compaction", compaction.compaction_id.as_str().into()),
            End::Thread(thread) => ("thread", thread.thread_id.as_str().into()),
        })
    }

    /// Returns the inference call whose response asked for a tool call.
    pub(crate) fn requested_by(&self, call: &ToolCall) -> Option<&'r InferenceCall> {
        match self.relations.requester(call)? {
            End::Inference(call) => Some(call),
            _ => None,
        }
    }

    /// Returns the first inference call whose request shows an output of a tool call.
    pub(crate) fn output_seen_by(&self, call: &ToolCall) -> Option<&'r InferenceCall> {
        let viewers = call.model_visible_output_item_ids.iter().filter_map(|item| self.relations.first_viewer(*item));
        viewers.min_by_key(|viewer| (viewer.execution.started_seq, &viewer.inference_call_id))
    }

    /// Returns what a tool is called.
    pub(crate) fn title(&self, call: &ToolCall) -> (&str, Option<&str>) {
        self.titles.get(&call.tool_call_id).map_or(("", None), |title| (&title.name, title.namespace.as_deref()))
    }
}

/// Returns the kind of a tool, as the graph has it.
pub(crate) fn kind_of(kind: &ToolKind) -> Cow<'_, str> {
    match kind {
        ToolKind::Mcp { .. } => "mcp".into(),
        ToolKind::Other { .. } => "other".into(),
        kind => rollout_trace_answers::tool_name(kind),
    }
}
