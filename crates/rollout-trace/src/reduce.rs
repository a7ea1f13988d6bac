//! Reducing a whole bundle.

use rollout_trace_answers::Facts;
use rollout_trace_bundle::Bundle;
use rollout_trace_evidence::{Evidence, PayloadSource};
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
    reduce_bundle_watched(bundle, |_| {})
}

/// Reduces a whole bundle to its graph, as [`reduce_bundle`] does, and says now and then which line of the event log has
/// been applied, so that progress can be shown.
pub fn reduce_bundle_watched(bundle: &Bundle, watch: impl FnMut(u64)) -> RolloutTrace {
    reduce(bundle, watch, |reducer, evidence, payloads| reducer.apply(evidence, payloads))
}

/// Reduces a whole bundle to its graph, and collects what answers need of its payloads on the way.
///
/// ```
/// use rollout_trace::{Bundle, reduce_with_facts};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
/// let (graph, facts) = reduce_with_facts(&Bundle::open("docs/sample-bundle")?);
/// let largest = graph.conversation_items.keys().max_by_key(|item| Some(facts.item(**item)?.sizes.tokens_estimate));
/// println!("{largest:?} is the largest item");
/// # assert!(largest.is_some_and(|item| facts.item(*item).unwrap().sizes.tokens_estimate > 0));
/// # Ok::<(), rollout_trace::OpenError>(())
/// ```
pub fn reduce_with_facts(bundle: &Bundle) -> (RolloutTrace, Facts) {
    reduce_with_facts_watched(bundle, |_| {})
}

/// Reduces a whole bundle and collects facts, as [`reduce_with_facts`] does, and says now and then which line of the event
/// log has been applied, so that progress can be shown.
pub fn reduce_with_facts_watched(bundle: &Bundle, watch: impl FnMut(u64)) -> (RolloutTrace, Facts) {
    let mut facts = Facts::default();
    let graph =
        reduce(bundle, watch, |reducer, evidence, payloads| reducer.apply_observed(evidence, payloads, &mut facts));
    (graph, facts)
}

/// Reduces a whole bundle to its graph, collects what answers need of its payloads, and shows each piece of evidence of
/// the log on the way.
///
/// ```
/// use rollout_trace::{Bundle, Evidence, reduce_and_see};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
/// let mut events = 0;
/// reduce_and_see(&Bundle::open("docs/sample-bundle")?, |evidence| {
///     events += usize::from(matches!(evidence, Evidence::Event(_)));
/// });
/// assert!(events > 0);
/// # Ok::<(), rollout_trace::OpenError>(())
/// ```
pub fn reduce_and_see(bundle: &Bundle, mut see: impl FnMut(&Evidence)) -> (RolloutTrace, Facts) {
    let mut facts = Facts::default();
    let graph = reduce(
        bundle,
        |_| {},
        |reducer, evidence, payloads| {
            see(evidence);
            reducer.apply_observed(evidence, payloads, &mut facts);
        },
    );
    (graph, facts)
}

/// How many lines are applied before one is reported.
const WATCHED: u64 = 64;

fn reduce(
    bundle: &Bundle,
    mut watch: impl FnMut(u64),
    mut apply: impl FnMut(&mut Reducer, &Evidence, &mut dyn PayloadSource),
) -> RolloutTrace {
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    for problem in bundle.problems() {
        reducer.note_problem(problem);
    }
    let mut payloads = bundle.payloads();
    bundle.events().for_each_ahead(|evidence| {
        apply(&mut reducer, evidence, &mut payloads);
        if let Evidence::Event(located) = evidence
            && located.line.is_multiple_of(WATCHED)
        {
            watch(located.line);
        }
    });
    for problem in payloads.problems() {
        reducer.note_problem(&problem);
    }
    reducer.finish()
}
