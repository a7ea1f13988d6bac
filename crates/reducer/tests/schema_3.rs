//! A bundle of schema 2 has the same facts in schema 3.

mod support;

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    path::Path,
};

use rollout_trace_bench_bundles::{Form, PayloadLayout, Rollout, Shape};
use rollout_trace_bundle::{Bundle, ConvertError, Evidence, convert_to_schema_3};
use rollout_trace_model::RolloutTrace;
use rollout_trace_schema::{EventPayload, RuntimeCellId, Seq, ToolCallId};
use serde_json::Value;

/// How many differences of one bundle are listed.
const LISTED: usize = 12;

/// How many characters of a value are shown.
const SHOWN: usize = 90;

/// The keys that differ in many bundles, because schema 3 has other ones, or because an event was added or left out.
const KEYS: [&str; 7] =
    ["schema_version", "recording_complete", "recording_status", "prepared_prompt_payload_id", "path", "shard", "line"];

/// Returns which code cell each tool call of a graph waits for.
fn waits(graph: &RolloutTrace) -> BTreeMap<ToolCallId, RuntimeCellId> {
    let cells = graph.code_cells.values();
    cells
        .filter_map(|cell| Some((cell.runtime_cell_id.clone()?, &cell.wait_tool_call_ids)))
        .flat_map(|(cell, tools)| tools.iter().map(move |tool| (tool.clone(), cell.clone())))
        .collect()
}

/// Converts a bundle and lists what is lost, and how the graph of the result differs.
fn differences(bundle: &Path) -> Option<String> {
    let source = Bundle::open(bundle).expect("the bundle opens");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let target = folder.path().join("schema-3");
    let graph = support::reduce(bundle);
    let converted = match convert_to_schema_3(&source, &target, &waits(&graph)) {
        Err(ConvertError::NotSchema2 { .. }) => return None,
        converted => converted.expect("there is room"),
    };
    let mut text = String::new();
    for loss in &converted.losses {
        writeln!(text, "  lost of {}: {}", loss.path, loss.reason).expect("a string grows");
    }
    let mut result = serde_json::to_value(support::reduce(&target)).expect("a graph serializes");
    restore_seqs(&mut result, &seqs(&source, &Bundle::open(&target).expect("the result opens")));
    if let Some(payloads) = result["raw_payloads"].as_object_mut() {
        payloads.retain(|_, payload| payload["kind"]["type"] != "prepared_prompt");
    }
    let graph = serde_json::to_value(&graph).expect("a graph serializes");
    let mut found = Vec::new();
    compare("", &graph, &result, &mut found);
    found.iter().take(LISTED).for_each(|line| text += line);
    if found.len() > LISTED {
        writeln!(text, "  and {} more", found.len() - LISTED).expect("a string grows");
    }
    Some(text)
}

/// Returns the seqs that the events of the result had in the source.
fn seqs(source: &Bundle, result: &Bundle) -> HashMap<Seq, Seq> {
    let events = |bundle: &Bundle| {
        let events = bundle.events().filter_map(|evidence| match evidence {
            Evidence::Event(located) => Some(located.event),
            Evidence::Problem(_) => None,
        });
        events.collect::<Vec<_>>()
    };
    let is_kept = |payload: &EventPayload| match payload {
        EventPayload::Unknown(_) | EventPayload::RecordingCompleted(_) => false,
        EventPayload::Other(other) => other.kind.starts_with("rollout_trace."),
        _ => true,
    };
    let is_added = |payload: &EventPayload| matches!(payload, EventPayload::CodeCellWaitTargetResolved(_));
    let before = events(source).into_iter().filter(|event| is_kept(&event.payload));
    let mut map = HashMap::new();
    let mut before = before.map(|event| event.seq);
    let mut last = 0;
    for (number, event) in events(result).iter().enumerate() {
        assert_eq!((event.seq, event.schema_version), (number as Seq + 1, 3));
        if matches!(event.payload, EventPayload::RecordingCompleted(_)) {
            continue;
        }
        last = if is_added(&event.payload) { last } else { before.next().expect("no event is new") };
        map.insert(event.seq, last);
    }
    map
}

fn restore_seqs(value: &mut Value, seqs: &HashMap<Seq, Seq>) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| restore_seqs(value, seqs)),
        Value::Object(entries) => {
            for (key, value) in entries {
                match value.as_u64().filter(|_| key.ends_with("seq")).and_then(|seq| seqs.get(&seq)) {
                    Some(seq) => *value = (*seq).into(),
                    None => restore_seqs(value, seqs),
                }
            }
        }
        _ => {}
    }
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for key in keys.into_iter().filter(|key| !KEYS.contains(&key.as_str())) {
                let path = format!("{path}/{key}");
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(&path, left, right, found),
                    (left, right) => found.push(line(&path, left, right)),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}/{index}"), left, right, found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(line(path, Some(left), Some(right))),
    }
}

fn line(path: &str, before: Option<&Value>, after: Option<&Value>) -> String {
    let text = |value: Option<&Value>| match value.map(Value::to_string) {
        None => "nothing".to_owned(),
        Some(text) if text.len() > SHOWN => text.chars().take(SHOWN).chain("…".chars()).collect(),
        Some(text) => text,
    };
    format!("  {path}: {} is {}\n", text(before), text(after))
}

#[test]
fn scenarios() {
    let mut drawing = String::new();
    for (name, text) in support::scenarios() {
        if let Some(found) = differences(support::scenario(&text).path()) {
            drawing += &format!("{name}\n{found}");
        }
    }
    insta::assert_snapshot!(drawing);
}

#[test]
fn synthetic_and_recorded_bundles() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (synthetic, recorded) = (folder.path().join("synthetic"), folder.path().join("recorded"));
    std::fs::create_dir(&synthetic).expect("there is room");
    Shape::of_trips(6).write(Form::Files, &synthetic);
    let rollout = Rollout {
        layout: PayloadLayout::Packed,
        trips: 30,
        trips_per_turn: 4,
        child_after: &[6, 12],
        trips_of_child: 4,
        compact_every: Some(9),
        output_bytes: 500,
        seed: 7,
    };
    rollout.record(&recorded).expect("there is room");
    insta::assert_snapshot!(differences(&synthetic).expect("it has schema 2"), @"");
    insta::assert_snapshot!(differences(&recorded).expect("it has schema 2"), @"");
}
