//! How a bundle is identified if its manifest or its versions are not as they should be.

use std::fs;

use crate::support::{bundle, draw, event, write_manifest};
use rollout_trace_bundle::{Bundle, Limits, OpenError, find_bundles};

/// Opens a bundle of one event with this manifest, and draws its header and problems.
fn open(manifest: &[u8], event_version: u32) -> String {
    let folder = bundle(2, (event(event_version, 1, "turn") + "\n").as_bytes());
    fs::write(folder.path().join("manifest.json"), manifest).unwrap();
    let header = Bundle::open(folder.path()).unwrap().header();
    let id = |id: Option<String>| id.unwrap_or_else(|| "-".into());
    format!(
        "schema {} trace {} rollout {} root {} started {}\n{}",
        header.schema_version,
        id(header.trace_id.map(|id| id.to_string())),
        id(header.rollout_id.map(|id| id.to_string())),
        id(header.root_thread_id.map(|id| id.to_string())),
        id(header.started_at_unix_ms.map(|time| time.to_string())),
        draw(folder.path(), Limits::default()),
    )
}

const MANIFEST: &str = r#"{"schema_version":2,"trace_id":"t","rollout_id":"r","root_thread_id":"h","started_at_unix_ms":7,"raw_event_log":"trace.jsonl","payloads_dir":"payloads"}"#;

