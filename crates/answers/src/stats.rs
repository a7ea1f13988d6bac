//! One rollout in numbers under names that stay.

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_model::{Line, OperationKind, Severity, ToolCall};
use rollout_trace_schema::{CellStatus, ExecutionStatus, RolloutId, ToolKind, TraceId, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{ESTIMATOR, Rollout, activities::Times, patches::files, tool_name::tool_name, words::grouped};

/// One rollout in numbers under names that stay. Calls of a child agent are not those of its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stats {
    /// `stats`.
    pub question: &'static str,
    /// The id of the bundle.
    pub trace_id: TraceId,
    /// The id of the rollout.
    pub rollout_id: RolloutId,
    /// The schema version of the bundle.
    pub schema_version: u32,
    /// The status of the rollout.
    pub status: ExecutionStatus,
    /// When the recording began.
    pub started_at_unix_ms: UnixMillis,
    /// The milliseconds from the rollout's start to the end of the trace.
    pub wall_ms: u64,
    /// The numbers that can be added up over several rollouts.
    #[serde(flatten)]
    pub totals: Totals,
    /// The models that were asked, sorted.
    pub models: BTreeSet<String>,
    /// The largest context of a request, in estimated tokens.
    pub largest_context_tokens_estimate: u64,
    /// The estimator of tokens.
    pub estimator: &'static str,
    /// The files that completed patches changed, sorted.
    pub files_changed: BTreeSet<String>,
}

/// The numbers of one or more rollouts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// The agents.
    pub agents: u64,
    /// The turns.
    pub turns: u64,
    /// The turns that failed, or were canceled or aborted.
    pub turns_failed: u64,
    /// The inference calls.
    pub model_calls: u64,
    /// The inference calls that failed, or were canceled or aborted.
    pub model_calls_failed: u64,
    /// The inference calls whose token usage was reported.
    pub calls_with_usage: u64,
    /// The input tokens that were reported.
    pub input_tokens: i64,
    /// Those of them that were read from the provider's cache.
    pub cached_input_tokens: i64,
    /// Those of them that were written to the provider's cache.
    pub cache_write_input_tokens: i64,
    /// The output tokens that were reported.
    pub output_tokens: i64,
    /// Those of them that were used for reasoning.
    pub reasoning_output_tokens: i64,
    /// The estimated tokens of all readable requests.
    pub context_tokens_estimate: u64,
    /// The items of conversations.
    pub items: u64,
    /// The tool calls. A call that runs a code cell counts as the cell.
    pub tool_calls: u64,
    /// The tool calls that failed, or were canceled or aborted.
    pub tool_calls_failed: u64,
    /// The commands with an exit code other than 0.
    pub commands_exit_nonzero: u64,
    /// The tool calls by the name of the tool.
    pub tools: BTreeMap<String, u64>,
    /// The code cells.
    pub code_cells: u64,
    /// The code cells that failed. Those that were stopped are not among them, because models stop cells on purpose.
    pub code_cells_failed: u64,
    /// The terminal sessions.
    pub terminals: u64,
    /// The compactions.
    pub compactions: u64,
    /// The interactions between agents, by kind.
    pub edges: BTreeMap<String, u64>,
    /// The diagnostics of each severity.
    pub diagnostics: BTreeMap<String, u64>,
}

