//! A graph may be looked at at any time, and the reducer says what has changed since the last look.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use rollout_trace_bundle::{Bundle, Evidence};
use rollout_trace_model::{ConversationItem, ObjectRef, RolloutTrace};
use serde_json::Value;

/// Looks at a graph after every piece of evidence.
fn check(name: &str, bundle: &Bundle) {
    let mut payloads = bundle.payloads();
    let mut reducer = support::new_reducer(bundle);
    let evidence: Vec<_> = bundle.events().collect();
    let mut before = support::reduce_evidence(bundle, &[]);
    before.cut_off.clear();
    before.diagnostics.clear();
    let mut highest = 0;
    for (number, piece) in evidence.iter().enumerate() {
        reducer.apply(piece, &mut payloads);
        let changed = reducer.changed_since(highest);
        let live = reducer.graph().clone();
        support::check_live(&live, support::reduce_evidence(bundle, &evidence[..=number]));

        let named: BTreeSet<_> = changed.iter().cloned().collect();
        assert_eq!(named.len(), changed.len(), "{name}, piece {number}: an object is named twice");
        let missing: Vec<_> = differing(&before, &live).difference(&named).cloned().collect();
        assert_eq!(missing, [], "{name}, piece {number}: changed, but not named");
        before = live;
        if let Evidence::Event(located) = piece {
            highest = highest.max(located.event.seq);
        }
    }
}

/// Returns the objects in which two graphs differ.
fn differing(left: &RolloutTrace, right: &RolloutTrace) -> BTreeSet<ObjectRef> {
    let mut found = BTreeSet::new();
    let mut add = |ids: Vec<ObjectRef>| found.extend(ids);
    add(differing_in(&left.threads, &right.threads, ObjectRef::Thread));
    add(differing_in(&left.codex_turns, &right.codex_turns, ObjectRef::CodexTurn));
    add(differing_in(&left.inference_calls, &right.inference_calls, ObjectRef::InferenceCall));
    add(differing_in(&left.code_cells, &right.code_cells, ObjectRef::CodeCell));
    add(differing_in(&left.tool_calls, &right.tool_calls, ObjectRef::ToolCall));
    add(differing_in(&left.terminal_sessions, &right.terminal_sessions, ObjectRef::TerminalSession));
    add(differing_in(&left.terminal_operations, &right.terminal_operations, ObjectRef::TerminalOperation));
    add(differing_in(&left.compactions, &right.compactions, ObjectRef::Compaction));
    add(differing_in(&left.compaction_requests, &right.compaction_requests, ObjectRef::CompactionRequest));
    add(differing_in(&left.interaction_edges, &right.interaction_edges, ObjectRef::InteractionEdge));
    add(differing_in(&left.raw_payloads, &right.raw_payloads, ObjectRef::RawPayload));
    let items = |graph: &RolloutTrace| -> BTreeMap<_, _> {
        let unseen = |item: &ConversationItem| ConversationItem { last_seen_seq: 0, ..item.clone() };
        graph.conversation_items.iter().map(|(id, item)| (*id, unseen(item))).collect()
    };
    add(differing_in(&items(left), &items(right), ObjectRef::ConversationItem));
    if rollout(left) != rollout(right) {
        add(vec![ObjectRef::Rollout]);
    }
    found
}

fn differing_in<K: Clone + Ord, V: PartialEq>(
    left: &BTreeMap<K, V>,
    right: &BTreeMap<K, V>,
    name: impl Fn(K) -> ObjectRef,
) -> Vec<ObjectRef> {
    let ids: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    ids.into_iter().filter(|id| left.get(id) != right.get(id)).cloned().map(name).collect()
}

/// Returns what a graph does not keep in a map.
fn rollout(graph: &RolloutTrace) -> Value {
    let mut fields = serde_json::to_value(graph).expect("a graph serializes");
    fields.as_object_mut().expect("a graph is an object").retain(|_, field| !field.is_object());
    fields
}

#[test]
fn scenarios_at_every_cut() {
    for (name, text) in support::scenarios() {
        let folder = support::scenario(&text);
        check(&name, &Bundle::open(folder.path()).unwrap());
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn small_recorded_bundles_at_every_cut() {
    let root = support::conformance();
    for name in ["agents", "collab1", "codemode", "rcompact", "terminal"] {
        let bundle = root.join("codex-0.169.0").join(name).join("bundle");
        check(name, &Bundle::open(&bundle).unwrap());
    }
}