#[test]
fn whole() {
    insta::assert_snapshot!(open(MANIFEST.as_bytes(), 2), @"
    schema 2 trace t rollout r root h started 7
    1 turn (line 1)
    ");
}

#[test]
fn byte_order_mark_and_lone_surrogate() {
    let manifest = format!("\u{feff}{}", MANIFEST.replace("\"t\"", r#""t\ud83d""#));
    insta::assert_snapshot!(open(manifest.as_bytes(), 2), @"
    schema 2 trace t� rollout r root h started 7
    1 turn (line 1)
    ");
}

#[test]
fn not_json() {
    insta::assert_snapshot!(open(b"{\"schema_version\":2,", 2), @"
    schema 2 trace - rollout - root - started -
    ! manifest.json cannot be read: EOF while parsing a value at line 1 column 20
    1 turn (line 1)
    ");
}

#[test]
fn no_object() {
    insta::assert_snapshot!(open(b"[]", 2), @"
    schema 2 trace - rollout - root - started -
    ! manifest.json cannot be read: it is JSON, but not an object
    1 turn (line 1)
    ");
}

#[test]
fn field_missing() {
    insta::assert_snapshot!(open(MANIFEST.replace("trace_id", "name").as_bytes(), 2), @"
    schema 2 trace - rollout r root h started 7
    ! manifest.json: trace_id is missing
    1 turn (line 1)
    ");
}

#[test]
fn field_of_wrong_type() {
    insta::assert_snapshot!(open(MANIFEST.replace(":7", ":\"7\"").as_bytes(), 2), @r#"
    schema 2 trace t rollout r root h started -
    ! manifest.json: started_at_unix_ms: invalid type: string "7", expected i64
    1 turn (line 1)
    "#);
}

#[test]
fn events_overrule_the_manifest() {
    insta::assert_snapshot!(open(MANIFEST.as_bytes(), 1), @"
    schema 1 trace t rollout r root h started 7
    ! line 1: the event has schema version 1, the bundle 2
    1 turn (line 1)
    ");
}

#[test]
fn newer_manifest() {
    insta::assert_snapshot!(open(MANIFEST.replace(":2", ":4").as_bytes(), 2), @"
    schema 2 trace t rollout r root h started 7
    ! manifest.json: schema version 4 is newer than 3, the newest that this version reads: update rollout-trace
    1 turn (line 1)
    ");
}

#[test]
fn newer_events() {
    insta::assert_snapshot!(open(MANIFEST.as_bytes(), 4), @"
    schema 2 trace t rollout r root h started 7
    ! line 1: event: schema version 4 is newer than 3, the newest that this version reads: update rollout-trace
    1 turn (line 1)
    ");
}

#[test]
fn all_newer() {
    insta::assert_snapshot!(open(MANIFEST.replace(":2", ":4").as_bytes(), 4), @"
    schema 3 trace t rollout r root h started 7
    ! manifest.json: schema version 4 is newer than 3, the newest that this version reads: update rollout-trace
    ! line 1: event: schema version 4 is newer than 3, the newest that this version reads: update rollout-trace
    1 turn (line 1)
    ");
}

#[test]
fn one_event_of_another_version_does_not_decide() {
    let log: String = [(1, 1), (2, 2), (2, 3), (1, 4), (3, 5)]
        .iter()
        .map(|(version, seq)| event(*version, *seq, "turn") + "\n")
        .collect();
    insta::assert_snapshot!(draw(bundle(2, log.as_bytes()).path(), Limits::default()), @"
    ! line 1: the event has schema version 1, the bundle 2
    1 turn (line 1)
    2 turn (line 2)
    3 turn (line 3)
    4 turn (line 4)
    5 turn (line 5)
    ");
}

#[test]
fn no_manifest() {
    let folder = bundle(2, (event(1, 1, "turn") + "\n").as_bytes());
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    assert_eq!(Bundle::open(folder.path()).unwrap().header().schema_version.number(), 1);
    insta::assert_snapshot!(draw(folder.path(), Limits::default()), @"
    ! the bundle has no manifest.json; identity and layout are read from the event log
    1 turn (line 1)
    ");
}

#[test]
fn no_log() {
    let folder = bundle(2, b"");
    fs::remove_file(folder.path().join("trace.jsonl")).unwrap();
    insta::assert_snapshot!(draw(folder.path(), Limits::default()), @"! trace.jsonl cannot be read: no file trace.jsonl");
    assert!(Bundle::open(folder.path().join("trace.jsonl")).is_ok());
}

#[test]
fn log_is_a_folder() {
    let folder = bundle(2, b"");
    fs::remove_file(folder.path().join("trace.jsonl")).unwrap();
    fs::create_dir(folder.path().join("trace.jsonl")).unwrap();
    insta::assert_snapshot!(draw(folder.path(), Limits::default()), @"! trace.jsonl cannot be read: trace.jsonl is not a regular file");
}

#[cfg(unix)]
#[test]
fn log_leads_out() {
    let (folder, other) = (bundle(2, b""), bundle(2, b""));
    fs::remove_file(folder.path().join("trace.jsonl")).unwrap();
    std::os::unix::fs::symlink(other.path().join("trace.jsonl"), folder.path().join("trace.jsonl")).unwrap();
    insta::assert_snapshot!(draw(folder.path(), Limits::default()), @"! trace.jsonl cannot be read: the path trace.jsonl leads out of the bundle; it was not opened");
}

#[test]
fn nothing_there() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Bundle::open(folder.path()), Err(OpenError::NotABundle { .. })));
    assert!(matches!(Bundle::open(folder.path().join("nowhere")), Err(OpenError::NotFound { .. })));
    assert!(matches!(Bundle::open(folder.path().join("trace.jsonl")), Err(OpenError::NotFound { .. })));
}

#[test]
fn a_file_of_the_bundle_will_do() {
    let folder = bundle(2, b"");
    fs::create_dir(folder.path().join("payloads")).unwrap();
    for name in ["trace.jsonl", "manifest.json", "state.json", "payloads/1.json"] {
        fs::write(folder.path().join(name), b"").unwrap();
        assert_eq!(Bundle::open(folder.path().join(name)).unwrap().path(), folder.path(), "{name}");
    }
}

#[test]
fn bundles_are_found_newest_first() {
    let root = tempfile::tempdir().unwrap();
    for (name, started) in [("a", 5), ("b", 9), ("c", 5)] {
        let path = root.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("manifest.json"), MANIFEST.replace(":7", &format!(":{started}"))).unwrap();
    }
    fs::create_dir(root.path().join("empty")).unwrap();
    fs::write(root.path().join("file"), b"").unwrap();
    let names = |found: Vec<rollout_trace_bundle::FoundBundle>| -> Vec<String> {
        found.iter().map(|bundle| bundle.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(find_bundles(root.path()).unwrap()), ["b", "a", "c"]);
    assert_eq!(names(find_bundles(root.path().join("a")).unwrap()), ["a"]);
    assert!(find_bundles(root.path().join("nowhere")).is_err());
}

#[test]
fn a_bundle_without_start_is_as_old_as_its_log() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.jsonl"), b"").unwrap();
    assert!(find_bundles(folder.path()).unwrap()[0].started_at_unix_ms > 1_600_000_000_000);
    write_manifest(folder.path(), 2);
    assert_eq!(find_bundles(folder.path()).unwrap()[0].started_at_unix_ms, 1000);
}
