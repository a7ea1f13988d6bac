//! Damage of every kind, done to our own bundles and to official ones. There is always a graph of what the rest proves,
//! and a diagnostic wherever the damage can be recognized.

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::{Bundle, Limits};
use rollout_trace_model::{BodyPart, Diagnostic, RolloutTrace, Severity};
use serde_json::{Value, json};
use support::{complaints, copy, reduce_bundle, scenario};
use tempfile::TempDir;

/// A bundle that tests may damage and mend again.
struct Patient {
    name: String,
    folder: TempDir,
    log: Vec<u8>,
    graph: RolloutTrace,
}

impl Patient {
    fn new(name: String, folder: TempDir) -> Self {
        let log = fs::read(folder.path().join("trace.jsonl")).expect("the bundle has a log");
        let graph = reduce(folder.path());
        Self { name, folder, log, graph }
    }

    fn lines(&self) -> Vec<&[u8]> {
        self.log.split_inclusive(|byte| *byte == b'\n').collect()
    }

    fn with_log(&self, log: &[u8]) -> RolloutTrace {
        fs::write(self.folder.path().join("trace.jsonl"), log).expect("a temporary folder can be written");
        reduce(self.folder.path())
    }

    fn payloads(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("payloads")).expect("the bundle has payloads");
        let mut paths: Vec<_> = folder.map(|entry| entry.expect("the bundle has payloads").path()).collect();
        paths.sort();
        paths
    }

    /// Returns whether nothing is wrong with the bundle before it is damaged.
    fn is_clean(&self) -> bool {
        complaints(&self.graph).is_empty()
    }
}

fn reduce(bundle: &Path) -> RolloutTrace {
    let graph =
        reduce_bundle(&Bundle::open_best_effort(bundle, Limits::default()).expect("there is something to read"));
    assert_eq!(graph.check_links(), Vec::<String>::new(), "{}", bundle.display());
    graph
}

fn own() -> Vec<Patient> {
    support::scenarios().into_iter().map(|(name, text)| Patient::new(name, scenario(&text))).collect()
}

/// Some of the scenarios as bundles of schema 3.
fn own_with_shards() -> Vec<Patient> {
    let chosen = ["agent-message-taken-once", "agents", "code-cell", "compaction", "incremental", "terminal-session"];
    let chosen = support::scenarios().into_iter().filter(|(name, _)| chosen.contains(&name.as_str()));
    chosen.map(|(name, text)| Patient::new(name, scenario(&format!("schema 3\n{text}")))).collect()
}

fn official() -> Vec<Patient> {
    let root = support::conformance();
    let mut patients = Vec::new();
    for family in fs::read_dir(root).expect("the cases are there").flatten().filter(|entry| entry.path().is_dir()) {
        for case in fs::read_dir(family.path()).expect("the cases are there").flatten() {
            let folder = tempfile::tempdir().expect("there is room for temporary files");
            copy(&case.path().join("bundle"), folder.path());
            patients.push(Patient::new(case.path().display().to_string(), folder));
        }
    }
    patients
}

/// Returns the graph without its diagnostics and without what the end of the log decides.
fn facts(graph: &RolloutTrace) -> RolloutTrace {
    RolloutTrace {
        diagnostics: Vec::new(),
        recording_complete: None,
        recording_status: None,
        reading_stopped: false,
        ..graph.clone()
    }
}

/// Returns the keys that come from the evidence, which do not depend on what else is in the graph.
fn named(graph: &RolloutTrace) -> BTreeSet<String> {
    let state = serde_json::to_value(graph).expect("a graph serializes");
    let maps = ["threads", "codex_turns", "inference_calls", "tool_calls", "compactions", "compaction_requests"];
    let mut names = BTreeSet::new();
    for map in maps {
        names.extend(state[map].as_object().expect("a map").keys().map(|key| format!("{map} {key}")));
    }
    names
}

/// Returns all texts of the conversation.
fn texts(graph: &RolloutTrace) -> BTreeSet<String> {
    let parts = graph.conversation_items.values().flat_map(|item| &item.body.parts);
    let text = |part: &BodyPart| match part {
        BodyPart::Text { text } | BodyPart::Summary { text } => Some(text.clone()),
        BodyPart::Json { summary, .. } => Some(summary.clone()),
        BodyPart::Code { source, .. } => Some(source.clone()),
        BodyPart::Encoded { value, .. } => Some(value.clone()),
        BodyPart::PayloadRef { .. } => None,
    };
    parts.filter_map(text).collect()
}

fn says(graph: &RolloutTrace, code: &str) -> bool {
    graph.diagnostics.iter().any(|diagnostic| diagnostic.code.as_str() == code)
}

