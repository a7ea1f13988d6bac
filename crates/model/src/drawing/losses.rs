//! Where a drawing reports lost evidence.

use std::{collections::BTreeMap, fmt};

use rollout_trace_schema::Seq;

use super::{canvas::Canvas, places::Step};
use crate::{Diagnostic, DiagnosticCode, RolloutTrace, Severity, map::HashMap};

/// The reports of lost evidence, each at one place of the drawing.
#[derive(Default)]
pub(super) struct Losses<'a> {
    /// By the id of the object that is concerned.
    of_object: HashMap<&'a str, Vec<&'a Diagnostic>>,
    /// Those that concern no object of the graph, by the seq of the step before which they are reported.
    before_step: BTreeMap<Seq, Vec<&'a Diagnostic>>,
}

impl<'a> Losses<'a> {
    /// Finds a place for each loss: the first object that it names, or the first step after it. `steps` are the seqs of
    /// all steps, in order. What comes after the last step is left to the end of the drawing.
    pub(super) fn of(graph: &'a RolloutTrace, steps: &[Seq]) -> Self {
        let mut losses = Self::default();
        for diagnostic in graph.diagnostics.iter().filter(|diagnostic| is_loss(diagnostic)) {
            if let Some(id) = diagnostic.ids.iter().find(|id| is_drawn(graph, id)) {
                losses.of_object.entry(id).or_default().push(diagnostic);
            } else if let Some(seq) = diagnostic.seq
                && let Some(step) = steps.get(steps.partition_point(|step| *step < seq))
            {
                losses.before_step.entry(*step).or_default().push(diagnostic);
            }
        }
        losses
    }

    pub(super) fn concern(&self, id: &str) -> bool {
        self.of_object.contains_key(id)
    }

    pub(super) fn are_before(&self, step: Seq) -> bool {
        self.before_step.contains_key(&step)
    }
}

/// Returns whether a diagnostic says that evidence is missing or contradictory.
fn is_loss(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error || diagnostic.code == DiagnosticCode::PartialPayload
}

/// Returns whether losses are reported at an object with this id.
fn is_drawn(graph: &RolloutTrace, id: &str) -> bool {
    graph.inference_calls.contains_key(id)
        || graph.tool_calls.contains_key(id)
        || graph.codex_turns.contains_key(id)
        || graph.compactions.contains_key(id)
        || graph.compaction_requests.contains_key(id)
        || graph.threads.contains_key(id)
        || graph.code_cells.keys().any(|cell| cell.0 == id)
}

impl Canvas<'_, '_> {
    /// Draws the losses that concern an object.
    pub(super) fn losses_of(&mut self, depth: usize, id: &str) -> fmt::Result {
        let losses = self.losses.of_object.remove(id).unwrap_or_default();
        self.counted_diagnostics(depth, &losses)
    }

    /// Draws the losses before a step.
    pub(super) fn losses_before(&mut self, depth: usize, step: Step<'_>) -> fmt::Result {
        let losses = self.losses.before_step.remove(&step.seq(self.graph)).unwrap_or_default();
        self.counted_diagnostics(depth, &losses)
    }

    /// Draws diagnostics, with one line for each code: its first message, and how many more there are.
    pub(super) fn counted_diagnostics(&mut self, depth: usize, diagnostics: &[&Diagnostic]) -> fmt::Result {
        let mut by_code: BTreeMap<_, Vec<&Diagnostic>> = BTreeMap::new();
        for diagnostic in diagnostics {
            let key = (std::cmp::Reverse(diagnostic.severity), diagnostic.code);
            by_code.entry(key).or_default().push(diagnostic);
        }
        for ((severity, code), diagnostics) in by_code {
            let count = if diagnostics.len() > 1 { format!(" ×{}", diagnostics.len()) } else { String::new() };
            let first = diagnostics[0];
            let place = match (first.seq, first.line) {
                (Some(seq), _) => format!(" · seq {seq}"),
                (None, Some(line)) => format!(" · line {line} of the log"),
                (None, None) => String::new(),
            };
            let head = self.painter.severity(severity.0) + format_args!(" {code}{count}: ");
            self.line(depth, head + format_args!("{}{place}", self.name(&first.message)))?;
        }
        Ok(())
    }
}
