//! The trace of a rollout.

use std::path::Path;

use rollout_trace::{Bundle, Drawing, RolloutTrace, Severity, reduce_bundle, schema::visible::visible_line};

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

/// Prints where a bundle is and how to show it.
pub(crate) fn print_location(bundle: &Path, screen: &mut Screen) {
    let bundle = bundle.to_string_lossy();
    let bundle = visible_line(&bundle);
    screen.say(&format!(
        "Recorded in {bundle}\nNext: rollout-trace show {bundle}\n(in a checkout: cargo run -p rollout-trace-cli -- show {bundle})"
    ));
}
