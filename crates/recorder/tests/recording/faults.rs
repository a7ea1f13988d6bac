//! Whatever fails, the agent continues as if tracing were off, and the trace reports what was lost.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use rollout_trace_recorder::{
    ExecutionStatus, PayloadLayout, SessionSource, ThreadTraceContext, ToolDispatchInvocation, ToolDispatchPayload,
    TraceOptions,
};
use serde::{Serialize, Serializer, ser::Error};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{LAYOUTS, ROOT_THREAD, Recorded, in_memory, metadata, options, reduced};

fn start(root: &Path, options: TraceOptions) -> ThreadTraceContext {
    let metadata = metadata(ROOT_THREAD, "/root", SessionSource::Program("test".into()));
    ThreadTraceContext::start_root(root, metadata, options).expect("a bundle")
}

/// Returns how many losses the trace reports: in documents, and in lines without one.
fn reported(recorded: &Recorded) -> (u64, u64) {
    let lost = |loss: &Value| loss["lost_events"].as_u64().unwrap_or(0) + loss["lost_payloads"].as_u64().unwrap_or(0);
    let others = recorded.of_type("other");
    let lines = others.iter().filter(|event| event["kind"] == "rollout_trace.loss").map(|event| &event["metadata"]);
    (recorded.reports("rollout_trace.loss").iter().map(lost).sum(), lines.map(lost).sum())
}

/// Fails or panics after it has produced something.
struct Faulty {
    panics: bool,
}

impl Serialize for Faulty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        serde::ser::SerializeSeq::serialize_element(&mut seq, &"x".repeat(500))?;
        assert!(!self.panics, "on purpose");
        Err(S::Error::custom("on purpose"))
    }
}

#[test]
fn a_value_that_fails_or_panics_leaves_its_event() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout));
        let request = |round: usize| json!({"input": ["y".repeat(300), round]});
        let record = |value: &dyn Fn(&rollout_trace_recorder::InferenceTraceAttempt)| {
            value(&trace.inference_trace_context("t", "m", "p").start_attempt());
        };
        record(&|attempt| attempt.record_started(&request(0)));
        record(&|attempt| attempt.record_started(&Faulty { panics: true }));
        record(&|attempt| attempt.record_started(&Faulty { panics: false }));
        record(&|attempt| attempt.record_started(&request(1)));
        trace.record_protocol_event("faulty", &Faulty { panics: true });
        assert_eq!(trace.losses(), 3);
        drop(trace);
        let recorded = Recorded::of(&sink);
        assert_eq!(recorded.of_type("inference_started").len(), 4, "each event is there");
        let documents = recorded.documents();
        let requests: Vec<&Value> = documents.iter().filter(|document| document.get("input").is_some()).collect();
        assert_eq!(requests, [&request(0), &request(1)]);
        let marks = documents.iter().filter_map(|document| document["rollout_trace_lost"]["reason"].as_str());
        let marks: Vec<&str> = marks.collect();
        assert!(marks[0].contains("panicked") && marks[1].ends_with("on purpose"), "{marks:?}");
        assert_eq!(recorded.reports("rollout_trace.loss").len(), 3);
    }
}

/// Cannot be displayed.
struct Unspeakable {
    panics: bool,
}

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        assert!(!self.panics, "on purpose");
        Err(std::fmt::Error)
    }
}

#[test]
fn an_error_that_cannot_be_displayed_is_still_an_end() {
    for panics in [false, true] {
        let (trace, sink) = in_memory(options(PayloadLayout::Packed));
        let attempt = || {
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            attempt.record_started(&json!({}));
            attempt
        };
        attempt().record_failed(Unspeakable { panics }, None, &[] as &[Value]);
        attempt().record_cancelled(Unspeakable { panics }, None, &[] as &[Value]);
        trace.compaction_trace_context("t", None, "m", "p").start_attempt(&1).record_failed(Unspeakable { panics });
        trace.start_tool_dispatch_trace(|| Some(invocation())).record_failed(Unspeakable { panics });
        assert_eq!(trace.losses(), 4);
        drop(trace);
        let recorded = Recorded::of(&sink);
        for (name, field) in
            [("inference_failed", "error"), ("inference_cancelled", "reason"), ("compaction_request_failed", "error")]
        {
            let ends = recorded.of_type(name);
            let [end] = &ends[..] else { panic!("{ends:?}") };
            assert!(end[field].as_str().is_some_and(|text| text.starts_with("cannot display a text: ")), "{end}");
        }
        assert_eq!(recorded.of_type("tool_call_ended")[0]["status"], "failed");
    }
}

