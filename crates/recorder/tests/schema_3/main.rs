//! Recording in schema 3 and reading it back.

#[path = "../../examples/traced_agent.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod traced_agent;

#[path = "../recording/support.rs"]
#[expect(dead_code, reason = "the other tests of recording use the rest")]
mod support;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rollout_trace::{Bundle, Drawing, Severity, reduce_bundle};
use rollout_trace_recorder::{PayloadLayout, SessionSource, ThreadTraceContext, TraceOptions};
use serde_json::{Value, json};
use support::{ROOT_THREAD, Recorded, in_memory, metadata, options};
use tempfile::TempDir;
use traced_agent::run_session;

/// Names the folder in which the victim records.
const VICTIM_ROOT: &str = "ROLLOUT_TRACE_TEST_VICTIM_ROOT";

/// The session of the goldens in schema 3.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms/schema-3");

fn start(root: &Path, options: TraceOptions) -> ThreadTraceContext {
    let source = SessionSource::Program("golden".into());
    ThreadTraceContext::start_root(root, metadata(ROOT_THREAD, "/root", source), options).expect("a writable folder")
}

/// Records the session of the goldens.
fn record(root: &Path, options: TraceOptions) -> PathBuf {
    let trace = start(root, options);
    run_session(&trace);
    trace.bundle_folder().expect("tracing is on")
}

/// Draws a bundle, and checks that nothing in it is damaged.
fn draw(path: &Path) -> String {
    let bundle = Bundle::open(path).expect("the bundle opens");
    assert_eq!(bundle.problems(), [], "{}", path.display());
    let graph = reduce_bundle(&bundle);
    let complaints: Vec<_> =
        graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
    assert!(complaints.is_empty(), "{}: {complaints:#?}", path.display());
    Drawing::new(&graph).to_string()
}

fn request(round: usize) -> Value {
    let item =
        |round: usize| json!({"type": "message", "role": "user", "content": format!("round {round} ").repeat(300)});
    json!({"input": (0..=round).map(item).collect::<Vec<_>>(), "round": round})
}

/// The rounds of the requests that can be read.
fn rounds(recorded: &Recorded) -> Vec<u64> {
    let started = recorded.of_type("inference_started").into_iter();
    let documents = started.map(|event| {
        let reference = serde_json::from_value(event["request_payload"].clone()).expect("a reference");
        let document = recorded.document(&reference).expect("no reference dangles");
        serde_json::from_slice::<Value>(&document).expect("JSON")["round"].as_u64().expect("a number")
    });
    documents.collect()
}

/// The events of one type, with the references as they are.
fn references(recorded: &Recorded, name: &str, field: &str) -> Vec<String> {
    recorded.of_type(name).iter().map(|event| event[field].to_string()).collect()
}

#[test]
fn the_session_is_the_one_of_the_other_forms() {
    let root = TempDir::new().expect("a folder");
    let files = draw(&record(&root.path().join("files"), options(PayloadLayout::Files)));
    let expected = files.replace("schema 2", "schema 3");
    let sharded = record(&root.path().join("shards"), options(PayloadLayout::Packed).schema_3());
    assert_eq!(draw(&sharded), expected);
    assert_eq!(draw(Path::new(GOLDEN)), expected);
    let names: Vec<_> =
        fs::read_dir(sharded.join("payloads")).expect("a folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(names, ["000001.zst"]);
    assert!(!sharded.join("payloads.pack").exists());
}

#[test]
#[ignore = "writes the golden if it is missing"]
fn write_missing_golden() {
    if Path::new(GOLDEN).exists() {
        return;
    }
    let root = TempDir::new().expect("a folder");
    let recorded = record(root.path(), options(PayloadLayout::Files).schema_3());
    fs::create_dir_all(Path::new(GOLDEN).join("payloads")).expect("a writable folder");
    for name in ["manifest.json", "trace.jsonl", "payloads/000001.zst"] {
        fs::copy(recorded.join(name), Path::new(GOLDEN).join(name)).expect("a writable folder");
    }
}

#[test]
fn each_call_can_be_read_when_it_returns() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed).schema_3());
    for round in 0..12 {
        let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
        attempt.record_started(&request(round));
        assert_eq!(rounds(&Recorded::of(&sink)), (0..=round as u64).collect::<Vec<_>>());
        attempt.record_failed("next", None, &[] as &[Value]);
    }
    drop(trace);
    let recorded = Recorded::of(&sink);
    assert_eq!(recorded.types().last(), Some(&"recording_completed"));
    assert!(recorded.documents().len() > 12 * 2);
    let graph = reduce_bundle(&recorded.bundle);
    assert_eq!(serde_json::to_value(&graph).expect("JSON")["recording_status"], "complete");
    let bytes = sink.files()["payloads/000001.zst"].len();
    assert!(bytes < 4000, "what requests repeat takes {bytes} bytes");
}

