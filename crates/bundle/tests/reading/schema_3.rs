//! Turning bundles of schema 2 into bundles of schema 3.

use std::{collections::BTreeMap, fs, path::Path};

use rollout_trace_bundle::{Bundle, ConvertError, convert_to_schema_3};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{self, event};

/// The line of an event with this payload.
fn line(seq: u64, payload: Value) -> String {
    let mut event: Value = serde_json::from_str(&event(2, seq, "turn")).unwrap();
    event["codex_turn_id"] = "turn".into();
    event["payload"] = payload;
    event.to_string()
}

/// The line of a protocol event with one document.
fn protocol(seq: u64, id: &str, path: &str) -> String {
    let reference = json!({"raw_payload_id": id, "kind": {"type": "protocol_event"}, "path": path});
    line(seq, json!({"type": "protocol_event_observed", "event_type": "seen", "event_payload": reference}))
}

fn bundle(lines: &[String], payloads: &[(&str, &str)]) -> TempDir {
    let folder = support::bundle(2, (lines.join("\n") + "\n").as_bytes());
    fs::create_dir(folder.path().join("payloads")).unwrap();
    for (name, text) in payloads {
        fs::write(folder.path().join("payloads").join(name), text).unwrap();
    }
    folder
}

/// Converts a bundle, and draws what is lost and the payloads of the result's events.
fn converted(folder: &Path, waits: &[(&str, &str)]) -> String {
    let waits: BTreeMap<_, _> = waits.iter().map(|(tool, cell)| ((*tool).into(), (*cell).into())).collect();
    let target = folder.join("../").join(format!("{}-3", folder.file_name().unwrap().to_string_lossy()));
    let converted = convert_to_schema_3(&Bundle::open(folder).unwrap(), &target, &waits).unwrap();
    let mut drawing: String =
        converted.losses.iter().map(|loss| format!("! {}: {}\n", loss.path, loss.reason)).collect();
    let mut numbers = 1..;
    for line in fs::read_to_string(target.join("trace.jsonl")).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!((event["schema_version"].as_u64(), event["seq"].as_u64()), (Some(3), numbers.next()));
        drawing += &format!("{}\n", event["payload"]);
    }
    let result = Bundle::open(&target).unwrap();
    assert_eq!(result.problems(), []);
    fs::remove_dir_all(target).unwrap();
    drawing
}

#[test]
fn documents_that_codex_does_not_read_are_left_out() {
    let lines = [
        protocol(1, "raw_payload:1", "payloads/1.json"),
        protocol(2, "raw_payload:2", "payloads/2.json"),
        protocol(3, "raw_payload:3", "payloads/3.json"),
        protocol(4, "raw_payload:4", "payloads/4.json"),
        protocol(5, "raw_payload:5", "../5.json"),
        event(2, 6, "end"),
    ];
    let folder = bundle(
        &lines,
        &[("1.json", "[1]"), ("3.json", "[1"), ("4.json", r#"{"rollout_trace_lost":{"reason":"the disk is full"}}"#)],
    );
    insta::assert_snapshot!(converted(folder.path(), &[]), @r#"
    ! payloads/2.json: no file payloads/2.json
    ! payloads/3.json: it was left out, because Codex does not read it: EOF while parsing a list at line 1 column 2
    ! ../5.json: the path ../5.json leads out of the bundle; it was not opened
    {"event_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:1","shard":1},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"capture":{"original_bytes":0,"status":"omitted"},"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:2","shard":null},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"capture":{"original_bytes":2,"status":"omitted"},"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:3","shard":null},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"capture":{"original_bytes":0,"status":"omitted"},"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:4","shard":null},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"capture":{"original_bytes":0,"status":"omitted"},"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:5","shard":null},"event_type":"seen","type":"protocol_event_observed"}
    {"type":"recording_completed"}
    "#);
}

#[test]
fn one_id_for_two_documents() {
    let long = "x".repeat(70_000);
    let lines = [
        protocol(1, "raw_payload:1", "payloads/1.json"),
        protocol(2, "raw_payload:1", "payloads/2.json"),
        protocol(3, "raw_payload:1", "payloads/1.json"),
        protocol(4, &long, "payloads/2.json"),
    ];
    let folder = bundle(&lines, &[("1.json", "[1]"), ("2.json", "[2]"), ("000001.zst", "")]);
    insta::assert_snapshot!(converted(folder.path(), &[]), @r#"
    ! payloads/000001.zst: it was left out, because a shard of the result may have its name
    ! payloads/2.json: another document has the id raw_payload:1, so that this one is raw_payload:3 now
    ! payloads/2.json: no shard can hold an id of 70000 bytes, so that it is raw_payload:4 now
    {"event_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:1","shard":1},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:3","shard":1},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:1","shard":1},"event_type":"seen","type":"protocol_event_observed"}
    {"event_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:4","shard":1},"event_type":"seen","type":"protocol_event_observed"}
    "#);
}

