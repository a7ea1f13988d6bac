//! What holds of every answer, for the sample bundle and for copies of it with one event or payload less.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use support::all::check;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// Copies the sample bundle into a folder.
fn copy(folder: &Path) {
    fs::create_dir_all(folder.join("payloads")).expect("the folder can be made");
    for file in ["manifest.json", "trace.jsonl"] {
        fs::copy(Path::new(SAMPLE).join(file), folder.join(file)).expect("the sample can be copied");
    }
    for payload in payloads(Path::new(SAMPLE)) {
        fs::copy(&payload, folder.join("payloads").join(payload.file_name().expect("a file")))
            .expect("the sample can be copied");
    }
}

fn payloads(bundle: &Path) -> Vec<PathBuf> {
    let mut payloads: Vec<_> = fs::read_dir(bundle.join("payloads"))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder is readable").path())
        .collect();
    payloads.sort();
    payloads
}

#[test]
fn of_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    check(folder.path());
}

#[test]
fn with_an_event_less() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let log = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    let lines: Vec<_> = log.lines().collect();
    for missing in 0..lines.len() {
        let rest: Vec<_> =
            lines.iter().enumerate().filter(|(place, _)| *place != missing).map(|(_, line)| *line).collect();
        fs::write(folder.path().join("trace.jsonl"), rest.join("\n") + "\n").unwrap();
        check(folder.path());
    }
}

#[test]
fn cut_short() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let log = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    let lines: Vec<_> = log.lines().collect();
    for kept in 0..lines.len() {
        fs::write(folder.path().join("trace.jsonl"), lines[..kept].join("\n") + "\n").unwrap();
        check(folder.path());
    }
}

#[test]
fn with_a_payload_less() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    for payload in payloads(folder.path()) {
        let kept = fs::read(&payload).unwrap();
        fs::remove_file(&payload).unwrap();
        check(folder.path());
        fs::write(&payload, &kept[..kept.len() / 2]).unwrap();
        check(folder.path());
        fs::write(&payload, kept).unwrap();
    }
}
