//! The trace of a rollout.

use std::path::Path;

use rollout_trace::{
    Bundle, Drawing, RolloutTrace, Severity, reduce_bundle,
    schema::{document::RecordingLoss, visible::visible_line},
};
use rollout_trace_agent_core::RecordingOutcome;

use crate::{failure::Failure, screen::Screen};

/// Reduces a bundle and draws it on stdout.
pub(crate) fn draw(bundle: &Path, screen: &mut Screen) -> Result<RolloutTrace, Failure> {
    let bundle = Bundle::open(bundle).map_err(|error| Failure::of(&error, error.hint()))?;
    let graph = reduce_bundle(&bundle);
    screen.draw(Drawing::new(&graph));
    Ok(graph)
}

/// Returns whether the trace itself has flaws.
pub(crate) fn is_flawed(graph: &RolloutTrace) -> bool {
    graph.diagnostics.iter().any(|diagnostic| diagnostic.severity > Severity::Note)
}

/// Prints where a bundle is, whether it is complete, and how to show it.
pub(crate) fn print_location(bundle: &Path, outcome: Option<&RecordingOutcome>, screen: &mut Screen) {
    let bundle = bundle.to_string_lossy();
    let bundle = visible_line(&bundle);
    screen.say(&format!(
        "Recorded in {bundle}\n{}\nNext: rollout-trace show {bundle}\n(in a checkout: cargo run -p rollout-trace-cli -- show {bundle})",
        completeness(outcome)
    ));
}

/// Says whether a recording is complete and, if not, what is missing.
fn completeness(outcome: Option<&RecordingOutcome>) -> String {
    let Some(outcome) = outcome else { return "warning: it is not known whether the recording is complete".to_owned() };
    if outcome.is_complete() {
        return "The recording is complete.".to_owned();
    }
    let RecordingLoss { lost_events, lost_payloads, reasons } = &outcome.loss;
    let count = |number: u64, one: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {one}s")),
    };
    let lost = [count(*lost_events, "event"), count(*lost_payloads, "document")];
    let lost = lost.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    match (lost.is_empty(), reasons.is_empty()) {
        (true, _) => "warning: the recording is incomplete: its end could not be written".to_owned(),
        (false, true) => format!("warning: the recording is incomplete: {lost} could not be recorded"),
        (false, false) => {
            format!("warning: the recording is incomplete: {lost} could not be recorded ({})", reasons.join("; "))
        }
    }
}