impl Stats {
    /// Counts.
    pub fn of(rollout: &Rollout<'_>) -> Self {
        let graph = rollout.graph();
        let patches = graph.tool_calls.values().filter(|call| call.execution.status == ExecutionStatus::Completed);
        let files = patches.flat_map(|call| files(rollout, call)).map(|file| file.path);
        let contexts = graph.inference_calls.values().filter_map(|call| rollout.context_tokens(call));
        Self {
            question: "stats",
            trace_id: graph.trace_id.clone(),
            rollout_id: graph.rollout_id.clone(),
            schema_version: graph.schema_version,
            status: graph.status.clone(),
            started_at_unix_ms: graph.started_at_unix_ms,
            wall_ms: Times::of(graph).rollout.ms(),
            totals: Totals::of(rollout),
            models: graph.inference_calls.values().map(|call| call.model.clone()).collect(),
            largest_context_tokens_estimate: contexts.max().unwrap_or_default(),
            estimator: ESTIMATOR,
            files_changed: files.collect(),
        }
    }

    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = vec![
            format!("rollout {} · schema {} · {}", self.rollout_id, self.schema_version, self.status).into(),
            row("wall time", format_args!("{} ms", grouped(self.wall_ms))),
            row("models", format_args!("{}", list(&self.models))),
        ];
        lines.extend(self.totals.lines());
        lines.push(row("largest context", format_args!("~{} tokens", grouped(self.largest_context_tokens_estimate))));
        lines.push(row("files changed", format_args!("{}", list(&self.files_changed))));
        lines
    }
}

impl Totals {
    fn of(rollout: &Rollout<'_>) -> Self {
        let graph = rollout.graph();
        let mut totals = Self {
            agents: graph.threads.len() as u64,
            turns: graph.codex_turns.len() as u64,
            turns_failed: count(graph.codex_turns.values(), |turn| has_failed(&turn.execution.status)),
            model_calls: graph.inference_calls.len() as u64,
            model_calls_failed: count(graph.inference_calls.values(), |call| has_failed(&call.execution.status)),
            items: graph.conversation_items.len() as u64,
            commands_exit_nonzero: count(graph.terminal_operations.values(), |operation| {
                let exit_code = operation.result.as_ref().and_then(|result| result.exit_code);
                operation.kind == OperationKind::ExecCommand && exit_code.is_some_and(|code| code != 0)
            }),
            code_cells: graph.code_cells.len() as u64,
            code_cells_failed: count(graph.code_cells.values(), |cell| cell.runtime_status == CellStatus::Failed),
            terminals: graph.terminal_sessions.len() as u64,
            compactions: graph.compactions.len() as u64,
            diagnostics: [Severity::Error, Severity::Warning, Severity::Note].map(|it| (it.to_string(), 0)).into(),
            ..Self::default()
        };
        for call in graph.inference_calls.values() {
            totals.context_tokens_estimate += rollout.context_tokens(call).unwrap_or_default();
            if let Some(usage) = &call.usage {
                totals.calls_with_usage += 1;
                for (sum, tokens) in [
                    (&mut totals.input_tokens, usage.input_tokens),
                    (&mut totals.cached_input_tokens, usage.cached_input_tokens),
                    (&mut totals.cache_write_input_tokens, usage.cache_write_input_tokens),
                    (&mut totals.output_tokens, usage.output_tokens),
                    (&mut totals.reasoning_output_tokens, usage.reasoning_output_tokens),
                ] {
                    *sum = sum.saturating_add(tokens);
                }
            }
        }
        for call in graph.tool_calls.values().filter(|call| !is_public_exec(call)) {
            totals.tool_calls += 1;
            totals.tool_calls_failed += u64::from(has_failed(&call.execution.status));
            *totals.tools.entry(tool_name(&call.kind).into_owned()).or_default() += 1;
        }
        for edge in graph.interaction_edges.values() {
            *totals.edges.entry(edge.kind.as_str().to_owned()).or_default() += 1;
        }
        for diagnostic in &graph.diagnostics {
            *totals.diagnostics.entry(diagnostic.severity.to_string()).or_default() += 1;
        }
        totals
    }

