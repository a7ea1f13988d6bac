//! Lines and manifests of the official producers, where they are at hand.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace_schema::{EventPayload, Manifest, RawEvent};
use serde_json::Value;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance")
}

/// The folders of all recorded bundles; none where there are no cases.
fn bundles() -> Vec<PathBuf> {
    let suites = fs::read_dir(cases()).into_iter().flatten().map(|suite| suite.unwrap().path());
    suites
        .filter(|suite| suite.is_dir())
        .flat_map(|suite| fs::read_dir(suite).unwrap())
        .map(|case| case.unwrap().path().join("bundle"))
        .collect()
}

/// A line of the wire as the types write it; its own text where it is no event at all.
fn rewritten(line: &str) -> Option<Value> {
    let event = serde_json::from_str::<RawEvent>(line).ok()?;
    Some(serde_json::to_value(event).unwrap())
}

/// An event whose optional fields are all there: the types write null where a producer left a field out.
fn with_nulls(mut written: Value, read: &Value) -> Value {
    fn drop_absent(written: &mut Value, read: &Value) {
        if let (Value::Object(written), Value::Object(read)) = (written, read) {
            written.retain(|key, value| !value.is_null() || read.contains_key(key));
            for (key, value) in written {
                if let Some(read) = read.get(key) {
                    drop_absent(value, read);
                }
            }
        }
    }
    drop_absent(&mut written, read);
    written
}

#[test]
fn lines_of_recorded_bundles() {
    for bundle in bundles() {
        for line in fs::read_to_string(bundle.join("trace.jsonl")).unwrap().lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            let written = rewritten(line).unwrap_or_else(|| panic!("{}: {line}", bundle.display()));
            assert_eq!(with_nulls(written, &value), value, "{}", bundle.display());
        }
    }
}

#[test]
fn every_event_of_recorded_bundles_is_known() {
    for bundle in bundles().iter().filter(|bundle| bundle.to_str().unwrap().contains("codex-")) {
        for line in fs::read_to_string(bundle.join("trace.jsonl")).unwrap().lines() {
            let event: RawEvent = serde_json::from_str(line).unwrap();
            assert!(!matches!(event.payload, EventPayload::Unknown(_)), "{}: {line}", bundle.display());
        }
    }
}

#[test]
fn manifests_of_recorded_bundles() {
    for bundle in bundles() {
        let text = fs::read_to_string(bundle.join("manifest.json")).unwrap();
        let manifest: Manifest = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(manifest).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }
}

#[test]
fn lines_of_small_bundles() {
    let Ok(bundles) = fs::read_to_string(cases().join("small.jsonl")) else { return };
    let (mut events, mut lost) = (0, BTreeSet::new());
    for bundle in bundles.lines() {
        // Lone surrogates stand for bytes that are no text; such lines are the bundle crate's affair.
        let Ok(bundle) = serde_json::from_str::<Value>(bundle) else { continue };
        for line in bundle["trace"].as_str().unwrap().lines() {
            let Ok(mut value) = serde_json::from_str::<Value>(line) else { continue };
            let Some(written) = rewritten(line) else { continue };
            let written = with_nulls(written, &value);
            drop_lost(&mut value, &written, &mut lost);
            assert_eq!(written, value, "{}", bundle["name"]);
            events += 1;
        }
    }
    assert!(events > 1000, "{events}");
    // The field that was invented to see whether readers ignore what they do not know.
    assert!(lost.iter().all(|field| field == "extra"), "{lost:?}");
}

/// Takes the fields out of `read` that are gone from `written`, and notes their names.
fn drop_lost(read: &mut Value, written: &Value, lost: &mut BTreeSet<String>) {
    let (Value::Object(read), Value::Object(written)) = (read, written) else { return };
    lost.extend(read.keys().filter(|key| !written.contains_key(*key)).cloned());
    read.retain(|key, _| written.contains_key(key));
    for (key, value) in read {
        drop_lost(value, &written[key], lost);
    }
}
