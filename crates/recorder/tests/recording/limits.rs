//! Limits that the options set.

use rollout_trace_recorder::{ExecutionStatus, PayloadLayout};
use serde_json::{Value, json};

use crate::support::{LAYOUTS, Recorded, in_memory, options};

fn text(seed: usize, len: usize) -> String {
    (0..len).map(|at| char::from(b'a' + (at * seed % 23) as u8)).collect()
}

#[test]
fn a_payload_that_is_too_large_is_marked() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).max_payload_bytes(1000));
        trace.record_protocol_event("fits", &text(7, 900));
        trace.record_protocol_event("large", &text(7, 1100));
        trace.inference_trace_context("t", "m", "p").start_attempt().record_started_body(text(9, 1100).as_bytes());
        trace.record_protocol_event("after", &1);
        assert_eq!(trace.losses(), 2);
        trace.finish();
        let outcome = trace.outcome().unwrap();
        assert_eq!((outcome.loss.lost_events, outcome.loss.lost_payloads, outcome.has_end), (0, 2, true));
        assert!(!outcome.is_complete() && outcome.loss.reasons[0].contains("limit of 1000 bytes"), "{outcome:?}");
        drop(trace);
        let recorded = Recorded::of(&sink);
        assert_eq!(recorded.reports("fits"), [json!(text(7, 900))]);
        let lost = &recorded.reports("large")[0]["rollout_trace_lost"]["reason"];
        assert!(lost.as_str().is_some_and(|reason| reason.contains("limit of 1000 bytes")), "{lost}");
        assert_eq!(recorded.reports("after"), [json!(1)]);
        let losses: u64 =
            recorded.reports("rollout_trace.loss").iter().filter_map(|loss| loss["lost_payloads"].as_u64()).sum();
        assert_eq!(losses, 2);
        assert_eq!(recorded.documents().len(), recorded.references().len(), "no reference dangles");
    }
}

#[test]
fn a_recording_is_complete_once_it_has_ended_without_losses() {
    for layout in LAYOUTS {
        let (trace, _sink) = in_memory(options(layout));
        trace.record_protocol_event("fits", &1);
        assert!(!trace.outcome().unwrap().is_complete());
        trace.finish();
        assert!(trace.outcome().unwrap().is_complete());
    }
    assert_eq!(rollout_trace_recorder::ThreadTraceContext::disabled().outcome(), None);
}

#[test]
fn a_bundle_that_is_too_large_keeps_its_events_and_then_its_end() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).max_bundle_bytes(20_000));
        for round in 1..60 {
            trace.record_protocol_event("chunk", &text(round, 1000));
        }
        assert!(trace.losses() > 30);
        drop(trace);
        let size: usize = sink.files().values().map(Vec::len).sum();
        assert!(size < 27_000, "{size}");
        let recorded = Recorded::of(&sink);
        let chunks = recorded.reports("chunk");
        assert!(
            chunks.iter().any(Value::is_string) && chunks.iter().any(|chunk| chunk.get("rollout_trace_lost").is_some())
        );
        assert!(!recorded.reports("rollout_trace.loss").is_empty());
    }
}

#[test]
fn a_bundle_beyond_its_limit_grows_no_more_and_says_what_it_lost() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).max_bundle_bytes(20_000));
        let size = || sink.files().values().map(Vec::len).sum::<usize>();
        let record = |rounds: std::ops::Range<usize>| {
            for round in rounds {
                trace.record_protocol_event("chunk", &text(round, 1000));
            }
        };
        record(1..100);
        let (full, files) = (size(), sink.files().len());
        record(100..1000);
        assert_eq!((size(), sink.files().len()), (full, files));
        trace.record_ended(ExecutionStatus::Completed);
        let lost = trace.losses();
        drop(trace);
        assert!(size() < full + 2000, "{} after {full}", size());
        let recorded = Recorded::of(&sink);
        assert!(recorded.types().ends_with(&["protocol_event_observed", "recording_completed"]));
        let reported: u64 = recorded
            .reports("rollout_trace.loss")
            .iter()
            .map(|loss| {
                loss["lost_events"].as_u64().expect("a number") + loss["lost_payloads"].as_u64().expect("a number")
            })
            .sum();
        assert_eq!(reported, lost);
    }
}

#[test]
fn no_limit_keeps_a_report_of_losses_out() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).max_payload_bytes(10));
        for turn in 0..20 {
            trace.record_codex_turn_started(format!("turn-{turn}"));
        }
        assert_eq!(trace.losses(), 1, "the loss of the thread's metadata");
        drop(trace);
        let reports = Recorded::of(&sink).reports("rollout_trace.loss");
        assert_eq!((reports.len(), &reports[0]["lost_payloads"]), (1, &json!(1)));
    }
}

#[test]
fn fingerprints_suffice_if_memory_is_short() {
    let record = |bytes: usize| {
        let (trace, sink) = in_memory(options(PayloadLayout::Packed).max_compare_bytes(bytes));
        for round in 1..40 {
            let request = json!({"input": (0..round).map(|item| text(item + 3, 400)).collect::<Vec<_>>()});
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            if round % 9 == 0 {
                attempt.record_started_body(request.to_string().as_bytes());
            } else {
                attempt.record_started(&request);
            }
        }
        drop(trace);
        (Recorded::of(&sink).documents(), sink.files()["payloads.pack"].len())
    };
    let (with, small) = record(1 << 20);
    let (without, also_small) = record(0);
    assert_eq!(with, without);
    assert!(also_small < small * 2, "{also_small} against {small}");
}

#[test]
fn a_clock_may_jump_back() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let clock = AtomicI64::new(1000);
    let options = options(PayloadLayout::Packed).clock(move || clock.fetch_sub(500, Ordering::Relaxed));
    let (trace, sink) = in_memory(options);
    trace.record_codex_turn_started("t");
    drop(trace);
    let recorded = Recorded::of(&sink);
    assert!(recorded.events.windows(2).all(|pair| pair[0].wall_time_unix_ms > pair[1].wall_time_unix_ms));
}