/// Checks that a log that is cut at these bytes has the graph of its whole lines.
fn check_cuts(patient: &Patient, cuts: impl Iterator<Item = usize>) {
    let name = &patient.name;
    let mut of_whole_lines = (usize::MAX, patient.graph.clone());
    for at in cuts {
        let graph = patient.with_log(&patient.log[..at]);
        let whole = patient.log[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let torn = &patient.log[whole..at];
        if serde_json::from_slice::<Value>(torn).is_ok() || torn.iter().all(u8::is_ascii_whitespace) {
            assert!(!says(&graph, "torn_line"), "{name}: cut at {at}");
            continue;
        }
        assert!(says(&graph, "torn_line"), "{name}: cut at {at}");
        if of_whole_lines.0 != whole {
            of_whole_lines = (whole, facts(&patient.with_log(&patient.log[..whole])));
        }
        assert_eq!(facts(&graph), of_whole_lines.1, "{name}: cut at {at}");
    }
}

#[test]
fn own_logs_cut_at_every_byte() {
    let chosen = [
        "agents",
        "calls-numbered-anew",
        "code-cell",
        "code-cell-cut-short",
        "compaction",
        "ends-without-starts",
        "failed-call",
        "incremental",
        "mcp",
        "simple-turn",
        "terminal-session",
        "v1-code-cell-notify",
    ];
    for patient in own() {
        if chosen.contains(&patient.name.as_str()) {
            check_cuts(&patient, 0..=patient.log.len());
        } else {
            check_cuts(&patient, (0..=patient.log.len()).step_by(97));
        }
    }
    for patient in own_with_shards() {
        check_cuts(&patient, (0..=patient.log.len()).step_by(23));
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn official_logs_cut_at_sampled_bytes() {
    for patient in official() {
        let step = (patient.log.len() / 16).max(1);
        check_cuts(&patient, (0..patient.log.len()).step_by(step).chain([patient.log.len() - 1]));
    }
}

fn check_lines(patient: &Patient) {
    let name = &patient.name;
    let lines = patient.lines();
    for number in 0..lines.len() {
        let doubled = [&lines[..=number], &lines[number..]].concat().concat();
        let graph = patient.with_log(&doubled);
        assert!(
            says(&graph, "repeated_line") || says(&graph, "line_after_end_marker"),
            "{name}: line {number} doubled"
        );
        assert_eq!(facts(&graph), facts(&patient.graph), "{name}: line {number} doubled");

        let dropped = [&lines[..number], &lines[number + 1..]].concat().concat();
        let graph = patient.with_log(&dropped);
        if number + 1 < lines.len() {
            assert!(says(&graph, "seq_gap"), "{name}: line {number} dropped");
        } else {
            assert!(says(&graph, "trace_stops_early"), "{name}: last line dropped");
        }
        check_rest(patient, &graph, &event(lines[number]), &format!("line {number} dropped"));

        if number + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(number, number + 1);
            let graph = patient.with_log(&swapped.concat());
            assert!(
                says(&graph, "out_of_order") || says(&graph, "line_after_end_marker"),
                "{name}: line {number} swapped"
            );
            assert_eq!(facts(&graph), facts(&patient.graph), "{name}: line {number} swapped");
        }
    }
}

fn event(line: &[u8]) -> Value {
    serde_json::from_slice(line).expect("an undamaged line is JSON")
}

/// Checks that everything that the lost event does not name is in the graph.
fn check_rest(patient: &Patient, graph: &RolloutTrace, lost: &Value, what: &str) {
    let lost = lost.to_string();
    let names = named(graph);
    for name in named(&patient.graph) {
        let id = name.split_once(' ').expect("a map and a key").1;
        let id = id.split_once('#').map_or(id, |(id, _)| id);
        assert!(names.contains(&name) || lost.contains(id), "{}: {what}: {name} is gone", patient.name);
    }
}

#[test]
fn own_lines_dropped_doubled_and_swapped() {
    own().iter().chain(&own_with_shards()).for_each(check_lines);
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn official_lines_dropped_doubled_and_swapped() {
    official().iter().filter(|patient| patient.lines().len() < 60).for_each(check_lines);
}

/// Checks each payload when it is removed, emptied, cut short or filled with something else.
fn check_payloads(patient: &Patient) {
    let name = &patient.name;
    for path in patient.payloads() {
        let payload_id = format!("raw_payload:{}", path.file_stem().expect("a name").to_string_lossy());
        let whole = fs::read(&path).expect("the payload is there");
        let check = |what: &str, codes: &[&str]| {
            let graph = reduce(patient.folder.path());
            let is_reported = |diagnostic: &Diagnostic| {
                diagnostic.severity == Severity::Error
                    && codes.contains(&diagnostic.code.as_str())
                    && diagnostic.payload_id.as_ref().is_some_and(|id| **id == *payload_id)
            };
            let referenced = patient.graph.raw_payloads.contains_key(payload_id.as_str());
            assert!(!referenced || graph.diagnostics.iter().any(is_reported), "{name}: {payload_id} {what}");
            assert!(named(&patient.graph).is_subset(&named(&graph)), "{name}: {payload_id} {what}");
            graph
        };
        fs::remove_file(&path).expect("the payload is there");
        check("removed", &["payload_missing"]);
        fs::create_dir(&path).expect("the place is free");
        check("replaced by a folder", &["payload_unreadable"]);
        fs::remove_dir(&path).expect("the folder is there");
        fs::write(&path, b"").expect("there is room");
        check("emptied", &["payload_unreadable"]);
        fs::write(&path, &whole[..whole.len() / 2]).expect("there is room");
        check("cut short", &["payload_unreadable"]);
        fs::write(&path, b"\xFF\xFE\x00").expect("there is room");
        check("garbled", &["payload_unreadable", "invalid_utf8"]);
        fs::write(&path, &whole).expect("there is room");
    }
}

#[test]
fn own_payloads_lost() {
    own().iter().filter(|patient| patient.folder.path().join("payloads").is_dir()).for_each(check_payloads);
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn official_payloads_lost() {
    official().iter().filter(|patient| patient.payloads().len() < 30).for_each(check_payloads);
}

/// Checks that the items of a lost request that other payloads show are in the graph once.
fn check_lost_requests(patients: &[Patient]) {
    for patient in patients.iter().filter(|patient| patient.is_clean()) {
        for call in patient.graph.inference_calls.values() {
            let Some(payload) = &call.raw_request_payload_id else { continue };
            let path = patient.folder.path().join(patient.graph.raw_payloads[payload].path().expect("a path"));
            let whole = fs::read(&path).expect("the payload is there");
            fs::remove_file(&path).expect("the payload is there");
            let graph = reduce(patient.folder.path());
            fs::write(&path, whole).expect("there is room");
            let (before, after) = (patient.graph.conversation_items.len(), graph.conversation_items.len());
            assert!(after <= before, "{}: {payload} lost: {before} items became {after}", patient.name);
        }
    }
}

#[test]
fn a_lost_request_doubles_nothing() {
    check_lost_requests(&own());
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn an_official_lost_request_doubles_nothing() {
    check_lost_requests(&official());
}

/// Every event in turn gets an unknown type, and every value of an enumeration an unknown name.
#[test]
fn unknown_names_everywhere() {
    for patient in own().iter().chain(&own_with_shards()).filter(|patient| patient.is_clean()) {
        let lines = patient.lines();
        for number in 0..lines.len() {
            for place in [
                "/payload/type",
                "/payload/status",
                "/payload/kind/type",
                "/payload/requester/type",
                "/payload/summary/type",
            ] {
                let mut changed = event(lines[number]);
                let Some(value) = changed.pointer_mut(place).filter(|value| value.is_string()) else { continue };
                *value = json!("of_tomorrow");
                let line = format!("{changed}\n");
                let log = [&lines[..number], &[line.as_bytes()], &lines[number + 1..]].concat().concat();
                let graph = patient.with_log(&log);
                let what = format!("{place} of line {number} unknown");
                assert!(!complaints(&graph).is_empty(), "{}: {what}", patient.name);
                if place == "/payload/type" {
                    check_rest(patient, &graph, &event(lines[number]), &what);
                } else {
                    assert_eq!(named(&graph), named(&patient.graph), "{}: {what}", patient.name);
                }
            }
        }
    }
}

/// Every model item in turn gets an unknown type.
#[test]
fn unknown_items_everywhere() {
    for patient in own().iter().filter(|patient| patient.is_clean() && patient.folder.path().join("payloads").is_dir())
    {
        for path in patient.payloads() {
            let whole = fs::read(&path).expect("the payload is there");
            let payload_id = format!("raw_payload:{}", path.file_stem().expect("a name").to_string_lossy());
            let is_model_facing = patient.graph.raw_payloads.get(payload_id.as_str()).is_some_and(|reference| {
                let kinds = ["inference_request", "inference_response", "compaction_checkpoint"];
                kinds.contains(&reference.kind.as_str())
            });
            if !is_model_facing {
                continue;
            }
            let mut document: Value = serde_json::from_slice(&whole).expect("a payload is JSON");
            for list in ["input", "output_items", "input_history", "replacement_history"] {
                for number in 0..document[list].as_array().map_or(0, Vec::len) {
                    let known = document[list][number]["type"].take();
                    document[list][number]["type"] = json!("of_tomorrow");
                    fs::write(&path, document.to_string()).expect("there is room");
                    let graph = reduce(patient.folder.path());
                    let what = format!("{}: {list} {number} of {}", patient.name, path.display());
                    assert!(says(&graph, "unknown_item_kind"), "{what}");
                    assert_eq!(named(&graph), named(&patient.graph), "{what}");
                    document[list][number]["type"] = known;
                }
            }
            fs::write(&path, whole).expect("there is room");
        }
    }
}

/// Flipped bytes of random bundles cause no panic and leave the links consistent.
#[test]
fn flipped_bytes() {
    let mut random = Random(0x5EED);
    let patients: Vec<_> = own().into_iter().chain(own_with_shards()).collect();
    for round in 0..4000 {
        let patient = &patients[random.below(patients.len())];
        let payloads = if patient.folder.path().join("payloads").is_dir() { patient.payloads() } else { Vec::new() };
        let target = match random.below(3) {
            0 if !payloads.is_empty() => payloads[random.below(payloads.len())].clone(),
            1 if round % 10 == 0 => patient.folder.path().join("manifest.json"),
            _ => patient.folder.path().join("trace.jsonl"),
        };
        let whole =
            if target.ends_with("trace.jsonl") { patient.log.clone() } else { fs::read(&target).expect("it is there") };
        let mut flipped = whole.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(flipped.len());
            flipped[at] ^= 1 << random.below(8);
        }
        fs::write(&target, flipped).expect("there is room");
        reduce(patient.folder.path());
        fs::write(&target, whole).expect("there is room");
    }
}

/// A small generator of pseudorandom numbers, the same on every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("less than a usize")
    }
}

/// The manifest is lost, damaged or lacks a field.
#[test]
fn manifests_lost() {
    for patient in own().iter().filter(|patient| patient.is_clean()) {
        let path = patient.folder.path().join("manifest.json");
        let whole = fs::read(&path).expect("the manifest is there");
        fs::remove_file(&path).expect("the manifest is there");
        let graph = reduce(patient.folder.path());
        assert_eq!(complaints(&graph), ["manifest_missing"], "{}", patient.name);
        assert_eq!(named(&graph), named(&patient.graph), "{}", patient.name);
        assert_eq!(graph.root_thread_id, patient.graph.root_thread_id, "{}", patient.name);
        let mut manifest: Value = serde_json::from_slice(&whole).expect("the manifest is JSON");
        for field in ["schema_version", "trace_id", "rollout_id", "root_thread_id", "started_at_unix_ms"] {
            let value = manifest.as_object_mut().expect("an object").remove(field).expect("a field");
            fs::write(&path, manifest.to_string()).expect("there is room");
            let graph = reduce(patient.folder.path());
            assert_eq!(complaints(&graph), ["manifest_invalid"], "{}: {field}", patient.name);
            assert_eq!(named(&graph), named(&patient.graph), "{}: {field}", patient.name);
            manifest[field] = value;
        }
        manifest["schema_version"] = json!(7);
        fs::write(&path, manifest.to_string()).expect("there is room");
        let graph = reduce(patient.folder.path());
        assert!(says(&graph, "unsupported_schema_version"), "{}", patient.name);
    }
}

/// Paths that lead out of the bundle are not followed.
#[test]
fn payloads_outside_the_bundle() {
    let patient = own().into_iter().find(|patient| patient.name == "simple-turn").expect("the scenario is there");
    let outside = tempfile::tempdir().expect("there is room");
    let secret = outside.path().join("secret.json");
    fs::write(&secret, r#"{"input":[{"type":"message","role":"user","content":"secret"}]}"#).expect("there is room");
    let log = String::from_utf8(patient.log.clone()).expect("the log is text");
    let escapes =
        [secret.to_string_lossy().into_owned(), "../secret.json".to_owned(), "payloads/../../secret.json".to_owned()];
    for escape in escapes {
        let graph = patient.with_log(log.replace("payloads/1.json", &escape).as_bytes());
        assert!(says(&graph, "payload_escapes"), "{escape}");
        assert!(!texts(&graph).contains("secret"), "{escape}");
    }
    #[cfg(unix)]
    {
        let link = patient.folder.path().join("payloads/1.json");
        fs::remove_file(&link).expect("the payload is there");
        std::os::unix::fs::symlink(&secret, &link).expect("links can be made");
        let graph = patient.with_log(&patient.log);
        assert!(says(&graph, "payload_escapes"));
        assert!(!texts(&graph).contains("secret"));
    }
}
