//! A graph is written with the bytes that `serde_json` writes.

mod graphs;

use graphs::{graph, items};
use proptest::{collection::vec, prelude::*};
use rollout_trace_model::{ItemId, JsonLayout, OperationId, write_graph, write_json};
use serde_json::{Value, json};

/// Values that nest deeply, among them empty ones, with texts that need escapes.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(20, 60, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any::<String>(), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn requests_list_their_items(
        grown in items(), cuts in vec((any::<prop::sample::Index>(), items()), 0..8), others in vec(items(), 0..3),
    ) {
        // Each list begins as the one before it, or is another one.
        let mut lists = vec![grown];
        for (cut, more) in cuts {
            let last = lists.last().expect("there is the first one");
            lists.push(last[..cut.index(last.len() + 1)].iter().copied().chain(more).collect());
        }
        lists.extend(others);
        let graph = graph(&lists);
        let (mut pretty, mut compact) = (Vec::new(), Vec::new());
        write_graph(&graph, JsonLayout::Pretty, &mut pretty).unwrap();
        write_graph(&graph, JsonLayout::Compact, &mut compact).unwrap();
        prop_assert!(pretty == serde_json::to_vec_pretty(&graph).unwrap());
        prop_assert!(compact == serde_json::to_vec(&graph).unwrap());
    }

    #[test]
    fn any_value_is_laid_out(value in value()) {
        let (mut pretty, mut compact) = (Vec::new(), Vec::new());
        write_json(&value, JsonLayout::Pretty, &mut pretty).unwrap();
        write_json(&value, JsonLayout::Compact, &mut compact).unwrap();
        prop_assert!(pretty == serde_json::to_vec_pretty(&value).unwrap());
        prop_assert!(compact == serde_json::to_vec(&value).unwrap());
    }

    #[test]
    fn numbered_ids_are_their_prefixes_and_numbers(number in any::<u32>()) {
        let (item, operation) = (format!("conversation_item:{number}"), format!("terminal_operation:{number}"));
        prop_assert_eq!(json!([ItemId(number), OperationId(number)]), json!([&item, &operation]));
        prop_assert_eq!((ItemId(number).to_string(), OperationId(number).to_string()), (item, operation));
    }
}

#[test]
fn deep_values_are_indented() {
    let deep = (0..40).fold(json!([]), |inner, _| json!([inner, {}, 1]));
    let mut text = Vec::new();
    write_json(&deep, JsonLayout::Pretty, &mut text).unwrap();
    assert!(text == serde_json::to_vec_pretty(&deep).unwrap());
}
