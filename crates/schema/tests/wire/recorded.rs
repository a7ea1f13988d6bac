//! Lines and manifests of the official producers.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use rollout_trace_schema::{EventPayload, Manifest, RawEvent};
use serde_json::Value;

fn cases() -> PathBuf {
    env::var_os("CONFORMANCE").expect("CONFORMANCE names the folder of the official cases").into()
}

/// Returns the folders of all recorded bundles.
fn bundles() -> Vec<PathBuf> {
    let suites = fs::read_dir(cases()).unwrap().map(|suite| suite.unwrap().path());
    suites
        .filter(|suite| suite.is_dir())
        .flat_map(|suite| fs::read_dir(suite).unwrap())
        .map(|case| case.unwrap().path().join("bundle"))
        .collect()
}

/// Returns a line as the types write it, or `None` if it is not an event.
fn rewritten(line: &str) -> Option<Value> {
    let event = serde_json::from_str::<RawEvent>(line).ok()?;
    Some(serde_json::to_value(event).unwrap())
}

/// Removes the nulls that the types write for fields that the producer left out.
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
#[ignore = "needs the official cases, which .ci/conformance has"]
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
#[ignore = "needs the official cases, which .ci/conformance has"]
fn every_event_of_recorded_bundles_is_known() {
    for bundle in bundles().iter().filter(|bundle| bundle.to_str().unwrap().contains("codex-")) {
        for line in fs::read_to_string(bundle.join("trace.jsonl")).unwrap().lines() {
            let event: RawEvent = serde_json::from_str(line).unwrap();
            assert!(!matches!(event.payload, EventPayload::Unknown(_)), "{}: {line}", bundle.display());
        }
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn manifests_of_recorded_bundles() {
    for bundle in bundles() {
        let text = fs::read_to_string(bundle.join("manifest.json")).unwrap();
        let manifest: Manifest = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(manifest).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn lines_of_small_bundles() {
    let bundles = fs::read_to_string(cases().join("small.jsonl")).unwrap();
    let (mut events, mut lost) = (0, BTreeSet::new());
    for bundle in bundles.lines() {
        // Lone surrogates stand for bytes that are not UTF-8. The bundle crate reads such lines.
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
    // Some cases have an invented field, which readers must ignore.
    assert!(lost.iter().all(|field| field == "extra"), "{lost:?}");
}

/// Removes the fields from `read` that `written` lacks, and collects their names.
fn drop_lost(read: &mut Value, written: &Value, lost: &mut BTreeSet<String>) {
    let (Value::Object(read), Value::Object(written)) = (read, written) else { return };
    lost.extend(read.keys().filter(|key| !written.contains_key(*key)).cloned());
    read.retain(|key, _| written.contains_key(key));
    for (key, value) in read {
        drop_lost(value, &written[key], lost);
    }
}
