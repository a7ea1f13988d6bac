//! The bundles of the benches are clean and reduce to the expected graphs.

mod support;

use rollout_trace_bench_bundles::{Form, PayloadLayout, Rollout, Shape};
use rollout_trace_bundle::Bundle;
use rollout_trace_model::{InteractionKind, RecordingStatus, Severity};
use support::reduce_bundle;

#[test]
fn synthetic_bundles_are_clean() {
    let shape = Shape { tools: 2, child_every: Some(5), ..Shape::of_trips(40) }.compacted_every(12);
    let mut items = Vec::new();
    for form in [Form::Files, Form::Shards, Form::ShardsOfCodex] {
        let folder = tempfile::tempdir().unwrap();
        shape.write(form, folder.path());
        let graph = reduce_bundle(&Bundle::open(folder.path()).unwrap());
        let surprises: Vec<_> =
            graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
        assert!(surprises.is_empty(), "{surprises:#?}");
        assert_eq!(graph.check_links(), [] as [String; 0]);
        let is_complete = graph.recording_complete == Some(true);
        assert!(is_complete || graph.recording_status == Some(RecordingStatus::Complete));
        assert!(graph.compactions.len() >= 2 && graph.threads.len() >= 5);
        let edges = graph.interaction_edges.values().filter(|edge| edge.kind == InteractionKind::AgentResult);
        assert_eq!(edges.count(), graph.threads.len() - 1);
        assert!(graph.undelivered_messages.is_empty() && graph.cut_off.is_empty());
        // An item that a request repeats is not new.
        let largest = graph.inference_calls.values().map(|call| call.request_item_ids.len()).max();
        assert!(graph.conversation_items.len() < 10 * largest.unwrap());
        items.push(graph.conversation_items.len());
    }
    assert!(items.iter().all(|other| *other == items[0]), "{items:?}");
}

#[test]
fn recorded_rollouts_are_clean() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Rollout {
        layout: PayloadLayout::Packed,
        trips: 90,
        trips_per_turn: 12,
        child_after: &[4, 30],
        trips_of_child: 6,
        compact_every: Some(40),
        output_bytes: 300,
        seed: 5,
    };
    shape.record(folder.path()).unwrap();
    let graph = reduce_bundle(&Bundle::open(folder.path()).unwrap());
    assert_eq!(graph.diagnostics, []);
    assert_eq!(graph.check_links(), [] as [String; 0]);
    assert_eq!(graph.recording_complete, Some(true));
    assert_eq!((graph.threads.len(), graph.compactions.len()), (3, 2));
    assert!(graph.code_cells.len() > 5 && graph.terminal_sessions.len() > 30);
}
