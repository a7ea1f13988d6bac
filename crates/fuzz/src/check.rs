//! Checks that hold for every graph.

use rollout_trace_bundle::{Bundle, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::RolloutTrace;
use rollout_trace_reducer::Reducer;
use rollout_trace_schema::PayloadRef;

/// Loads each document as if it were the first, so that nothing is known about what it repeats.
pub struct Forgetful<S>(pub S);

impl<S: PayloadSource> PayloadSource for Forgetful<S> {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let mut fresh = PayloadBuffer::default();
        self.0.load(reference, &mut fresh)?;
        *buffer = fresh;
        Ok(())
    }
}

/// Feeds all evidence of a bundle to a new reducer. Returns the reducer.
pub fn feed(bundle: &Bundle, payloads: &mut dyn PayloadSource) -> Reducer {
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    for problem in bundle.problems() {
        reducer.note_problem(problem);
    }
    for evidence in bundle.events() {
        reducer.apply(&evidence, payloads);
    }
    reducer
}

/// Checks what must hold for every graph. Returns the graph's text.
///
/// # Panics
///
/// The graph violates an invariant.
pub fn check(graph: &RolloutTrace) -> String {
    assert_eq!(graph.check_links(), [] as [String; 0]);
    for item in graph.conversation_items.values() {
        assert!(item.first_seen_seq <= item.last_seen_seq, "{item:?}");
    }
    let text = serde_json::to_string_pretty(graph).expect("a graph serializes");
    let read: serde_json::Result<RolloutTrace> = serde_json::from_str(&text);
    read.expect("a graph reads back");
    text
}
