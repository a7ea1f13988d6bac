//! Answers about graphs that no reducer makes, or only from what somebody forged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use rollout_trace::{
    Bundle, RolloutTrace,
    answers::{Axis, Blame, Facts, Node, OriginClass, Rollout, SelectError, Stats, Unseen},
    model::{Body, BodyPart, ConversationItem, ItemId, ItemKind, Role},
    reduce_with_facts,
    schema::CodexTurnId,
};

/// Changes the graph of the sample, and asks about it.
fn ask(change: impl FnOnce(&mut RolloutTrace), question: impl FnOnce(&Rollout<'_>)) {
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle"));
    let bundle = Bundle::open(sample).unwrap();
    let (mut graph, facts): (RolloutTrace, Facts) = reduce_with_facts(&bundle);
    change(&mut graph);
    let mut payloads = bundle.payloads();
    question(&Rollout::new(&graph, &facts, &mut payloads, bundle.limits()));
}

fn add_item(graph: &mut RolloutTrace, number: u32, thread: &str, role: Role, text: &str) {
    let some = graph.conversation_items.values().next().unwrap().clone();
    let last = graph.conversation_items.values().map(|item| item.first_seen_seq).max().unwrap();
    let item = ConversationItem {
        item_id: ItemId(number),
        thread_id: thread.into(),
        role,
        kind: ItemKind::Message,
        body: Body { parts: vec![BodyPart::Text { text: text.to_owned() }] },
        first_seen_seq: last + u64::from(number),
        produced_by: Vec::new(),
        inferred_producers: Vec::new(),
        ..some
    };
    graph.conversation_items.insert(item.item_id, item);
}

#[test]
fn reported_numbers_may_be_any() {
    let change = |graph: &mut RolloutTrace| {
        for call in graph.inference_calls.values_mut() {
            let usage = call.usage.as_mut().unwrap();
            usage.input_tokens = i64::MAX;
            usage.cached_input_tokens = i64::MIN;
            usage.output_tokens = i64::MAX;
            usage.reasoning_output_tokens = i64::MAX;
        }
    };
    ask(change, |rollout| {
        let totals = Blame::of(rollout, Axis::Source, None).totals;
        assert_eq!((totals.input_tokens, totals.cached_input_tokens), (i64::MAX, i64::MIN));
        assert_eq!(Stats::of(rollout).totals.output_tokens, i64::MAX);
    });
}

#[test]
fn the_number_of_an_item_may_be_any() {
    let change = |graph: &mut RolloutTrace| add_item(graph, u32::MAX, "thread-root", Role::User, "the last");
    ask(change, |rollout| {
        assert!(rollout.sizes(ItemId(u32::MAX)).tokens_estimate > 0);
        assert_eq!(rollout.origin(ItemId(u32::MAX)).class, OriginClass::Person);
        assert_eq!(rollout.select("[4294967295]"), Ok(Node::Item(ItemId(u32::MAX))));
        Unseen::of(rollout);
    });
}

#[test]
fn a_child_that_said_nothing_is_quoted_by_no_message() {
    let origin_after = |words: &str| {
        let mut found = None;
        let change = |graph: &mut RolloutTrace| {
            add_item(graph, 1000, "thread-reviewer", Role::Assistant, words);
            add_item(graph, 1001, "thread-root", Role::User, "thread-reviewer has said: done");
            // Otherwise an item that was never accepted was never in the history.
            graph.schema_version = 1;
        };
        ask(change, |rollout| found = Some(rollout.origin(ItemId(1001)).class));
        found.unwrap()
    };
    assert_eq!(origin_after("done"), OriginClass::Agent);
    assert_eq!(origin_after(""), OriginClass::Person);
}

#[test]
fn the_name_of_a_turn_may_be_the_id_of_another() {
    let change = |graph: &mut RolloutTrace| {
        let mut turn = graph.codex_turns.values().next_back().unwrap().clone();
        turn.codex_turn_id = CodexTurnId::from("turn-2");
        turn.execution.started_seq = 1_000;
        graph.codex_turns.insert(turn.codex_turn_id.clone(), turn);
    };
    ask(change, |rollout| {
        let second = CodexTurnId::from("turn-reviewer-1");
        assert_eq!(rollout.turn_number(&second), Some(2));
        assert_eq!(rollout.turn_name(&second), "turn:2");
        for (name, turn) in [("turn:2", "turn-reviewer-1"), ("turn-2", "turn-2"), ("turn-3", "turn-2")] {
            assert_eq!(rollout.select(name), Ok(Node::Turn(turn.into())), "{name}");
        }
    });
}

#[test]
fn agents_are_selected_in_one_way() {
    ask(
        |_| {},
        |rollout| {
            for name in ["/root", "agent:/root", "thread:thread-root", "thread-root", "thread-ro"] {
                assert_eq!(rollout.select_thread(name).map(|thread| thread.as_str()), Ok("thread-root"), "{name}");
            }
            let SelectError::Several(several) = rollout.select_thread("thread-").unwrap_err() else { panic!() };
            assert_eq!(several.len(), 2);
            for name in ["", "typo", "agent:"] {
                assert_eq!(rollout.select_thread(name), Err(SelectError::Nothing), "{name}");
            }
            let first = rollout.select("inference-1");
            for name in ["request 1", "request:1", "1"] {
                let call = rollout.select_call(name).map(|call| Node::Inference(call.inference_call_id.clone()));
                assert_eq!(call, first, "{name}");
            }
            assert_eq!(rollout.select("request 1"), first);
        },
    );
}
