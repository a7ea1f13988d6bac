//! Damage of every kind, done to the shards of schema 3 and to what refers to them. Nothing panics, what was written before
//! the damage stays, and the same bundle always has the same graph.

mod support;

use std::{fs, path::Path};

use rollout_trace_bundle::Bundle;
use rollout_trace_model::RolloutTrace;
use serde_json::{Value, json};
use support::{
    Script, complaints, reduce_bundle, scenario,
    script::{frame, open_frame, shard_bytes},
};
use tempfile::TempDir;

/// A bundle of schema 3 that tests may damage and mend again.
struct Patient {
    name: String,
    script: Script,
    folder: TempDir,
    graph: RolloutTrace,
}

impl Patient {
    fn all() -> Vec<Self> {
        let chosen = ["code-cell", "compaction", "incremental", "mcp"];
        let scenarios = support::scenarios().into_iter().filter(|(name, _)| chosen.contains(&name.as_str()));
        let patient = |(name, text): (String, String)| {
            let text = format!("schema 3\n{text}");
            let (script, folder) = (Script::parse(&text), scenario(&text));
            let graph = reduce(folder.path());
            assert_eq!(complaints(&graph), [] as [&str; 0], "{name}");
            Self { name, script, folder, graph }
        };
        scenarios.map(patient).collect()
    }

    fn with_shard(&self, bytes: &[u8]) -> RolloutTrace {
        fs::write(self.folder.path().join("payloads/000001.zst"), bytes).expect("there is room");
        let graph = reduce(self.folder.path());
        assert_eq!(graph.recording_status, self.graph.recording_status, "{}: damage says nothing about it", self.name);
        graph
    }

    /// Reduces the bundle with changed records, all of them in one frame.
    fn with_records(&self, records: &[(String, Vec<u8>)]) -> RolloutTrace {
        self.with_shard(&frame(&shard_bytes(records)))
    }

    fn with_lines(&self, lines: &[Value]) -> RolloutTrace {
        let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.folder.path().join("trace.jsonl"), log).expect("there is room");
        reduce(self.folder.path())
    }

    fn lines(&self) -> Vec<Value> {
        self.script.lines().iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Checks that everything from before the event that first misses something is in the graph.
    fn check_before(&self, graph: &RolloutTrace, what: &str) {
        let told = graph.diagnostics.iter().filter(|told| told.code.as_str().starts_with("payload_"));
        let Some(first) = told.filter_map(|told| told.seq).min() else { return };
        let lost_part = graph.diagnostics.iter().any(|told| told.seq.is_none() && told.payload_id.is_some());
        for (id, item) in self.graph.conversation_items.iter().filter(|(_, item)| item.first_seen_seq < first) {
            let same = graph.conversation_items.get(id).is_some_and(|found| found.body == item.body);
            assert!(same || lost_part, "{}: {what}: {id} is gone", self.name);
        }
    }
}

fn reduce(bundle: &Path) -> RolloutTrace {
    let opened = || Bundle::open(bundle).expect("the bundle opens");
    let graph = reduce_bundle(&opened());
    assert_eq!(graph.check_links(), Vec::<String>::new(), "{}", bundle.display());
    graph
}

/// The shard as Codex writes it, with a block for each record.
fn flushed(script: &Script) -> Vec<u8> {
    let records: Vec<_> = script.records().iter().map(|record| shard_bytes(std::slice::from_ref(record))).collect();
    let texts: Vec<_> = records.iter().map(Vec::as_slice).collect();
    open_frame(&texts).finish().expect("a vector takes all bytes")
}

#[test]
fn every_byte_of_a_shard() {
    for patient in Patient::all() {
        let shard = flushed(&patient.script);
        for at in 0..shard.len() {
            let flipped = [&shard[..at], &[shard[at] ^ 1 << (at % 8)], &shard[at + 1..]].concat();
            let doubled = [&shard[..=at], &shard[at..]].concat();
            for (what, damaged) in [("cut", &shard[..at]), ("flipped", &flipped), ("doubled", &doubled)] {
                let graph = patient.with_shard(damaged);
                let what = format!("{what} at {at}");
                // A few bits of the compressed data mean nothing.
                assert!(graph == patient.graph || !complaints(&graph).is_empty(), "{}: {what}", patient.name);
                patient.check_before(&graph, &what);
            }
        }
    }
}

