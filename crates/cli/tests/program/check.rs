//! The command `check`.

use std::fs;

use insta::assert_snapshot;

use crate::{support::Root, terminal::run_with_progress};

#[test]
fn clean() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("check a"), @"a: clean");
    assert_snapshot!(root.run("check a --json"), @"");
    assert!(!root.path("a/state.json").exists());
}

#[test]
fn damage() {
    let root = Root::new(&["a"]);
    root.edit("a/trace.jsonl", |text| text.replacen("\"seq\":5,", "\"seq\":6,", 1) + "{\"torn");
    fs::write(root.path("a/payloads/3.json"), b"").unwrap();
    assert_snapshot!(root.run("check a"), @"
    a/trace.jsonl:5: error unparsable_line: the event's envelope is damaged: its seq 6 cannot be right; it was read as seq 5, which is missing here
    a/payloads/3.json: error payload_unreadable (seq 7): the inference response is lost: payloads/3.json is empty
    a/trace.jsonl:48: error line_after_end_marker: the log continues after recording_completed
    a: note trace_stops_early: the trace has no end marker, so something may be missing at its end
    a: 3 errors, 1 note
    exit code 1
    ");
    assert_snapshot!(root.run("check a --json"), @r#"
    {"bundle":"a","code":"unparsable_line","severity":"error","line":5,"ids":[],"message":"the event's envelope is damaged: its seq 6 cannot be right; it was read as seq 5, which is missing here"}
    {"bundle":"a","code":"payload_unreadable","severity":"error","seq":7,"line":7,"payload_id":"raw_payload:3","ids":[],"message":"the inference response is lost: payloads/3.json is empty"}
    {"bundle":"a","code":"line_after_end_marker","severity":"error","line":48,"ids":[],"message":"the log continues after recording_completed"}
    {"bundle":"a","code":"trace_stops_early","severity":"note","ids":[],"message":"the trace has no end marker, so something may be missing at its end"}
    exit code 1
    "#);
}

#[test]
fn payloads_that_reduction_does_not_use_are_checked() {
    let root = Root::new(&["a", "b", "c"]);
    // The event replaces the end marker, so that the seqs have no gap.
    let refers_to = |path: &'static str| {
        move |text: String| {
            let (rest, _) = text.trim_end().rsplit_once('\n').unwrap();
            let payload = format!(
                r#"{{"raw_payload_id":"raw_payload:99","kind":{{"type":"compaction_request"}},"path":"{path}"}}"#
            );
            let request = r#""type":"compaction_request_started","compaction_id":"c","compaction_request_id":"r","thread_id":"thread-root","codex_turn_id":"turn-1","model":"m","provider_name":"p""#;
            let envelope =
                r#""schema_version":2,"seq":47,"wall_time_unix_ms":1767258020000,"rollout_id":"thread-root""#;
            format!("{rest}\n{{{envelope},\"payload\":{{{request},\"request_payload\":{payload}}}}}\n")
        }
    };
    root.edit("a/trace.jsonl", refers_to("payloads/99.json"));
    root.edit("b/trace.jsonl", refers_to("../a/manifest.json"));
    root.edit("c/trace.jsonl", refers_to("payloads/99.json"));
    fs::write(root.path("c/payloads/99.json"), b"{\"a\":").unwrap();
    assert_snapshot!(root.run("check a b c"), @"
    a/payloads/99.json: error payload_missing (seq 47): the compaction request is lost: no file payloads/99.json
    a: note trace_stops_early: the trace has no end marker, so something may be missing at its end
    a: note running_at_end: 1 object was still running when the trace ended: r
    a: 1 error, 2 notes
    b/trace.jsonl:47: error payload_escapes (seq 47): the compaction request is lost: the path ../a/manifest.json leads out of the bundle; it was not opened
    b: note trace_stops_early: the trace has no end marker, so something may be missing at its end
    b: note running_at_end: 1 object was still running when the trace ended: r
    b: 1 error, 2 notes
    c/payloads/99.json: error payload_unreadable (seq 47): the compaction request is lost: payloads/99.json is not JSON: it ends after 5 bytes, where a value was expected
    c: note trace_stops_early: the trace has no end marker, so something may be missing at its end
    c: note running_at_end: 1 object was still running when the trace ended: r
    c: 1 error, 2 notes
    exit code 1
    ");
}

#[test]
fn nothing_to_check() {
    let root = Root::new(&["a"]);
    fs::remove_file(root.path("a/manifest.json")).unwrap();
    assert_snapshot!(root.run("check a"), @"
    a: error manifest_missing: the bundle has no manifest.json; identity and layout are read from the event log
    a: 1 error
    exit code 1
    ");
    fs::remove_file(root.path("a/trace.jsonl")).unwrap();
    assert_snapshot!(root.run("check a"), @"
    stderr: error: no trace bundle in a
    stderr:   give a bundle, which is a folder with a trace.jsonl, or a folder with bundles or sessions
    exit code 2
    ");
    assert_snapshot!(root.run("check a/trace.jsonl nowhere"), @"
    stderr: error: a/trace.jsonl does not exist
    stderr:   check the path; bundles are folders named trace-<trace id>-<thread id>
    stderr: error: nowhere does not exist
    stderr:   check the path; bundles are folders named trace-<trace id>-<thread id>
    exit code 2
    ");
}

#[test]
fn every_argument_gets_an_answer() {
    let root = Root::new(&["a", "b"]);
    fs::create_dir(root.path("empty")).unwrap();
    root.edit("b/trace.jsonl", |text| text + "{");
    assert_snapshot!(root.run("check a empty b nowhere a"), @"
    a: clean
    b/trace.jsonl:48: error line_after_end_marker: the log continues after recording_completed
    b: note trace_stops_early: the trace has no end marker, so something may be missing at its end
    b: 1 error, 1 note
    a: clean
    stderr: error: no trace bundle in empty
    stderr:   give a bundle, which is a folder with a trace.jsonl, or a folder with bundles or sessions
    stderr: error: nowhere does not exist
    stderr:   check the path; bundles are folders named trace-<trace id>-<thread id>
    exit code 2
    ");
    assert_snapshot!(root.run("reduce empty a"), @"
    a/state.json
    stderr: error: no trace bundle in empty
    stderr:   give a bundle, which is a folder with a trace.jsonl, or a folder with bundles or sessions
    exit code 2
    ");
}

#[test]
fn control_characters_in_a_bundle_do_not_reach_the_terminal() {
    let root = Root::new(&["a"]);
    root.edit("a/trace.jsonl", |text| {
        text.replace("\"payloads/3.json\"", r#""payloads/\u001b[31m\u0007.json""#)
            .replace("\"codex_turn_started\"", r#""\u001b]0;title\u0007""#)
    });
    let words = root.run("check a");
    assert!(words.contains("exit code 1") && !words.contains(['\u{1b}', '\u{7}']), "{words:?}");
}

#[test]
fn a_long_log_has_a_bar_on_a_terminal() {
    let root = Root::new(&["a", "long"]);
    root.edit("long/trace.jsonl", |text| {
        let event = |seq: u64| {
            format!(
                "{{\"schema_version\":2,\"seq\":{seq},\"wall_time_unix_ms\":1767258013000,\"rollout_id\":\"thread-root\",\
                \"thread_id\":\"thread-root\",\"codex_turn_id\":null,\"payload\":{{\"type\":\"history_item_accepted\",\
                \"item_id\":\"item-{seq}\"}}}}\n"
            )
        };
        text + &(100..1100).map(event).collect::<String>()
    });
    for command in ["check", "reduce -o -", "show", "stats", "time"] {
        let words = run_with_progress(&root.path(""), &format!("{command} long"));
        assert!(words.contains("% of the log"), "{command}: {words:?}");
        let words = run_with_progress(&root.path(""), &format!("{command} a"));
        assert!(!words.contains("% of the log"), "{command}: {words:?}");
    }
    assert!(!root.run("show long").contains("of the log,"), "no bar in a pipe");
}
