//! Recording does not change the behavior of an agent, even if recording fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{fs, path::Path, sync::OnceLock};

use rollout_trace_agent_core::{Event, EventMessage, TraceOptions, TraceTarget};
use rollout_trace_recorder::{MemorySink, PayloadLayout, Redactor};
use support::normal::Behavior;

const DEMO: &str = include_str!("../scripts/demo.toml");

/// Returns the behavior of the demo without recording.
fn unrecorded() -> &'static Behavior {
    static BEHAVIOR: OnceLock<Behavior> = OnceLock::new();
    BEHAVIOR.get_or_init(|| Behavior::of(&support::unrecorded("demo", DEMO)))
}

/// Plays the demo with recording options, and asserts that its behavior is unchanged. `prepare` may change the trace
/// root before the rollout, and `watch` on each event. Returns the size of the event log, if there is one.
fn makes_no_difference(options: TraceOptions, prepare: impl Fn(&Path), watch: impl Fn(&Path, &Event)) -> Option<u64> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("traces");
    prepare(&root);
    let trace = TraceTarget::Root(root.clone(), options);
    let played = support::played("demo", DEMO, &folder.path().join("work"), trace, |event| watch(&root, event));
    Behavior::of(&played).assert_same(unrecorded(), "the demo");
    let log = played.bundle.as_ref().map(|bundle| bundle.join("trace.jsonl"));
    log.and_then(|log| fs::metadata(log).ok()).map(|log| log.len())
}

fn at_first_output(event: &Event) -> bool {
    matches!(&event.message, EventMessage::ToolCallEnded { call_id, .. } if call_id == "call_1_2")
}

#[test]
fn a_trace_in_either_layout() {
    for layout in [PayloadLayout::Packed, PayloadLayout::Files] {
        let options = TraceOptions::new().layout(layout);
        assert!(makes_no_difference(options, |_| {}, |_, _| {}) > Some(10_000));
    }
}

#[test]
fn a_trace_in_memory() {
    let sink = MemorySink::new();
    let written = makes_no_difference(TraceOptions::new().memory_sink(&sink), |_| {}, |_, _| {});
    assert_eq!(written, None);
    assert!(sink.event_log().lines().count() > 100);
}

#[test]
fn a_root_that_is_a_file() {
    let written = makes_no_difference(TraceOptions::new(), |root| fs::write(root, "in the way").unwrap(), |_, _| {});
    assert_eq!(written, None);
}

#[test]
fn a_root_that_is_deleted() {
    let remove = |root: &Path, event: &Event| {
        if at_first_output(event) {
            // The recorder may be creating files at the same time.
            while root.exists() {
                let _ = fs::remove_dir_all(root);
            }
        }
    };
    for layout in [PayloadLayout::Packed, PayloadLayout::Files] {
        assert_eq!(makes_no_difference(TraceOptions::new().layout(layout), |_| {}, remove), None);
    }
}

#[test]
fn limits_that_are_reached() {
    let payloads = makes_no_difference(TraceOptions::new().max_payload_bytes(300), |_| {}, |_, _| {});
    let bundle = makes_no_difference(TraceOptions::new().max_bundle_bytes(20_000), |_| {}, |_, _| {});
    assert!(bundle < Some(25_000) && bundle < payloads, "{bundle:?} {payloads:?}");
}

#[test]
fn a_redactor_that_panics() {
    let redactor = Redactor::new(|text: &str| if text.contains("world") { panic!("on purpose") } else { None });
    assert!(makes_no_difference(TraceOptions::new().redactor(redactor), |_| {}, |_, _| {}).is_some());
}

#[test]
fn a_redactor_and_a_clock_that_runs_backwards() {
    let ticks = std::sync::atomic::AtomicI64::new(1 << 40);
    let clock = move || ticks.fetch_sub(1000, std::sync::atomic::Ordering::Relaxed);
    let options = TraceOptions::new().redactor(Redactor::common_secrets()).clock(clock);
    assert!(makes_no_difference(options, |_| {}, |_, _| {}).is_some());
}

#[test]
fn the_comparison_covers_the_behavior() {
    let text = unrecorded().lines().concat();
    for part in ["write_stdin", "Script running", "/root/reader", "Summarize", "turn_aborted", "x-agent-path", "CHUNK"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}