fn invocation() -> ToolDispatchInvocation {
    ToolDispatchInvocation::new("t", "call", "tool", ToolDispatchPayload::function("{}"))
}

#[test]
fn closures_that_panic_do_not_stop_the_agent() {
    let calls = AtomicU64::new(0);
    let options = TraceOptions::new()
        .clock(move || if calls.fetch_add(1, Ordering::Relaxed) % 2 == 1 { panic!("on purpose") } else { 7 })
        .ids(|| panic!("on purpose"));
    let (trace, sink) = in_memory(options);
    let dispatch = trace.start_tool_dispatch_trace(|| panic!("on purpose"));
    assert!(!dispatch.is_enabled());
    let ids: Vec<_> = (0..2)
        .map(|_| {
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            attempt.record_started(&1);
            attempt.inference_call_id().cloned().expect("an id")
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(trace.losses(), 1);
    drop(trace);
    let recorded = Recorded::of(&sink);
    assert_eq!(recorded.of_type("inference_started").len(), 2);
    assert!(recorded.types().ends_with(&["recording_completed"]));
    assert_eq!(recorded.reports("rollout_trace.loss")[0]["lost_events"], 1);
}

#[test]
fn nothing_is_written_after_the_end() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout));
        trace.finish();
        let files = sink.files();
        trace.record_protocol_event("late", &1);
        trace.inference_trace_context("t", "m", "p").start_attempt().record_started(&1);
        drop(trace);
        assert_eq!(sink.files(), files);
    }
}

const RELATIVE_ROOT: &str = "ROLLOUT_TRACE_TEST_RELATIVE_ROOT";

/// Records under a relative root in a process that changes its folder.
#[test]
#[ignore = "a process of a_relative_root_stays_where_it_was"]
fn agent_that_goes_elsewhere() {
    let Some(elsewhere) = env::var_os(RELATIVE_ROOT) else { return };
    let trace = start(Path::new("traces"), TraceOptions::new().layout(PayloadLayout::Files));
    env::set_current_dir(elsewhere).expect("a folder");
    trace.record_protocol_event("there", &1);
    assert_eq!(trace.losses(), 0);
    assert!(trace.bundle_folder().is_some_and(|folder| folder.join("payloads/2.json").is_file()));
}

#[test]
fn a_relative_root_stays_where_it_was() {
    let (here, there) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let status = Command::new(env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "faults::agent_that_goes_elsewhere"])
        .env(RELATIVE_ROOT, there.path())
        .current_dir(here.path())
        .stdout(Stdio::null())
        .status()
        .expect("it starts");
    assert!(status.success());
    assert_eq!(here.path().join("traces").read_dir().expect("the root").count(), 1);
    assert_eq!(there.path().read_dir().expect("a folder").count(), 0);
}

#[test]
fn a_removed_folder_does_not_stop_the_agent() {
    for layout in LAYOUTS {
        let root = TempDir::new().expect("a folder");
        let trace = start(root.path(), options(layout));
        trace.record_protocol_event("before", &1);
        fs::remove_dir_all(trace.bundle_folder().expect("a folder")).expect("it is ours");
        crate::traced_agent::run_session(&trace);
        assert_eq!(trace.losses() > 0, layout == PayloadLayout::Files);
        drop(trace);
        assert_eq!(root.path().read_dir().expect("a folder").count(), 0);
    }
}

