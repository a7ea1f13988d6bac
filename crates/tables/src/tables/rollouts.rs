//! One row per rollout.

use rollout_trace_model::{RolloutTrace, Severity, TokenUsage};

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
    value::{count, signed},
};

pub(crate) struct Rollouts;

impl Source for Rollouts {
    type Row<'r> = Of<'r, RolloutTrace>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new("rollouts", "One row per rollout.", &[])
            .text("bundle", "The name of the bundle's folder or file.", |row| row.reduced.bundle.as_str().into())
            .integer("schema_version", "The schema version of the bundle.", |row| row.it.schema_version.into())
            .name("status", "How the rollout ended, or `running`.", |row| row.it.status.as_str().into())
            .flag_or_null(
                "recording_complete",
                "Whether nothing can be missing at the end of the recording; null if schema 1, which does not say it.",
                |row| row.reduced.recording_complete(),
            )
            .time("started_at", "When the recording began.", |row| row.it.started_at_unix_ms)
            .time_or_null("ended_at", "When the rollout ended; null if it has not.", |row| row.it.ended_at_unix_ms)
            .integer(
                "last_seq",
                "The last event that the graph knows. Of two rows with one trace_id, the greater is newer.",
                |row| signed(row.reduced.clock.last_seq()),
            )
            .text("root_thread_id", "The thread of the root agent.", |row| row.it.root_thread_id.as_str().into())
            .name_or_null("model", "The default model of the root agent, else the model of the first request.", |row| {
                row.reduced.model().map(Into::into)
            })
            .integer("threads", "The number of threads.", |row| count(row.it.threads.len()))
            .integer("turns", "The number of turns.", |row| count(row.it.codex_turns.len()))
            .integer("items", "The number of items.", |row| count(row.it.conversation_items.len()))
            .integer("inference_calls", "The number of inference calls.", |row| count(row.it.inference_calls.len()))
            .integer("tool_calls", "The number of tool calls.", |row| count(row.it.tool_calls.len()))
            .integer("code_cells", "The number of code cells.", |row| count(row.it.code_cells.len()))
            .integer("compactions", "The number of compactions.", |row| count(row.it.compactions.len()))
            .integer("edges", "The number of interactions between agents.", |row| count(row.it.interaction_edges.len()))
            .integer("payloads", "The number of payloads that events name.", |row| count(row.it.raw_payloads.len()))
            .integer("errors", "The number of diagnostics that are errors.", |row| of(row.it, Severity::Error))
            .integer("warnings", "The number of diagnostics that are warnings.", |row| of(row.it, Severity::Warning))
            .integer("notes", "The number of diagnostics that are notes.", |row| of(row.it, Severity::Note))
            .integer_or_null(
                "input_tokens",
                "The input tokens that were reported, cached ones included; null if none were.",
                |row| sum(row.it, |usage| usage.input_tokens),
            )
            .integer_or_null("cached_input_tokens", "Those that were read from the provider's cache.", |row| {
                sum(row.it, |usage| usage.cached_input_tokens)
            })
            .integer_or_null("cache_write_input_tokens", "Those that were written to the provider's cache.", |row| {
                sum(row.it, |usage| usage.cache_write_input_tokens)
            })
            .integer_or_null("output_tokens", "The output tokens that were reported.", |row| {
                sum(row.it, |usage| usage.output_tokens)
            })
            .integer_or_null("reasoning_output_tokens", "Those that were used for reasoning.", |row| {
                sum(row.it, |usage| usage.reasoning_output_tokens)
            })
            .text("content", "How much of texts these tables hold: none, hash or full.", |row| {
                row.reduced.options.content.as_str().into()
            })
            .integer("mapping", "The version of what the columns mean.", |_| crate::MAPPING)
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        each(Of { reduced, it: reduced.graph });
    }
}

fn of(graph: &RolloutTrace, severity: Severity) -> i64 {
    count(graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count())
}

/// Adds up what providers reported. Such a number can be any.
fn sum(graph: &RolloutTrace, tokens: fn(&TokenUsage) -> i64) -> Option<i64> {
    let reported = graph.inference_calls.values().filter_map(|call| call.usage.as_ref());
    reported.map(tokens).reduce(i64::saturating_add)
}