    /// Adds the numbers of another rollout.
    pub fn add(&mut self, other: &Self) {
        for (sum, number) in [
            (&mut self.agents, other.agents),
            (&mut self.turns, other.turns),
            (&mut self.turns_failed, other.turns_failed),
            (&mut self.model_calls, other.model_calls),
            (&mut self.model_calls_failed, other.model_calls_failed),
            (&mut self.calls_with_usage, other.calls_with_usage),
            (&mut self.context_tokens_estimate, other.context_tokens_estimate),
            (&mut self.items, other.items),
            (&mut self.tool_calls, other.tool_calls),
            (&mut self.tool_calls_failed, other.tool_calls_failed),
            (&mut self.commands_exit_nonzero, other.commands_exit_nonzero),
            (&mut self.code_cells, other.code_cells),
            (&mut self.code_cells_failed, other.code_cells_failed),
            (&mut self.terminals, other.terminals),
            (&mut self.compactions, other.compactions),
        ] {
            *sum += number;
        }
        for (sum, number) in [
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.cached_input_tokens, other.cached_input_tokens),
            (&mut self.cache_write_input_tokens, other.cache_write_input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.reasoning_output_tokens, other.reasoning_output_tokens),
        ] {
            *sum = sum.saturating_add(number);
        }
        for (sums, numbers) in [
            (&mut self.tools, &other.tools),
            (&mut self.edges, &other.edges),
            (&mut self.diagnostics, &other.diagnostics),
        ] {
            for (name, number) in numbers {
                *sums.entry(name.clone()).or_default() += number;
            }
        }
    }

    /// Returns the numbers as text.
    pub fn lines(&self) -> Vec<Line> {
        let with_failed = |count: u64, failed: u64| match failed {
            0 => grouped(count),
            failed => format!("{} ({} failed)", grouped(count), grouped(failed)),
        };
        let by_name = |counts: &BTreeMap<String, u64>| {
            let names = counts.iter().filter(|(_, count)| **count > 0);
            let names: Vec<_> = names.map(|(name, count)| format!("{name} {}", grouped(*count))).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        vec![
            row("agents", format_args!("{}", grouped(self.agents))),
            row("turns", format_args!("{}", with_failed(self.turns, self.turns_failed))),
            row("requests", format_args!("{}", with_failed(self.model_calls, self.model_calls_failed))),
            row(
                "reported",
                format_args!(
                    "{} of {} requests: {} in ({} cached, {} written to the cache), {} out ({} reasoning)",
                    grouped(self.calls_with_usage),
                    grouped(self.model_calls),
                    self.input_tokens,
                    self.cached_input_tokens,
                    self.cache_write_input_tokens,
                    self.output_tokens,
                    self.reasoning_output_tokens
                ),
            ),
            row("contexts", format_args!("~{} tokens", grouped(self.context_tokens_estimate))),
            row("items", format_args!("{}", grouped(self.items))),
            row("tool calls", format_args!("{}", with_failed(self.tool_calls, self.tool_calls_failed))),
            row("tools", format_args!("{}", by_name(&self.tools))),
            row("commands", format_args!("{} with an exit code other than 0", grouped(self.commands_exit_nonzero))),
            row("code cells", format_args!("{}", with_failed(self.code_cells, self.code_cells_failed))),
            row("terminals", format_args!("{}", grouped(self.terminals))),
            row("compactions", format_args!("{}", grouped(self.compactions))),
            row("interactions", format_args!("{}", by_name(&self.edges))),
            row("diagnostics", format_args!("{}", by_name(&self.diagnostics))),
        ]
    }
}

fn row(name: &str, value: std::fmt::Arguments<'_>) -> Line {
    format!("  {name:<16} {value}").into()
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}

fn count<T>(objects: impl Iterator<Item = T>, fits: impl FnMut(&T) -> bool) -> u64 {
    objects.filter(fits).count() as u64
}

/// Returns whether something ended in any other way than well.
fn has_failed(status: &ExecutionStatus) -> bool {
    matches!(status, ExecutionStatus::Failed | ExecutionStatus::Cancelled | ExecutionStatus::Aborted)
}

/// Returns whether a call runs a code cell, which is counted instead.
pub(crate) fn is_public_exec(call: &ToolCall) -> bool {
    call.started_code_cell_id.is_some() || matches!(&call.kind, ToolKind::Other { name } if name == "exec")
}
