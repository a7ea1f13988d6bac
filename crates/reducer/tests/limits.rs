//! Texts in any script at any length, any nesting, and bundles that reach the limits.

mod support;

use std::{fmt::Write as _, fs, path::Path};

use rollout_trace_bundle::{Bundle, Limits, PayloadLayout, Problem, convert, pack};
use rollout_trace_model::{BodyPart, RolloutTrace};
use serde::Deserialize;
use serde_json::{Value, json};
use support::{complaints, draw, reduce, reduce_bundle, scenario};
use tempfile::TempDir;

const SIMPLE: &str = r#"
begin
ask i1 {"input":["user q"]}
reply i1 {"response_id":"r1","output_items":["call c1 ls {}"]}
call c1 ls {}
done c1 {"type":"direct_response","response_item":{"output":"files"}}
ask i2 {"input":["user q","call c1 ls {}","output c1 files"]}
reply i2 {"response_id":"r2","output_items":["assistant done"]}
end
"#;

fn reduce_with(bundle: &Path, limits: Limits) -> RolloutTrace {
    let graph = reduce_bundle(&Bundle::open_with(bundle, limits).expect("the bundle opens"));
    assert_eq!(graph.check_links(), [] as [String; 0]);
    graph
}

/// A simple bundle, whose log is changed by `change`.
fn with_log(change: impl Fn(&str) -> String) -> TempDir {
    let folder = scenario(SIMPLE);
    let path = folder.path().join("trace.jsonl");
    let log = fs::read_to_string(&path).expect("a temporary folder can be used");
    fs::write(&path, change(&log)).expect("a temporary folder can be used");
    folder
}

/// A simple bundle with this document in place of one of its payloads.
fn with_payload(number: u32, document: &[u8]) -> TempDir {
    let folder = scenario(SIMPLE);
    fs::write(folder.path().join(format!("payloads/{number}.json")), document).expect("a temporary folder can be used");
    folder
}

fn payload(folder: &TempDir, number: u32) -> String {
    fs::read_to_string(folder.path().join(format!("payloads/{number}.json"))).expect("a temporary folder can be used")
}

