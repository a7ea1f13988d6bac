//! How a bundle is identified if its manifest or its versions are not as they should be.

use std::fs;

use crate::support::{bundle, draw, event, write_manifest};
use rollout_trace_bundle::{Bundle, Limits, OpenError, find_bundles};
use rollout_trace_schema::SchemaVersion;

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

/// A schema version that is not known.
const NEWER: u32 = 99;

/// Says how a bundle with these versions is read.
fn schema(manifest: Option<u32>, events: &[u32]) -> String {
    let log: String = (1..).zip(events).map(|(seq, version)| event(*version, seq, "turn") + "\n").collect();
    let folder = bundle(manifest.unwrap_or_default(), log.as_bytes());
    if manifest.is_none() {
        fs::remove_file(folder.path().join("manifest.json")).unwrap();
    }
    let anyway = Bundle::open_best_effort(folder.path(), Limits::default()).unwrap().header();
    match Bundle::open(folder.path()) {
        Ok(bundle) => {
            assert_eq!((bundle.header(), anyway.newer_schema()), (anyway.clone(), None));
            match anyway.stated_schema {
                Some(stated) => {
                    assert_eq!(anyway.schema_version.number(), stated);
                    stated.to_string()
                }
                None => {
                    assert_eq!(anyway.schema_version, SchemaVersion::NEWEST);
                    "unknown".to_owned()
                }
            }
        }
        Err(OpenError::NewerSchema { path, found }) => {
            assert_eq!(path, folder.path());
            assert_eq!((anyway.newer_schema(), anyway.stated_schema), (Some(found), Some(found)));
            assert_eq!(anyway.schema_version, SchemaVersion::NEWEST);
            format!("{found}, newer")
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn schema_versions() {
    for (manifest, events, expected) in [
        // Both agree, or only one states a version.
        (Some(1), [1, 1, 1].as_slice(), "1"),
        (Some(1), &[], "1"),
        (None, &[1], "1"),
        (Some(NEWER), &[NEWER, NEWER, NEWER], "99, newer"),
        (Some(NEWER), &[NEWER], "99, newer"),
        (Some(NEWER), &[], "99, newer"),
        (None, &[NEWER], "99, newer"),
        // The events of a log contradict the manifest.
        (Some(2), &[1], "1"),
        (Some(2), &[NEWER, NEWER], "99, newer"),
        (Some(2), &[NEWER, 2, NEWER], "99, newer"),
        (Some(NEWER), &[2, 2], "2"),
        (Some(NEWER), &[NEWER - 1, NEWER - 1], "98, newer"),
        // A single one may be damaged.
        (Some(2), &[NEWER], "2"),
        (Some(NEWER), &[2], "99, newer"),
        (Some(2), &[NEWER, 2, 2], "2"),
        (Some(2), &[2, 2, NEWER], "2"),
        (None, &[NEWER, 2, 2], "2"),
        (None, &[2, NEWER, 2], "2"),
        (Some(NEWER), &[2, NEWER, NEWER], "99, newer"),
        (Some(NEWER), &[2, NEWER], "99, newer"),
        // Only the first few events vote.
        (Some(2), &[2, 2, 2, NEWER, NEWER, NEWER, NEWER], "2"),
        // Neither states a version.
        (None, &[], "unknown"),
        (None, &[0, 0], "unknown"),
        (Some(0), &[0], "unknown"),
        (Some(0), &[1], "1"),
        (None, &[1, 2], "unknown"),
    ] {
        assert_eq!(schema(manifest, events), expected, "manifest {manifest:?}, events {events:?}");
    }
}

#[test]
fn a_newer_bundle_may_have_lines_of_another_form() {
    let folder = bundle(2, b"{\"schema_version\":99,\"event\":{}}\n{\"schema_version\":99,\"event\":{}}{}\n");
    let error = Bundle::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 99, .. }), "{error}");
    let words = error.to_string().replace(folder.path().to_str().unwrap(), "b");
    let newest = SchemaVersion::NEWEST;
    assert_eq!(
        words,
        format!("b has schema version 99, which is newer than {newest}, the newest that this version reads")
    );
}

#[test]
fn all_newer() {
    let log = [1, 2].map(|seq| event(NEWER, seq, "turn") + "\n").concat();
    let drawing = draw(bundle(NEWER, log.as_bytes()).path(), Limits::default());
    let newest = format!("newer than {}", SchemaVersion::NEWEST);
    insta::assert_snapshot!(drawing.replace(&newest, "newer than N"), @"
    ! manifest.json: schema version 99 is newer than N, the newest that this version reads: update rollout-trace
    ! line 1: event: schema version 99 is newer than N, the newest that this version reads: update rollout-trace
    1 turn (line 1)
    2 turn (line 2)
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
    insta::assert_snapshot!(draw(folder.path(), Limits::default()), @"! trace.jsonl cannot be read: the path trace.jsonl leads through a link; it was not opened");
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