#[test]
fn payload_files_that_cannot_be_made_are_reported_in_the_log() {
    let root = TempDir::new().expect("a folder");
    let trace = start(root.path(), options(PayloadLayout::Files));
    let folder = trace.bundle_folder().expect("a folder");
    fs::rename(folder.join("payloads"), folder.join("moved")).expect("it is ours");
    trace.record_protocol_event("lost", &"a document");
    trace.record_codex_turn_started("turn");
    fs::rename(folder.join("moved"), folder.join("payloads")).expect("it is ours");
    trace.record_codex_turn_started("turn-2");
    trace.record_ended(ExecutionStatus::Completed);
    drop(trace);
    let recorded = Recorded::at(&folder);
    let missing = recorded.references().iter().filter(|reference| recorded.document(reference).is_err()).count();
    let (in_documents, in_lines) = reported(&recorded);
    assert!(
        missing > 0 && in_documents + in_lines == missing as u64,
        "{missing} missing, {in_documents} and {in_lines} reported"
    );
    assert!(recorded.types().ends_with(&["rollout_ended", "recording_completed"]));
}

#[test]
fn if_no_document_can_be_written_a_line_reports_the_loss() {
    let root = TempDir::new().expect("a folder");
    let trace = start(root.path(), options(PayloadLayout::Files));
    let folder = trace.bundle_folder().expect("a folder");
    fs::rename(folder.join("payloads"), folder.join("moved")).expect("it is ours");
    trace.record_protocol_event("lost", &"a document");
    trace.record_protocol_event("lost", &"a document");
    trace.record_ended(ExecutionStatus::Completed);
    trace.finish();
    assert_eq!(trace.losses(), 2);
    let recorded = Recorded::at(&folder);
    assert_eq!(reported(&recorded), (0, 2));
    assert!(recorded.types().ends_with(&["recording_completed"]));
    let (_, bad) = reduced(&recorded.bundle);
    let losses: Vec<_> = bad.iter().filter(|diagnostic| diagnostic.contains("\"recording_loss\"")).collect();
    assert_eq!(losses.len(), 2, "{bad:?}");
    assert!(losses[0].contains("the recorder lost 0 events and 1 payload document: cannot write a payload: "));
}

