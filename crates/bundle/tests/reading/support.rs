//! Makes bundles of real bytes and draws what the reader finds in them.

use std::{fs, path::Path};

use rollout_trace_bundle::{Bundle, Evidence, Limits};
use serde_json::json;
use tempfile::TempDir;

/// Makes a bundle folder with a manifest of the given schema version and this event log.
pub(crate) fn bundle(schema_version: u32, log: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_manifest(folder.path(), schema_version);
    fs::write(folder.path().join("trace.jsonl"), log).unwrap();
    folder
}

pub(crate) fn write_manifest(folder: &Path, schema_version: u32) {
    let manifest = json!({
        "schema_version": schema_version, "trace_id": "trace", "rollout_id": "rollout", "root_thread_id": "root",
        "started_at_unix_ms": 1000, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads",
    });
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

/// Returns the line of an event, which its label identifies.
pub(crate) fn event(schema_version: u32, seq: u64, label: &str) -> String {
    let payload = match label {
        "end" => json!({ "type": "recording_completed" }),
        _ => json!({ "type": "codex_turn_started", "codex_turn_id": label, "thread_id": "root" }),
    };
    json!({
        "schema_version": schema_version, "seq": seq, "wall_time_unix_ms": 1000 + seq, "rollout_id": "rollout",
        "thread_id": "root", "codex_turn_id": null, "payload": payload,
    })
    .to_string()
}

/// Draws what the reader finds in a bundle, one line for each piece of evidence.
pub(crate) fn draw(folder: &Path, limits: Limits) -> String {
    let bundle = Bundle::open_best_effort(folder, limits).unwrap();
    let found = bundle.problems().iter().cloned().map(Evidence::Problem);
    let mut drawing = String::new();
    for evidence in found.chain(bundle.events()) {
        drawing += &match evidence {
            Evidence::Event(located) => {
                let event = serde_json::to_value(&located.event.payload).unwrap();
                let label = event["codex_turn_id"].as_str().unwrap_or_else(|| event["type"].as_str().unwrap_or("?"));
                let end = if located.newline_terminated { "" } else { ", no newline" };
                format!("{} {label} (line {}{end})\n", located.event.seq, located.line)
            }
            Evidence::Problem(problem) => {
                let place = problem.line().map(|line| format!(" line {line}:")).unwrap_or_default();
                format!("!{place} {problem}\n")
            }
        };
    }
    drawing
}