#[test]
fn every_byte_of_the_records() {
    for patient in Patient::all() {
        let bytes = shard_bytes(&patient.script.records());
        for at in 0..bytes.len() {
            let flipped = [&bytes[..at], &[bytes[at] ^ 1 << (at % 8)], &bytes[at + 1..]].concat();
            let doubled = [&bytes[..=at], &bytes[at..]].concat();
            patient.with_shard(&frame(&flipped));
            patient.with_shard(&frame(&doubled));
            let graph = patient.with_shard(&frame(&bytes[..at]));
            assert!(!complaints(&graph).is_empty(), "{}: cut at {at}", patient.name);
            patient.check_before(&graph, &format!("cut at {at}"));
        }
    }
}

#[test]
fn records_moved_and_doubled() {
    for patient in Patient::all() {
        let records = patient.script.records();
        for place in 0..records.len() {
            let mut moved = records.clone();
            let record = moved.remove(place);
            moved.insert(records.len() - 1 - place, record);
            assert_eq!(patient.with_records(&moved), patient.graph, "{}: {place} moved", patient.name);
            let mut doubled = records.clone();
            doubled.insert(place, records[place].clone());
            let graph = patient.with_records(&doubled);
            assert_eq!(complaints(&graph), ["shard_record_skipped"], "{}: {place} doubled", patient.name);
            assert_eq!(graph.conversation_items, patient.graph.conversation_items, "{}: {place} doubled", patient.name);
            // Two payloads that have changed places.
            let mut crossed = records.clone();
            let other = (place + 1) % records.len();
            (crossed[place].1, crossed[other].1) = (records[other].1.clone(), records[place].1.clone());
            patient.with_records(&crossed);
        }
    }
}

#[test]
fn frames_in_parts() {
    for patient in Patient::all() {
        let records = patient.script.records();
        for place in 0..=records.len() {
            let (first, second) = records.split_at(place);
            let frames = [frame(&shard_bytes(first)), frame(&shard_bytes(second))];
            assert_eq!(patient.with_shard(&frames.concat()), patient.graph, "{}: cut at {place}", patient.name);
            let garbage = [&frames[0][..], &b"neither"[..], &frames[1]].concat();
            let graph = patient.with_shard(&garbage);
            assert_eq!(complaints(&graph)[0], "shard_damaged", "{}: garbage at {place}", patient.name);
            patient.check_before(&graph, &format!("garbage at {place}"));
        }
    }
}

/// Calls `change` with each reference of a line, and with those of its parts.
fn for_each_reference(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    if value["raw_payload_id"].is_string() && value["kind"].is_object() {
        change(value);
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| for_each_reference(value, change)),
        Value::Object(fields) => fields.values_mut().for_each(|value| for_each_reference(value, change)),
        _ => {}
    }
}

/// Changes the reference with this number, if there is one.
fn change_reference(lines: &mut [Value], number: usize, change: impl Fn(&mut Value)) -> bool {
    let mut count = 0;
    for line in lines {
        for_each_reference(line, &mut |reference| {
            if count == number {
                change(reference);
            }
            count += 1;
        });
    }
    number < count
}

#[test]
fn references_crossed() {
    for patient in Patient::all() {
        let lines = patient.lines();
        let mut all = Vec::new();
        lines.clone().iter_mut().for_each(|line| for_each_reference(line, &mut |found| all.push(found.clone())));
        let captures = [
            json!({"status": "omitted", "original_bytes": 1}),
            json!({"status": "truncated", "original_bytes": 9, "retained_bytes": 3}),
            json!({"status": "of_tomorrow"}),
        ];
        let mut number = 0;
        loop {
            let other = &all[(number * 7 + 3) % all.len()];
            let parts = |parts: &[&Value]| json!(parts);
            let changes: [&dyn Fn(&mut Value); 6] = [
                &|reference| *reference = other.clone(),
                &|reference| reference["parts"] = parts(&[other]),
                &|reference| reference["parts"] = parts(&[&all[number % all.len()], other]),
                &|reference| reference["capture"] = captures[number % captures.len()].clone(),
                &|reference| reference["shard"] = json!(2),
                &|reference| reference["raw_payload_id"] = other["raw_payload_id"].clone(),
            ];
            let mut is_there = true;
            for (place, change) in changes.iter().enumerate() {
                let mut changed = lines.clone();
                is_there = change_reference(&mut changed, number, change);
                let graph = patient.with_lines(&changed);
                if number % 5 == 0 {
                    assert_eq!(reduce(patient.folder.path()), graph, "{}: change {place} of {number}", patient.name);
                }
            }
            if !is_there {
                break;
            }
            number += 1;
        }
    }
}