#[test]
fn two_sessions_with_one_root_and_equal_ids_have_a_bundle_each() {
    let root = TempDir::new().expect("a folder");
    let ids = || {
        let minted = std::sync::atomic::AtomicU64::new(0);
        TraceOptions::new().ids(move || format!("id-{}", minted.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
    };
    let (one, other) = (start(root.path(), ids()), start(root.path(), ids()));
    assert_ne!(one.bundle_folder(), other.bundle_folder());
    let always = || TraceOptions::new().ids(|| "the same".to_owned());
    let _first = start(root.path(), always());
    let metadata = metadata(ROOT_THREAD, "/root", SessionSource::Program("test".into()));
    assert!(ThreadTraceContext::start_root(root.path(), metadata, always()).is_err(), "it gives up after some tries");
}

const FULL_DISK_ROOT: &str = "ROLLOUT_TRACE_TEST_FULL_DISK_ROOT";
const FULL_DISK_LAYOUT: &str = "ROLLOUT_TRACE_TEST_FULL_DISK_LAYOUT";
const FULL_DISK_LENGTH: &str = "ROLLOUT_TRACE_TEST_FULL_DISK_LENGTH";
const FULL_DISK_LATER: &str = "ROLLOUT_TRACE_TEST_FULL_DISK_LATER";

/// Returns the trace of an agent in a process whose files cannot grow beyond a size, or `None` in another process.
fn trace_on_a_full_disk() -> Option<ThreadTraceContext> {
    let root = env::var_os(FULL_DISK_ROOT)?;
    let is_files = env::var(FULL_DISK_LAYOUT).is_ok_and(|layout| layout == "Files");
    let trace = start(Path::new(&root), TraceOptions::new().layout(LAYOUTS[usize::from(is_files)]));
    #[cfg(unix)]
    if env::var_os(FULL_DISK_LATER).is_some() {
        let limit = libc::rlimit { rlim_cur: 32 << 10, rlim_max: 32 << 10 };
        // SAFETY: setrlimit reads the limit above, and changes only what this process may write.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
    }
    Some(trace)
}

/// Records in a process whose files cannot grow beyond a size. Its exit status is the agent's result.
#[test]
#[ignore = "a process of a_full_disk_does_not_stop_the_agent"]
fn agent_with_a_full_disk() {
    let Some(trace) = trace_on_a_full_disk() else { return };
    let mut result = 0;
    for round in 0..400_usize {
        let request = json!({"input": [format!("{round} ").repeat(if round % 50 == 0 { 60_000 } else { 200 })]});
        let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
        attempt.record_started(&request);
        attempt.record_failed("x".repeat(300), None, &[] as &[Value]);
        result += round;
    }
    trace.record_ended(ExecutionStatus::Completed);
    assert!(trace.losses() > 0, "the limit had no effect");
    assert_eq!(result, 400 * 399 / 2);
}

/// Records until its pack is full and its log is not.
#[test]
#[ignore = "a process of a_full_pack_or_log_does_not_look_like_a_complete_trace"]
fn agent_with_a_full_pack() {
    let Some(trace) = trace_on_a_full_disk() else { return };
    for step in (0..15).rev().flat_map(|power| [1 << power; 2]) {
        trace.record_protocol_event(
            "chunk",
            &(0..step).map(|at| char::from(b'a' + (at * step % 23) as u8)).collect::<String>(),
        );
    }
    let folder = trace.bundle_folder().expect("a folder");
    trace.finish();
    let recorded = Recorded::at(&folder);
    let (_, without_document) = reported(&recorded);
    assert!(without_document > 0, "the last losses");
    assert!(recorded.types().ends_with(&["recording_completed"]));
}

/// Records until its log is full.
#[test]
#[ignore = "a process of a_full_pack_or_log_does_not_look_like_a_complete_trace"]
fn agent_with_a_full_log() {
    let Some(trace) = trace_on_a_full_disk() else { return };
    let folder = trace.bundle_folder().expect("a folder");
    let length: usize = env::var(FULL_DISK_LENGTH).expect("a length").parse().expect("a number");
    trace.record_codex_turn_started("x".repeat(length));
    while trace.losses() == 0 {
        trace.record_codex_turn_started("turn");
    }
    trace.finish();
    assert!(!Recorded::at(&folder).types().contains(&"recording_completed"), "{length}: the loss is reported nowhere");
}

/// Runs the test of this name after some commands of the shell. Returns the bundle that it made.
#[cfg(unix)]
fn run_on_a_full_disk(commands: &str, test: &str, root: &Path, layout: PayloadLayout) -> std::path::PathBuf {
    let status = Command::new("sh")
        .args(["-c", &format!("{commands} exec \"$0\" --ignored --exact faults::{test}")])
        .arg(env::current_exe().expect("this program"))
        .env(FULL_DISK_ROOT, root)
        .env(FULL_DISK_LAYOUT, format!("{layout:?}"))
        .stdout(Stdio::null())
        .status()
        .expect("a shell");
    assert!(status.success(), "{commands} {layout:?}: {status}");
    root.read_dir().expect("a folder").next().expect("a bundle").expect("an entry").path()
}

/// Sets a limit of 64 blocks of 512 or 1024 bytes. A write beyond it kills the process, which the recorder can foresee
/// only on Linux.
#[cfg(unix)]
const LIMIT: &str = if cfg!(target_os = "linux") { "ulimit -f 64;" } else { "trap '' XFSZ; ulimit -f 64;" };

#[cfg(unix)]
#[test]
fn a_full_disk_does_not_stop_the_agent() {
    // If the signal is ignored, a write beyond the limit fails, as does one beyond a limit that is set later.
    let later = format!("trap '' XFSZ; export {FULL_DISK_LATER}=1;");
    let limits = [LIMIT, "trap '' XFSZ; ulimit -f 64;", &later];
    for (layout, commands) in LAYOUTS.iter().flat_map(|layout| limits.map(|commands| (*layout, commands))) {
        let root = TempDir::new().expect("a folder");
        let bundle = run_on_a_full_disk(commands, "agent_with_a_full_disk", root.path(), layout);
        let recorded = Recorded::at(&bundle);
        let mut whole = 0;
        for reference in recorded.references() {
            // A document that is there is complete.
            if let Ok(document) = recorded.document(&reference) {
                serde_json::from_slice::<Value>(&document).expect("JSON");
                whole += 1;
            }
        }
        assert!(whole > 20, "{layout:?}: {whole}");
        let log = fs::read_to_string(bundle.join("trace.jsonl")).expect("a log");
        assert!(log.ends_with('\n'), "no torn line stays");
    }
}

#[cfg(unix)]
#[test]
fn a_full_pack_or_log_does_not_look_like_a_complete_trace() {
    let root = || TempDir::new().expect("a folder");
    run_on_a_full_disk(LIMIT, "agent_with_a_full_pack", root().path(), PayloadLayout::Packed);
    // The last line may leave any amount of room: never enough for a report, and sometimes enough for an end marker.
    for length in (0..100).step_by(4) {
        let commands = format!("{LIMIT} export {FULL_DISK_LENGTH}={length};");
        run_on_a_full_disk(&commands, "agent_with_a_full_log", root().path(), PayloadLayout::Packed);
    }
}

/// Sets the greatest size that this process may give a file.
#[cfg(unix)]
fn limit_files(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: setrlimit reads the limit above, and changes only what this process may write.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
}

/// Records while its disk is full and after it has room again. The number says when that is.
#[cfg(unix)]
#[test]
#[ignore = "a process of a_disk_that_has_room_again_does_not_make_a_trace_complete"]
fn agent_whose_disk_has_room_again() {
    let Some(root) = env::var_os(FULL_DISK_ROOT) else { return };
    let is_files = env::var(FULL_DISK_LAYOUT).is_ok_and(|layout| layout == "Files");
    let again: usize = env::var(FULL_DISK_LENGTH).expect("a time").parse().expect("a number");
    let trace =
        start(Path::new(&root), TraceOptions::new().layout(LAYOUTS[usize::from(is_files)]).sync_at_turn_end(true));
    for round in 0..60 {
        match round {
            20 => limit_files(3 << 10),
            round if round == again => limit_files(libc::RLIM_INFINITY),
            _ => {}
        }
        trace.record_protocol_event("round", &format!("{round} ").repeat(40));
        trace.record_codex_turn_started(format!("turn-{round}"));
    }
    if again == 60 {
        limit_files(libc::RLIM_INFINITY);
    }
    let lost = trace.losses();
    assert!(lost > 0, "the limit had no effect");
    let folder = trace.bundle_folder().expect("a folder");
    trace.finish();
    limit_files(libc::RLIM_INFINITY);
    let recorded = Recorded::at(&folder);
    let (with_documents, without) = reported(&recorded);
    let is_marked = recorded.types().contains(&"recording_completed");
    assert_eq!(is_marked, again <= 60, "the end can be written if there is room");
    assert!(!is_marked || with_documents + without == lost, "{lost} were lost");
    let graph = rollout_trace::reduce_bundle(&recorded.bundle);
    let drawing = rollout_trace::Drawing::new(&graph).to_string();
    let head = drawing.lines().next().expect("a head");
    assert!(head.contains(if is_marked { "recording closed" } else { "recording not complete" }), "{head}");
}

#[cfg(unix)]
#[test]
fn a_disk_that_has_room_again_does_not_make_a_trace_complete() {
    for layout in LAYOUTS {
        // Room comes back while it is recorded, at its end, or not at all.
        for again in [21, 40, 59, 60, 99] {
            let root = TempDir::new().expect("a folder");
            let commands = format!("trap '' XFSZ; export {FULL_DISK_LENGTH}={again};");
            run_on_a_full_disk(&commands, "agent_whose_disk_has_room_again", root.path(), layout);
        }
    }
}

/// Arrays in one another.
struct Deep(usize);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 0 { serializer.serialize_unit() } else { [Self(self.0 - 1)].serialize(serializer) }
    }
}

