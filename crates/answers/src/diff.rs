//! Where two rollouts part, and on what.
//!
//! Source: questions, section 7.

mod compare;
mod conditions;
mod pairs;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_model::ItemId;
use rollout_trace_schema::{ExecutionStatus, InferenceCallId, RawPayloadId, Seq, ToolCallId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{Completeness, Rollout, Stats, Verdict};

/// Where two rollouts part, and under which different conditions they ran. Threads are compared up to their first
/// divergence.
///
/// That a condition caused a divergence, and that anything later follows from it, are not claimed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// `diff`.
    pub question: &'static str,
    /// Whether nothing differs.
    pub same: bool,
    /// The agent, by its name in A, whose thread diverges first.
    pub first: Option<String>,
    /// The threads that both have.
    pub threads: Vec<ThreadDiff>,
    /// The names of the agents that only one has.
    pub only_in: Both<Vec<String>>,
    /// The numbers of both.
    pub totals: Both<DiffTotals>,
    /// How complete the evidence of both is.
    pub completeness: Both<Completeness>,
}

/// Something of each of two rollouts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Both<T> {
    /// Of the first one.
    pub a: T,
    /// Of the second one.
    pub b: T,
}

impl<T> Both<T> {
    fn map<U>(&self, of: impl Fn(&T) -> U) -> Both<U> {
        Both { a: of(&self.a), b: of(&self.b) }
    }
}

impl<T> Both<Option<T>> {
    /// Returns both, if both are there.
    fn together(self) -> Option<Both<T>> {
        Some(Both { a: self.a?, b: self.b? })
    }
}

/// How the threads of two agents differ.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ThreadDiff {
    /// The name of the agent in A.
    pub agent_path: String,
    /// Its name in B.
    pub agent_path_b: String,
    /// How many calls are equal, from the first.
    pub equal_calls: usize,
    /// How many calls each has.
    pub calls: [usize; 2],
    /// Differences that change nothing, with the number of pairs of calls that have them.
    pub soft_differences: BTreeMap<SoftDifference, usize>,
    /// What the calls were given besides what came in.
    pub conditions: Vec<Condition>,
    /// Where the threads part.
    pub divergence: Option<Divergence>,
}

/// A difference that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SoftDifference {
    /// Different numbers of failed attempts came before.
    Retries,
    /// The same came in, in another order.
    OrderOfArrival,
    /// The model reasoned in another way, and answered the same.
    Reasoning,
}

/// A different condition. The comparison continues after it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Condition {
    /// What differs.
    pub cause: ConditionCause,
    /// What A has: a model, names, sizes, settings or items.
    pub a: Value,
    /// What B has.
    pub b: Value,
    /// The first line that differs, of instructions and of items of the harness.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<LineDifference>")]
    pub first_difference: Option<Option<LineDifference>>,
    /// The calls.
    pub at: Both<Option<At>>,
}

/// What differs between the conditions of two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionCause {
    /// The models.
    ModelChange,
    /// The names of the tools, or their order.
    ToolListChange,
    /// The definitions of tools that both have.
    ToolDefinitionChange,
    /// The instructions.
    InstructionChange,
    /// The settings.
    SettingsChange,
    /// What the harness added.
    Harness,
    /// What persons wrote, if that is to be ignored.
    Input,
}

/// Where two threads part.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Divergence {
    /// On what they part.
    pub cause: DivergenceCause,
    /// Which part of a call differs.
    pub block: Block,
    /// The calls: their requests, or in the blocks outcome and out their responses.
    pub at: Both<Option<At>>,
    /// The side of A; of an end there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Side>,
    /// The side of B.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Side>,
    /// The name of the tool in A, if outputs of tool calls differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The first line that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<LineDifference>")]
    pub first_difference: Option<Option<LineDifference>>,
    /// Whether both models were given the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_request: Option<bool>,
    /// Which thread has fewer calls, `a` or `b`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorter: Option<Shorter>,
    /// The status of that thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_status: Option<ExecutionStatus>,
    /// The status of its rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_status: Option<ExecutionStatus>,
}

/// On what two threads part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DivergenceCause {
    /// A request cannot be read.
    RequestNotReadable,
    /// A tool ended otherwise.
    ToolOutcome,
    /// A tool answered otherwise.
    ToolResult,
    /// A compaction.
    Compaction,
    /// Another agent's message.
    AgentMessage,
    /// What a person wrote.
    Input,
    /// What the harness added.
    Harness,
    /// Something from before, or of unknown origin.
    History,
    /// An answer is not there, or cannot be read.
    AnswerNotReadable,
    /// The calls ended otherwise.
    CallOutcome,
    /// The models answered otherwise.
    ModelOutput,
    /// One thread has no further calls.
    Ended,
}

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// What came in.
    In,
    /// How the call ended.
    Outcome,
    /// What the model answered.
    Out,
    /// There is no call.
    End,
}

