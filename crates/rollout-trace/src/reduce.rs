//! Reducing a whole bundle.

use rollout_trace_bundle::Bundle;
use rollout_trace_model::RolloutTrace;
use rollout_trace_reducer::Reducer;

/// Reduces a whole bundle to its graph.
///
/// If the log has more than a few events, a second OS thread decodes them while the caller's thread applies them.
///
/// ```
/// use rollout_trace::{Bundle, Severity, reduce_bundle};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
/// let graph = reduce_bundle(&Bundle::open("docs/sample-bundle")?);
/// assert!(graph.diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Note));
/// # Ok::<(), rollout_trace::OpenError>(())
/// ```
pub fn reduce_bundle(bundle: &Bundle) -> RolloutTrace {
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    for problem in bundle.problems() {
        reducer.note_problem(problem);
    }
    let mut payloads = bundle.payloads();
    bundle.events().for_each_ahead(|evidence| reducer.apply(evidence, &mut payloads));
    for problem in payloads.problems() {
        reducer.note_problem(&problem);
    }
    reducer.finish()
}