/// A value whose `Serialize` implementation breaks the rules.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// Announces an empty map and has entries.
    Length,
    /// Announces an empty array and has elements.
    ArrayLength,
    IgnoresErrors,
    IgnoresErrorsOfEntries,
    IgnoresErrorsOfFields,
    KeyWithoutValue,
    ValueWithoutKey,
}

impl Serialize for Wrong {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct};
        match self {
            Self::Length => {
                let mut map = serializer.serialize_map(Some(0))?;
                let _ = map.serialize_entry("key", &1);
                map.end()
            }
            Self::ArrayLength => {
                let mut seq = serializer.serialize_seq(Some(0))?;
                let _ = seq.serialize_element(&1);
                seq.end()
            }
            Self::IgnoresErrors => {
                let mut seq = serializer.serialize_seq(None)?;
                let _ = seq.serialize_element(&Faulty { panics: false });
                let _ = seq.serialize_element(&1);
                seq.end()
            }
            Self::IgnoresErrorsOfEntries => {
                let mut map = serializer.serialize_map(None)?;
                let _ = map.serialize_entry("faulty", &Faulty { panics: false });
                map.serialize_entry("key", &1)?;
                map.end()
            }
            Self::IgnoresErrorsOfFields => {
                let mut fields = serializer.serialize_struct("Fields", 2)?;
                let _ = fields.serialize_field("faulty", &Faulty { panics: false });
                fields.serialize_field("key", &1)?;
                fields.end()
            }
            Self::KeyWithoutValue => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_key("one")?;
                let _ = map.serialize_key("other");
                map.end()
            }
            Self::ValueWithoutKey => {
                let mut map = serializer.serialize_map(None)?;
                let _ = map.serialize_value(&1);
                map.end()
            }
        }
    }
}

