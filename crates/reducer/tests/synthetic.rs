//! The bundles that the benches make are clean and mean what they are made to mean.

mod support;
#[path = "../benches/synthetic/mod.rs"]
mod synthetic;

use rollout_trace_bundle::Bundle;
use rollout_trace_model::{InteractionKind, Severity};
use support::reduce_bundle;
use synthetic::Shape;

#[test]
fn synthetic_bundles_are_clean() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { tools: 2, child_every: Some(5), ..Shape::of_trips(40) }.compacted_every(12);
    shape.write(folder.path());
    let graph = reduce_bundle(&Bundle::open(folder.path()).unwrap());
    let surprises: Vec<_> =
        graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(graph.check_links(), [] as [String; 0]);
    assert_eq!(graph.recording_complete, Some(true));
    assert!(graph.compactions.len() >= 2 && graph.threads.len() >= 5);
    let edges = graph.interaction_edges.values().filter(|edge| edge.kind == InteractionKind::AgentResult);
    assert_eq!(edges.count(), graph.threads.len() - 1);
    assert!(graph.undelivered_messages.is_empty() && graph.cut_off.is_empty());
    // What a request repeats is no new item.
    let largest = graph.inference_calls.values().map(|call| call.request_item_ids.len()).max();
    assert!(graph.conversation_items.len() < 10 * largest.unwrap());
}
