//! The normal form of a graph.

use serde_json::{Map, Value};

use crate::{Execution, RolloutTrace, names::Names};

/// Returns the normal form of a graph, which is the same for two runs with the same events.
///
/// * Each randomly minted id (a UUID, a long provider id, a process id) is replaced by a short one, numbered in the
///   order of first appearance, wherever it occurs: in keys, in other ids, in texts, in diagnostics. Short ids are
///   kept.
/// * Every time and duration becomes 0. An object that has not ended still has no end.
/// * A nickname becomes `nickname`.
///
/// Everything else is kept, including texts, seqs, and the numbers of items and payloads. The normal form of a normal
/// form is the same, and both have the same drawing.
///
/// ```
/// use rollout_trace_model::{RolloutTrace, normalized};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
///
/// let graph: RolloutTrace = serde_json::from_str(json)?;
/// let normal = normalized(&graph);
/// assert_eq!(normal.started_at_unix_ms, 0);
/// assert_eq!(normalized(&normal), normal);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn normalized(graph: &RolloutTrace) -> RolloutTrace {
    let names = Names::of(graph);
    let value = serde_json::to_value(graph).expect("a graph has only string keys");
    let mut graph: RolloutTrace = serde_json::from_value(renamed(value, &names))
        .expect("only ids in plain strings are renamed, and no keys, variants or numbers");
    for compaction in graph.compactions.values_mut() {
        // The requests are still in the order of their former ids.
        compaction.request_ids.sort_by_key(|id| graph.compaction_requests.get(id).map(start));
    }
    graph
}

fn start(request: &crate::CompactionRequest) -> u64 {
    let Execution { started_seq, .. } = request.execution;
    started_seq
}

fn renamed(value: Value, names: &Names) -> Value {
    match value {
        Value::String(text) => names.shorten(&text).into_owned().into(),
        Value::Array(values) => values.into_iter().map(|value| renamed(value, names)).collect(),
        Value::Object(entries) => Value::Object(renamed_entries(entries, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn renamed_entries(entries: Map<String, Value>, names: &Names) -> Map<String, Value> {
    let renamed_entry = |(key, value): (String, Value)| {
        let value = match key.as_str() {
            "durations" => zeroed(value),
            "nickname" if value.is_string() => "nickname".into(),
            _ if key.ends_with("_unix_ms") && value.is_number() => 0.into(),
            _ => renamed(value, names),
        };
        (names.shorten(&key).into_owned(), value)
    };
    entries.into_iter().map(renamed_entry).collect()
}

fn zeroed(value: Value) -> Value {
    match value {
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, zeroed(value))).collect(),
        Value::Number(_) => 0.into(),
        other => other,
    }
}