#[test]
fn a_value_that_no_reader_could_read_is_a_mark() {
    for layout in LAYOUTS {
        // The stack that a thread has if nobody asks for more.
        let recorded = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let (trace, sink) = in_memory(options(layout));
            for depth in [10_000, 1_000_000] {
                trace.record_protocol_event("wrong", &Deep(depth));
                let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
                attempt.record_started(&json!({"input": []}));
                attempt.record_failed("no", None, &[Deep(depth)]);
            }
            for wrong in [
                Wrong::Length,
                Wrong::ArrayLength,
                Wrong::IgnoresErrors,
                Wrong::IgnoresErrorsOfEntries,
                Wrong::IgnoresErrorsOfFields,
                Wrong::KeyWithoutValue,
                Wrong::ValueWithoutKey,
            ] {
                trace.record_protocol_event("wrong", &wrong);
                trace.record_protocol_event("wrong", &json!({"in": 1}).as_object().map(|_| [wrong]));
            }
            trace.record_protocol_event("after", &Deep(500));
            assert_eq!(trace.losses(), 18);
            drop(trace);
            Recorded::of(&sink)
        });
        let recorded = recorded.expect("a thread").join().expect("the agent continues");
        for wrong in recorded.reports("wrong") {
            assert!(wrong["rollout_trace_lost"]["reason"].is_string(), "{layout:?}: {wrong}");
        }
        assert_eq!(recorded.reports("wrong").len(), 16);
        assert!(recorded.types().ends_with(&["recording_completed"]));
    }
}

/// JSON text as `serde_json` keeps it.
struct Raw(String);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let name = "$serde_json::private::RawValue";
        let mut raw = serializer.serialize_struct(name, 1)?;
        raw.serialize_field(name, &self.0)?;
        raw.end()
    }
}