#[test]
fn facts_that_only_schema_3_has() {
    let output = json!({"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "ok"});
    let record = |options: TraceOptions| {
        let (trace, sink) = in_memory(options);
        trace.record_tool_output_accepted(Some("turn"), "fco_1", &output);
        trace.record_code_cell_wait_target_resolved("turn", "call_2", "cell-1");
        Recorded::of(&sink)
    };
    let recorded = record(options(PayloadLayout::Files));
    assert_eq!(
        recorded.of_type("history_item_accepted"),
        [json!({"type": "history_item_accepted", "item_id": "fco_1"})]
    );
    assert_eq!(recorded.of_type("code_cell_wait_target_resolved"), [] as [Value; 0]);
    let recorded = record(options(PayloadLayout::Files).schema_3());
    let reference = recorded.of_type("history_item_accepted")[0]["tool_output_payload"].clone();
    let document = recorded.document(&serde_json::from_value(reference).expect("a reference")).expect("a document");
    assert_eq!(serde_json::from_slice::<Value>(&document).expect("JSON"), output);
    let waits = recorded.of_type("code_cell_wait_target_resolved");
    assert_eq!((&waits[0]["tool_call_id"], &waits[0]["runtime_cell_id"]), (&json!("call_2"), &json!("cell-1")));
}

#[test]
fn documents_beyond_a_limit_are_omitted() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed).schema_3().max_payload_bytes(200));
    trace.record_protocol_event("small", &"x");
    trace.record_protocol_event("large", &"x".repeat(300));
    drop(trace);
    let recorded = Recorded::of(&sink);
    insta::assert_snapshot!(references(&recorded, "protocol_event_observed", "event_payload").join("\n"), @r#"
    {"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:3","shard":1}
    {"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:4","shard":1}
    {"capture":{"original_bytes":302,"status":"omitted"},"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:5","shard":null}
    {"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:6","shard":1}
    {"kind":{"type":"protocol_event"},"raw_payload_id":"raw_payload:7","shard":1}
    "#);
    let state = serde_json::to_value(reduce_bundle(&recorded.bundle)).expect("JSON");
    assert_eq!(state["recording_status"], "closed_with_partial_payloads");
    assert_eq!(recorded.reports("rollout_trace.loss")[0]["lost_payloads"], 1);
}

#[test]
fn a_bundle_without_room_says_what_it_omits() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed).schema_3().max_bundle_bytes(2500));
    for _ in 0..30 {
        trace.record_protocol_event("seen", &"y".repeat(100));
    }
    drop(trace);
    let recorded = Recorded::of(&sink);
    let seen = references(&recorded, "protocol_event_observed", "event_payload");
    assert!(seen.iter().any(|reference| reference.contains(r#""original_bytes":102,"status":"omitted""#)), "{seen:?}");
    assert_eq!(recorded.types().last(), Some(&"recording_completed"));
}

/// The process that the other test kills. It prints each request that is recorded, once the call has returned.
#[test]
#[ignore = "a process of the other test"]
fn victim() {
    let Some(root) = env::var_os(VICTIM_ROOT) else { return };
    let trace = start(Path::new(&root), TraceOptions::new().schema_3());
    for round in 0.. {
        let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
        attempt.record_started(&request(round % 40));
        writeln!(std::io::stderr(), "{round}").expect("somebody reads");
        attempt.record_failed("next", None, &[] as &[Value]);
    }
}

#[test]
fn a_process_that_is_killed_loses_nothing() {
    for lines in [1, 7, 60] {
        let root = TempDir::new().expect("a folder");
        let mut victim = Command::new(env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "victim", "--nocapture"])
            .env(VICTIM_ROOT, root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut printed = BufReader::new(victim.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let seen = printed.by_ref().take(lines).count();
        victim.kill().expect("it runs");
        victim.wait().expect("it is dead");
        let seen = seen + printed.count();
        let bundle = fs::read_dir(root.path()).expect("a folder").flatten().next().expect("a bundle").path();
        let log = fs::read(bundle.join("trace.jsonl")).expect("a log");
        // Only the last line may be torn.
        let whole = log.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        fs::write(bundle.join("trace.jsonl"), &log[..whole]).expect("space");
        let recorded = Recorded::at(&bundle);
        let rounds = rounds(&recorded);
        assert!(rounds.len() >= seen, "{} of {seen}", rounds.len());
        assert_eq!(
            serde_json::to_value(reduce_bundle(&recorded.bundle)).expect("JSON")["recording_status"],
            "unclosed"
        );
    }
}

/// A file limit is that of a process, so a shell sets it for a victim, which goes on when it meets the limit.
#[cfg(target_os = "linux")]
#[test]
fn a_file_limit_omits_documents_and_harms_nothing_else() {
    let root = TempDir::new().expect("a folder");
    let program = env::current_exe().expect("this program");
    let status = Command::new("sh")
        .args(["-c", "ulimit -f 40; exec \"$0\" --ignored --exact limited --nocapture"])
        .arg(program)
        .env(VICTIM_ROOT, root.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a process");
    assert!(status.success());
    let bundle = fs::read_dir(root.path()).expect("a folder").flatten().next().expect("a bundle").path();
    let recorded = Recorded::at(&bundle);
    let seen = references(&recorded, "protocol_event_observed", "event_payload");
    let (whole, omitted): (Vec<_>, Vec<_>) = seen.iter().partition(|reference| !reference.contains("omitted"));
    assert!(whole.len() >= 5 && omitted.len() == 1, "{seen:?}");
    assert!(whole.iter().any(|reference| reference.contains(r#""shard":2"#)), "{whole:?}");
    assert_eq!(recorded.types().last(), Some(&"recording_completed"));
}

/// Records documents of random text: some that fit into one file together, and one that fits into none.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "a process of the other test"]
fn limited() {
    let Some(root) = env::var_os(VICTIM_ROOT) else { return };
    let trace = start(Path::new(&root), TraceOptions::new().schema_3());
    let mut state = 1_u64;
    let mut noise = |len: usize| {
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + ((state >> 33) % 90) as u8)
        };
        std::iter::repeat_with(next).filter(|char| !matches!(char, '"' | '\\')).take(len).collect::<String>()
    };
    for len in [6000, 6000, 6000, 60_000, 6000] {
        trace.record_protocol_event("noise", &noise(len));
    }
}