#[test]
fn events_that_schema_3_does_not_have() {
    let report = json!({"lost_events": 1, "lost_payloads": 0, "reasons": []});
    let lines = [
        line(1, json!({"type": "teleported"})),
        line(2, json!({"type": "other", "kind": "note", "summary": "", "payloads": [], "metadata": null})),
        line(
            3,
            json!({"type": "other", "kind": "rollout_trace.loss", "summary": "", "payloads": [], "metadata": report}),
        ),
        event(2, 4, "end"),
        event(2, 5, "late"),
        event(2, 7, "end")[..40].to_owned(),
    ];
    let folder = bundle(&lines, &[]);
    insta::assert_snapshot!(converted(folder.path(), &[]), @r#"
    ! trace.jsonl: line 1: an event of type "teleported" was left out, because Codex does not read it
    ! trace.jsonl: line 2: an event of type "other" (note) was left out, because Codex does not read it
    ! trace.jsonl: line 5: the log continues after recording_completed
    ! trace.jsonl: line 5: the log went on after its end marker, which was left out
    {"event_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:1","shard":1},"event_type":"rollout_trace.loss","type":"protocol_event_observed"}
    {"codex_turn_id":"late","thread_id":"root","type":"codex_turn_started"}
    "#);
}

#[test]
fn what_schema_3_says_in_addition() {
    let reference =
        json!({"raw_payload_id": "raw_payload:1", "kind": {"type": "protocol_event"}, "path": "payloads/1.json"});
    let started = |id: &str| {
        json!({"type": "tool_call_started", "tool_call_id": id, "requester": {"type": "model"},
               "kind": {"type": "exec_command"}, "summary": {"type": "generic", "label": "x", "input_preview": null,
               "output_preview": null}})
    };
    let inference = json!({"type": "inference_started", "inference_call_id": "i", "thread_id": "root",
                           "codex_turn_id": "turn", "model": "m", "provider_name": "p", "request_payload": reference});
    let runtime = json!({"type": "tool_call_runtime_started", "tool_call_id": "a", "runtime_payload": reference});
    let lines = [line(1, started("a")), line(2, started("b")), line(3, runtime), line(4, inference)];
    let folder = bundle(&lines, &[("1.json", "{}")]);
    insta::assert_snapshot!(converted(folder.path(), &[("b", "cell-1")]), @r#"
    ! payloads/1.json: another document has the id raw_payload:1, so that this one is raw_payload:2 now
    {"code_mode_runtime_tool_id":null,"invocation_payload":null,"kind":{"type":"exec_command"},"model_visible_call_id":null,"requester":{"type":"model"},"summary":{"input_preview":null,"label":"x","output_preview":null,"type":"generic"},"tool_call_id":"a","type":"tool_call_started"}
    {"code_mode_runtime_tool_id":null,"invocation_payload":null,"kind":{"type":"exec_command"},"model_visible_call_id":null,"requester":{"type":"model"},"summary":{"input_preview":null,"label":"x","output_preview":null,"type":"generic"},"tool_call_id":"b","type":"tool_call_started"}
    {"runtime_cell_id":"cell-1","tool_call_id":"b","type":"code_cell_wait_target_resolved"}
    {"kind":{"type":"exec_command"},"runtime_payload":{"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:1","shard":1},"tool_call_id":"a","type":"tool_call_runtime_started"}
    {"codex_turn_id":"turn","inference_call_id":"i","model":"m","prepared_prompt_payload":{"kind":{"type":"prepared_prompt"},"raw_payload_id":"raw_payload:3","shard":1},"provider_name":"p","request_payload":{"kind":{"type":"inference_request"},"raw_payload_id":"raw_payload:2","shard":1},"thread_id":"root","type":"inference_started"}
    "#);
}

#[test]
fn files_beside_the_log_are_kept() {
    let folder = bundle(&[event(2, 1, "end")], &[("7.json", "[7]"), ("note.txt", "n")]);
    fs::write(folder.path().join("state.json"), "{}").unwrap();
    fs::write(folder.path().join("manifest.json"), "{").unwrap();
    let target = folder.path().with_extension("3");
    let converted = convert_to_schema_3(&Bundle::open(folder.path()).unwrap(), &target, &BTreeMap::new()).unwrap();
    assert_eq!((converted.payloads, converted.payload_bytes), (1, 3));
    let mut names: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.extend(fs::read_dir(target.join("payloads")).unwrap().map(|entry| entry.unwrap().file_name()));
    names.sort();
    insta::assert_snapshot!(format!("{names:?}"), @r#"["000001.zst", "note.txt", "payloads", "trace.jsonl"]"#);
    insta::assert_snapshot!(converted.losses[0].reason, @"it was left out, because neither it nor the event log names the rollout");
    fs::remove_dir_all(target).unwrap();
}

#[test]
fn other_schemas_are_refused() {
    for schema in [1, 3] {
        let folder = support::bundle(schema, format!("{}\n", event(schema, 1, "turn")).as_bytes());
        let target = folder.path().with_extension("x");
        let error = convert_to_schema_3(&Bundle::open(folder.path()).unwrap(), &target, &BTreeMap::new()).unwrap_err();
        assert!(matches!(error, ConvertError::NotSchema2 { found, .. } if found == Some(schema)), "{error}");
        assert!(!target.exists());
    }
}