fn texts(graph: &RolloutTrace) -> Vec<&str> {
    let parts = graph.conversation_items.values().flat_map(|item| &item.body.parts);
    parts
        .filter_map(|part| match part {
            BodyPart::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Returns texts of a megabyte each: emoji of several code points, stacked marks, right-to-left scripts, and characters
/// of no script.
fn scripts() -> Vec<String> {
    [
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "Z\u{351}\u{36b}\u{343}a\u{302}\u{323}",
        "שָׁלוֹם مرحبا",
        "漢字かな𠜎",
        "\u{202e}\u{200b}\u{feff}\u{0}\u{7f}\u{85}\u{2028}",
    ]
    .map(|text| text.repeat((1 << 20) / text.len() + 1))
    .to_vec()
}

#[test]
fn text_in_any_script_at_any_length() {
    for text in scripts() {
        let message = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
        let plain = json!({"type": "message", "role": "user", "content": text});
        let call =
            json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": json!({"a": text}).to_string()});
        let output = json!({"type": "function_call_output", "call_id": "c1", "output": text});
        let image = json!({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": text}]});
        let odd = json!({"type": text, "value": text});
        let items = json!([message, plain, call, output, image, odd]);
        let invocation =
            json!({"tool_name": "exec_command", "payload": {"arguments": json!({"cmd": text}).to_string()}});
        let folder = scenario(&format!(
            "begin\n\
             ask i1 {}\n\
             inference_failed inference_call_id=i1 error={}\n\
             tool_call_started tool_call_id=c1 model_visible_call_id=c1 requester={} kind={} summary={} \
             invocation_payload:tool_invocation={invocation}\n\
             runs c1 exec_command {}\n\
             ran c1 {}\n\
             done c1 {}\n\
             ask i2 {}\n\
             end",
            json!({"input": items}),
            json!(text),
            json!({"type": "model"}),
            json!({"type": "exec_command"}),
            json!({"type": "generic", "label": text, "input_preview": text}),
            json!({"command": ["echo", text], "cwd": text, "process_id": text}),
            json!({"exit_code": 0, "aggregated_output": text, "process_id": text}),
            json!({"type": "direct_response", "response_item": {"output": text}}),
            json!({"input": items}),
        ));
        let graph = reduce(folder.path());
        assert_eq!(complaints(&graph), ["unknown_item_kind"]);
        assert_eq!(graph.conversation_items.len(), 6);
        assert!(texts(&graph).iter().all(|shown| *shown == text));
        assert_eq!(texts(&graph).len(), 3);
        assert!(graph.inference_calls["i1"].error.as_ref() == Some(&text));
        let operation = graph.terminal_operations.values().next().unwrap();
        assert!(operation.result.as_ref().map(|result| &result.stdout) == Some(&text));
        for item in graph.conversation_items.values() {
            for part in &item.body.parts {
                if let BodyPart::Json { summary, .. } = part {
                    assert!(summary.len() <= 243 && summary.ends_with("..."), "{summary}");
                }
            }
        }
        assert!(!draw(&graph).is_empty());
    }
}

#[test]
fn nesting_within_the_limit() {
    for depth in [100, 500] {
        let item = format!(r#"{{"type":"of_tomorrow","value":{}}}"#, nested(depth));
        let request = format!(r#"{{"model":{},"input":[{item}],"tools":{}}}"#, nested(depth), nested(depth));
        let folder = with_payload(1, request.as_bytes());
        fs::write(folder.path().join("payloads/2.json"), format!(r#"{{"output_items":[{item}]}}"#)).unwrap();
        let graph = reduce(folder.path());
        let call = &graph.inference_calls["i1"];
        assert_eq!((call.request_item_ids.len(), call.response_item_ids.len()), (1, 1), "{depth}");
        assert!(
            complaints(&graph).iter().all(|code| *code == "unknown_item_kind"),
            "{depth}: {:?}",
            complaints(&graph)
        );
        let folder = with_log(|log| inserted(log, &other(&nested(depth))));
        let graph = reduce_with(folder.path(), Limits::default());
        assert_eq!(complaints(&graph), [] as [&str; 0], "{depth}");
        // `serde_json` reads 127 levels by default.
        let state = serde_json::to_string(&graph).unwrap();
        let mut state = serde_json::Deserializer::from_str(&state);
        state.disable_recursion_limit();
        assert!(RolloutTrace::deserialize(&mut state).unwrap() == graph, "{depth}");
    }
}

#[test]
fn nesting_beyond_the_limit() {
    let deep = nested(100_000);
    let item = format!(r#"{{"type":"of_tomorrow","value":{deep}}}"#);
    let broken = "[".repeat(100_000);
    let documents = [
        format!(r#"{{"input":[{item}],"output_items":[{item}],"payload":{deep},"command":{deep}}}"#),
        deep.clone(),
        broken.clone(),
        format!(r#"{{"a":{}"#, r#"{"a":"#.repeat(100_000)),
    ];
    for document in &documents {
        for number in 1..=6 {
            let folder = with_payload(number, document.as_bytes());
            let graph = reduce(folder.path());
            assert_eq!(graph.inference_calls.len(), 2);
            assert!(complaints(&graph).contains(&"payload_unreadable"), "payload {number}: {document:.40}");
        }
    }
    for line in [other(&deep), deep, broken, other(&"[".repeat(100_000))] {
        let graph = reduce(with_log(|log| inserted(log, &line)).path());
        assert_eq!(complaints(&graph), ["unparsable_line"], "{line:.40}");
        assert_eq!(graph.inference_calls.len(), 2);
    }
    let folder = scenario(SIMPLE);
    fs::write(folder.path().join("manifest.json"), nested(100_000)).unwrap();
    assert_eq!(complaints(&reduce(folder.path())), ["manifest_invalid"]);
}

/// A document and how it is read.
struct DeepDocument {
    way: &'static str,
    /// Makes a bundle that holds a document of this depth.
    bundle: fn(usize) -> TempDir,
    /// What is reported if it nests too deep.
    complaint: &'static str,
}

/// The documents of a bundle, by the way in which they are read.
const DEEP_DOCUMENTS: &[DeepDocument] = &[
    DeepDocument {
        way: "an event with metadata",
        bundle: |depth| with_log(|log| inserted(log, &other(&nested(depth - 2)))),
        complaint: "unparsable_line",
    },
    DeepDocument {
        way: "an event with an unknown field",
        bundle: |depth| {
            let unused = format!("{{}},\"of_tomorrow\":{}", nested(depth - 2));
            with_log(|log| inserted(log, &other(&unused)))
        },
        complaint: "unparsable_line",
    },
    DeepDocument {
        way: "an item of a first request",
        bundle: |depth| {
            with_payload(1, format!(r#"{{"input":[{{"type":"x","value":{}}}]}}"#, nested(depth - 3)).as_bytes())
        },
        complaint: "payload_unreadable",
    },
    DeepDocument {
        way: "a field before the input of a request",
        bundle: |depth| with_payload(1, format!(r#"{{"tools":{},"input":[]}}"#, nested(depth - 1)).as_bytes()),
        complaint: "payload_unreadable",
    },
    DeepDocument {
        way: "a field after the input of a request",
        bundle: |depth| with_payload(1, format!(r#"{{"input":[],"tools":{}}}"#, nested(depth - 1)).as_bytes()),
        complaint: "payload_unreadable",
    },
    DeepDocument {
        way: "a new item of a later request",
        bundle: |depth| {
            longer_request(|first| {
                format!(r#"{{"input":[{first},{{"type":"x","value":{}}}],"tools":[]}}"#, nested(depth - 3))
            })
        },
        complaint: "payload_unreadable",
    },
    DeepDocument {
        way: "a changed field of a later request",
        bundle: |depth| longer_request(|first| format!(r#"{{"input":[{first}],"tools":{}}}"#, nested(depth - 1))),
        complaint: "payload_unreadable",
    },
    DeepDocument {
        way: "a response",
        bundle: |depth| with_payload(2, format!(r#"{{"output_items":[],"x":{}}}"#, nested(depth - 1)).as_bytes()),
        complaint: "payload_unreadable",
    },
    DeepDocument {
        way: "a document whose content is not used",
        bundle: |depth| with_payload(4, nested(depth).as_bytes()),
        complaint: "payload_unreadable",
    },
];

/// A simple bundle whose second request is made by `second` from the item of its first one.
fn longer_request(second: impl Fn(&str) -> String) -> TempDir {
    let first = r#"{"type":"message","role":"user","content":"q"}"#;
    let folder = with_payload(1, format!(r#"{{"input":[{first}],"tools":[]}}"#).as_bytes());
    fs::write(folder.path().join("payloads/5.json"), second(first)).expect("a temporary folder can be used");
    folder
}

#[test]
fn one_limit_for_every_document() {
    for document in DEEP_DOCUMENTS {
        // The second limit is that of `serde_json`.
        for limit in [20, 127, Limits::default().max_nesting] {
            for depth in [limit - 1, limit, limit + 1] {
                let files = (document.bundle)(depth);
                let folder = tempfile::tempdir().expect("a temporary folder can be used");
                let packed = folder.path().join("packed");
                convert(&Bundle::open(files.path()).expect("the bundle opens"), &packed, PayloadLayout::Packed)
                    .expect("there is room");
                for bundle in [files.path(), &packed] {
                    let graph = reduce_with(bundle, Limits { max_nesting: limit, ..Limits::default() });
                    let is_refused = complaints(&graph).contains(&document.complaint);
                    assert_eq!(is_refused, depth > limit, "{} of depth {depth} at {limit}", document.way);
                }
            }
        }
    }
}

/// Returns an event that has metadata and says nothing else.
fn other(metadata: &str) -> String {
    format!(
        r#"{{"schema_version":2,"seq":4,"wall_time_unix_ms":1,"rollout_id":"R","thread_id":"T","codex_turn_id":"U","payload":{{"type":"other","kind":"k","summary":"s","payloads":[],"metadata":{metadata}}}}}"#
    )
}

/// Returns the log with this line in fourth place and the numbers of the later events increased by one.
fn inserted(log: &str, line: &str) -> String {
    let mut lines: Vec<String> = log.lines().map(str::to_owned).collect();
    for (line, seq) in lines.iter_mut().zip(1..).skip(3) {
        let mut event: Value = serde_json::from_str(line).expect("an event is JSON");
        event["seq"] = json!(seq + 1);
        *line = event.to_string();
    }
    lines.insert(3, line.to_owned());
    lines.join("\n") + "\n"
}

#[test]
fn lone_surrogates() {
    let folder = scenario(SIMPLE);
    let request = r#"{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a\ud83db \ud83d\ude00"}]}]}"#;
    fs::write(folder.path().join("payloads/1.json"), request).unwrap();
    let longer = request.replace("]}]}", r#"]},{"type":"message","role":"user","content":"\udc00"}]}"#);
    fs::write(folder.path().join("payloads/5.json"), longer).unwrap();
    let log = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    let line = other(r#"{"text":"\udead \ud83d\ude00"}"#);
    fs::write(folder.path().join("trace.jsonl"), inserted(&log, &line)).unwrap();
    let graph = reduce(folder.path());
    assert_eq!(complaints(&graph), [] as [&str; 0]);
    assert_eq!(texts(&graph), ["a\u{FFFD}b 😀", "\u{FFFD}", "done"]);
    let first = |id: &str| graph.inference_calls[id].request_item_ids.iter().next().unwrap();
    assert_eq!(first("i2"), first("i1"));
    let state = serde_json::to_string(&graph).unwrap();
    assert!(state.contains("\u{FFFD} 😀"), "the metadata of the event");
}

#[test]
fn byte_order_marks_and_line_ends() {
    let plain = reduce(scenario(SIMPLE).path());
    let folder = with_log(|log| format!("\u{FEFF}{}", log.replace('\n', "\r\n\r\n \t\r\n")));
    for number in 1..=6 {
        let document = payload(&folder, number);
        let path = folder.path().join(format!("payloads/{number}.json"));
        fs::write(path, format!("\u{FEFF}\r\n{document}\r\n")).unwrap();
    }
    let manifest = fs::read_to_string(folder.path().join("manifest.json")).unwrap();
    fs::write(folder.path().join("manifest.json"), format!("\u{FEFF}{manifest}\r\n")).unwrap();
    assert_eq!(reduce(folder.path()), plain);
}

#[test]
fn a_hundred_thousand_events() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("payloads")).unwrap();
    fs::write(folder.path().join("payloads/1.json"), "{}").unwrap();
    let reference =
        json!({"raw_payload_id": "raw_payload:1", "kind": {"type": "protocol_event"}, "path": "payloads/1.json"});
    let mut log = String::new();
    let mut seq = 0;
    let mut push = |payload: Value| {
        seq += 1;
        let line = json!({"schema_version": 2, "seq": seq, "wall_time_unix_ms": seq, "rollout_id": "R", "thread_id": "T",
            "codex_turn_id": "U", "payload": payload});
        writeln!(log, "{line}").unwrap();
    };
    push(json!({"type": "rollout_started", "trace_id": "tr", "root_thread_id": "T"}));
    push(json!({"type": "thread_started", "thread_id": "T", "agent_path": "/root"}));
    push(json!({"type": "codex_turn_started", "codex_turn_id": "U", "thread_id": "T"}));
    for number in 0..25_000 {
        let id = format!("c{number}");
        push(json!({"type": "tool_call_started", "tool_call_id": id, "model_visible_call_id": id,
            "requester": {"type": "model"}, "kind": {"type": "other", "name": "n"},
            "summary": {"type": "generic", "label": "l"}}));
        push(json!({"type": "protocol_event_observed", "event_type": "token_count", "event_payload": reference}));
        push(json!({"type": "other", "kind": "k", "summary": "s", "payloads": [], "metadata": {}}));
        push(json!({"type": "tool_call_ended", "tool_call_id": id, "status": "completed"}));
    }
    push(json!({"type": "codex_turn_ended", "codex_turn_id": "U", "status": "completed"}));
    push(json!({"type": "thread_ended", "thread_id": "T", "status": "completed"}));
    push(json!({"type": "rollout_ended", "status": "completed"}));
    push(json!({"type": "recording_completed"}));
    let manifest = json!({"schema_version": 2, "trace_id": "tr", "rollout_id": "R", "root_thread_id": "T",
        "started_at_unix_ms": 1, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads"});
    fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
    fs::write(folder.path().join("trace.jsonl"), log).unwrap();
    let graph = reduce_with(folder.path(), Limits::default());
    assert_eq!(complaints(&graph), [] as [&str; 0]);
    assert_eq!(graph.tool_calls.len(), 25_000);
    assert_eq!(graph.threads["T"].markers.len(), 50_000);

    let limits = Limits { max_events: 50_000, ..Limits::default() };
    let graph = reduce_with(folder.path(), limits);
    assert_eq!(complaints(&graph), ["limit_exceeded"]);
    assert_eq!(graph.tool_calls.len(), 12_500);
    assert_eq!(graph.recording_complete, Some(false));
}

#[test]
fn an_archive_whose_log_is_cut_by_a_limit() {
    let folder = scenario(SIMPLE);
    let archive = folder.path().with_extension("tar.zst");
    pack(&Bundle::open(folder.path()).unwrap(), &archive).unwrap();
    let mut cuts = 0;
    for max_archive_bytes in (600..1 << 14).step_by(400) {
        let limits = Limits { max_archive_bytes, ..Limits::default() };
        let Ok(bundle) = Bundle::open_with(&archive, limits) else { continue };
        let is_cut = bundle.problems().iter().any(|p| matches!(p, Problem::ArchiveTooLarge { within_log: true, .. }));
        let graph = reduce_bundle(&bundle);
        assert_eq!(graph.reading_stopped, is_cut || graph.threads.is_empty(), "{max_archive_bytes}");
        cuts += usize::from(is_cut);
    }
    fs::remove_file(&archive).unwrap();
    assert!(cuts > 3);
    assert!(!reduce(folder.path()).reading_stopped);
}

#[test]
fn a_payload_larger_than_the_limit() {
    let folder = scenario(SIMPLE);
    let largest = (1..=6).max_by_key(|number| payload(&folder, *number).len()).unwrap();
    let size = payload(&folder, largest).len();
    let graph = reduce_with(folder.path(), Limits { max_payload_bytes: size, ..Limits::default() });
    assert_eq!(complaints(&graph), [] as [&str; 0]);
    let graph = reduce_with(folder.path(), Limits { max_payload_bytes: size - 1, ..Limits::default() });
    assert_eq!(complaints(&graph), ["limit_exceeded"]);
    let payload_id = graph.diagnostics[0].payload_id.as_ref().unwrap();
    assert_eq!(payload_id.as_str(), format!("raw_payload:{largest}"));
    assert_eq!(graph.inference_calls.len(), 2);
}

#[test]
fn a_line_longer_than_the_limit() {
    let folder = scenario(SIMPLE);
    let log = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    let longest = log.lines().map(str::len).max().unwrap();
    let graph = reduce_with(folder.path(), Limits { max_line_bytes: longest, ..Limits::default() });
    assert_eq!(complaints(&graph), [] as [&str; 0]);
    let graph = reduce_with(folder.path(), Limits { max_line_bytes: longest - 1, ..Limits::default() });
    assert_eq!(complaints(&graph)[0], "limit_exceeded");
    assert_eq!(graph.threads.len(), 1);
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let folder = with_log(|log| log.replace('\n', "\nno event\n"));
    let graph = reduce_with(folder.path(), Limits { max_problems: 3, ..Limits::default() });
    let reported = complaints(&graph).iter().filter(|code| **code == "unparsable_line").count();
    assert_eq!(reported, 3);
    let last = graph.diagnostics.iter().find(|diagnostic| diagnostic.code.as_str() == "limit_exceeded").unwrap();
    assert!(last.message.contains("problems beyond the limit of 3 were left out"), "{}", last.message);
}