#[test]
fn texts_and_bodies_that_nest_too_deep_are_marks() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout));
        trace.record_protocol_event("taken", &Raw(nested(512)));
        trace.record_protocol_event("taken", &[Raw(nested(511)), Raw("1".to_owned())]);
        trace.record_protocol_event("lost", &Raw(nested(513)));
        trace.record_protocol_event("lost", &[Raw(nested(512))]);
        // Each body is compared with the last one that was taken.
        let bodies = [10, 250, 400, 511, 512, 511, 20, 276, 512, 20, 600].map(|levels| (levels, levels < 512));
        for (levels, _) in bodies {
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            attempt.record_started_body(format!("{{\"input\":{}}}", nested(levels)).as_bytes());
            attempt.record_failed("no", None, &[] as &[Value]);
        }
        assert_eq!(trace.losses(), 5);
        drop(trace);
        let recorded = Recorded::of(&sink);
        // The documents are not parsed, because `serde_json` reads 128 levels.
        let is_mark = |reference: &Value| {
            let reference = serde_json::from_value(reference.clone()).expect("a reference");
            let document = recorded.document(&reference).expect("no reference dangles");
            document.starts_with(b"{\"rollout_trace_lost\"")
        };
        for event in recorded.of_type("protocol_event_observed") {
            let is_lost = event["event_type"] == "lost";
            assert_eq!(is_mark(&event["event_payload"]), is_lost, "{layout:?}: {event}");
        }
        for ((levels, is_taken), event) in bodies.iter().zip(recorded.of_type("inference_started")) {
            assert_eq!(is_mark(&event["request_payload"]), !is_taken, "{layout:?}: {levels} levels");
        }
    }
}

/// A subscriber of `tracing` that panics at each event.
struct Panicking;

impl tracing::Subscriber for Panicking {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("on purpose");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_subscriber_that_panics_does_not_stop_the_agent() {
    for layout in LAYOUTS {
        tracing::subscriber::with_default(Panicking, || {
            let (trace, sink) = in_memory(options(layout));
            trace.record_protocol_event("faulty", &Faulty { panics: false });
            trace.record_codex_turn_started("turn");
            trace.record_codex_turn_ended("turn", ExecutionStatus::Completed);
            trace.record_codex_turn_ended("turn", ExecutionStatus::Completed);
            assert_eq!(trace.losses(), 1);
            trace.finish();
            let recorded = Recorded::of(&sink);
            assert_eq!(reported(&recorded), (1, 0));
            assert_eq!(recorded.reports("rollout_trace.misuse").len(), 1);
            assert!(recorded.types().ends_with(&["recording_completed"]));
            let root = TempDir::new().expect("a folder");
            let file = root.path().join("file");
            fs::write(&file, "").expect("space");
            let metadata = metadata(ROOT_THREAD, "/root", SessionSource::Program("test".into()));
            let untraced = ThreadTraceContext::start_root_in_or_disabled(&file, metadata, TraceOptions::new());
            assert!(!untraced.is_enabled());
        });
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_payloads_is_not_followed() {
    let (root, elsewhere) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let trace = start(root.path(), options(PayloadLayout::Files).sync_at_turn_end(true));
    let payloads = trace.bundle_folder().expect("a folder").join("payloads");
    let losses = |trace: &ThreadTraceContext, name: &str| {
        let before = trace.losses();
        trace.record_protocol_event(name, &1);
        trace.losses() - before
    };
    assert_eq!(losses(&trace, "before"), 0);
    let moved = payloads.with_extension("moved");
    fs::rename(&payloads, &moved).expect("a new name");
    std::os::unix::fs::symlink(elsewhere.path(), &payloads).expect("a link");
    assert_eq!(losses(&trace, "to the link"), 1);
    fs::remove_file(&payloads).expect("it is there");
    fs::create_dir(&payloads).expect("a folder");
    assert_eq!(losses(&trace, "to another folder"), 1);
    fs::remove_dir(&payloads).expect("it is empty");
    fs::rename(&moved, &payloads).expect("the old name");
    assert_eq!(losses(&trace, "after"), 0);
    let folder = trace.bundle_folder().expect("a folder");
    drop(trace);
    assert_eq!(elsewhere.path().read_dir().expect("a folder").count(), 0);
    assert!(Recorded::at(&folder).types().ends_with(&["recording_completed"]));
}
