//! The trace that a rollout leaves.

use std::path::Path;

use rollout_trace::{Bundle, Drawing, RolloutTrace, Severity, reduce_bundle};

use crate::{failure::Failure, screen::Screen};

/// Reduces a bundle and draws it on stdout.
pub(crate) fn draw(bundle: &Path, screen: &mut Screen) -> Result<RolloutTrace, Failure> {
    let bundle = Bundle::open(bundle).map_err(|error| Failure::of(&error, error.hint()))?;
    let graph = reduce_bundle(&bundle);
    screen.print(&Drawing::new(&graph).color(screen.color()).to_string());
    Ok(graph)
}

/// Whether a graph is worse than the run that it shows.
pub(crate) fn is_flawed(graph: &RolloutTrace) -> bool {
    graph.diagnostics.iter().any(|diagnostic| diagnostic.severity > Severity::Note)
}

/// Says where a bundle is and what to do with it.
pub(crate) fn point_to(bundle: &Path, screen: &mut Screen) {
    let bundle = bundle.display();
    screen.say(&format!(
        "Recorded in {bundle}\nNext: rollout-trace show {bundle}\n(in a checkout: cargo run -p rollout-trace-cli -- show {bundle})"
    ));
}