/// One side of a divergence.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Side {
    /// Whether a request or an answer can be read.
    Readable {
        /// Whether it can.
        readable: bool,
    },
    /// The output of a tool call that differs.
    Output {
        /// The item.
        item_id: Option<ItemId>,
        /// Its size.
        bytes: u64,
        /// The tool call.
        tool_call_id: ToolCallId,
        /// How it ended.
        status: ExecutionStatus,
        /// The exit code of its command.
        exit_code: Option<i64>,
    },
    /// The first item that the other side lacks, or null.
    Item {
        /// The item.
        item_id: Option<ItemId>,
        /// Its size.
        bytes: u64,
    },
    /// How a call ended.
    Outcome {
        /// Its status.
        status: ExecutionStatus,
        /// Why it failed or was canceled.
        error: Option<String>,
    },
}

/// One of two rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shorter {
    /// The first one.
    A,
    /// The second one.
    B,
}

/// A call, and the payload in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct At {
    /// The call.
    pub inference_call_id: InferenceCallId,
    /// Its number.
    pub call: usize,
    /// The number of its turn.
    pub turn: Option<usize>,
    /// The event.
    pub seq: Option<Seq>,
    /// The payload that the event names.
    pub payload_id: Option<RawPayloadId>,
    /// The names of the call and its turn, for the text form.
    #[serde(skip)]
    names: String,
}

/// The first line in which two texts differ, with noise replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LineDifference {
    /// The number of the line, from 1.
    pub line: usize,
    /// The line of A, or null if A has fewer lines.
    pub a: Option<String>,
    /// The line of B, or null if B has fewer lines.
    pub b: Option<String>,
}

/// The numbers of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiffTotals {
    /// The wall time.
    pub wall_ms: u64,
    /// The agents.
    pub agents: u64,
    /// The turns.
    pub turns: u64,
    /// The inference calls.
    pub model_calls: u64,
    /// Those that failed.
    pub model_calls_failed: u64,
    /// The reported input.
    pub input_tokens: i64,
    /// The reported cached input.
    pub cached_input_tokens: i64,
    /// The reported output.
    pub output_tokens: i64,
    /// The estimated tokens of all readable requests.
    pub context_tokens_estimate: u64,
    /// The tool calls.
    pub tool_calls: u64,
    /// Those that failed.
    pub tool_calls_failed: u64,
    /// The tool calls by the name of the tool.
    pub tools: BTreeMap<String, u64>,
    /// The compactions.
    pub compactions: u64,
    /// The files that completed patches changed.
    pub files_changed: BTreeSet<String>,
}

/// What counts as a divergence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persons {
    /// What persons wrote counts like everything else that comes in.
    #[default]
    Compared,
    /// What persons wrote is a condition.
    Ignored,
}

impl Diff {
    /// Answers where two rollouts part.
    pub fn of<'a>(a: &Rollout<'a>, b: &Rollout<'a>, persons: Persons) -> Self {
        let rollouts = Both { a, b };
        let (paired, only_in) = pairs::threads(&rollouts);
        let threads: Vec<_> = paired.iter().map(|threads| compare::thread(&rollouts, threads, persons)).collect();
        let parts = threads.iter().any(|thread| thread.divergence.is_some() || !thread.conditions.is_empty());
        Self {
            question: "diff",
            same: !parts && only_in.a.is_empty() && only_in.b.is_empty(),
            first: first(&threads),
            threads,
            only_in,
            totals: rollouts.map(|rollout| DiffTotals::of(&Stats::of(rollout))),
            completeness: rollouts.map(|rollout| Verdict::of(rollout).verdict),
        }
    }
}

/// Returns the agent whose thread diverges first: by the event in A, or in B if there is none in A, then by name.
fn first(threads: &[ThreadDiff]) -> Option<String> {
    let place = |thread: &ThreadDiff| {
        let at = &thread.divergence.as_ref()?.at;
        let seq = at.a.as_ref().or(at.b.as_ref()).and_then(|at| at.seq);
        Some((seq, thread.agent_path.clone()))
    };
    threads.iter().filter_map(place).min().map(|(_, agent)| agent)
}

impl DiffTotals {
    fn of(stats: &Stats) -> Self {
        let totals = &stats.totals;
        Self {
            wall_ms: stats.wall_ms,
            agents: totals.agents,
            turns: totals.turns,
            model_calls: totals.model_calls,
            model_calls_failed: totals.model_calls_failed,
            input_tokens: totals.input_tokens,
            cached_input_tokens: totals.cached_input_tokens,
            output_tokens: totals.output_tokens,
            context_tokens_estimate: totals.context_tokens_estimate,
            tool_calls: totals.tool_calls,
            tool_calls_failed: totals.tool_calls_failed,
            tools: totals.tools.clone(),
            compactions: totals.compactions,
            files_changed: stats.files_changed.clone(),
        }
    }
}
