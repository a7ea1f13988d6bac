//! Many calls at once, and calls within calls.

use std::time::Duration;

use rollout_trace_recorder::{
    ExecutionStatus, InferenceTraceAttempt, PayloadLayout, SessionSource, ThreadTraceContext,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use crate::support::{Recorded, in_memory, metadata, options};

fn attempt(trace: &ThreadTraceContext) -> InferenceTraceAttempt {
    trace.inference_trace_context("turn", "m", "p").start_attempt()
}

fn request(items: usize) -> Value {
    json!({"input": (0..items).map(|item| format!("item {item} {}", "x".repeat(200))).collect::<Vec<_>>(), "tail": items})
}

/// A value that records while it is being recorded.
struct Nested<'n> {
    trace: &'n ThreadTraceContext,
    depth: usize,
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("before", &request(3))?;
        if self.depth > 0 {
            attempt(self.trace).record_started(&Nested { trace: self.trace, depth: self.depth - 1 });
        }
        map.serialize_entry("after", &self.depth)?;
        map.end()
    }
}

#[test]
fn a_value_may_record_while_it_is_recorded() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    attempt(&trace).record_started(&Nested { trace: &trace, depth: 3 });
    attempt(&trace).record_started(&Nested { trace: &trace, depth: 0 });
    drop(trace);
    let recorded = Recorded::of(&sink);
    let depths: Vec<Value> =
        recorded.documents().into_iter().filter_map(|document| document.get("after").cloned()).collect();
    assert_eq!(depths, [0, 1, 2, 3, 0].map(Value::from));
}

#[test]
fn side_effects_happen_once() {
    struct Counting(std::cell::Cell<u32>);
    impl Serialize for Counting {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.set(self.0.get() + 1);
            serializer.serialize_u32(self.0.get())
        }
    }
    for layout in crate::support::LAYOUTS {
        let (trace, sink) = in_memory(options(layout));
        let value = Counting(std::cell::Cell::new(0));
        for _ in 0..3 {
            attempt(&trace).record_started(&value);
        }
        drop(trace);
        assert_eq!(value.0.get(), 3);
        let documents = Recorded::of(&sink).documents();
        assert_eq!(documents.into_iter().filter(Value::is_u64).collect::<Vec<_>>(), [1, 2, 3].map(Value::from));
    }
}

#[test]
fn threads_of_one_rollout_do_not_mix() {
    let (root, sink) = in_memory(options(PayloadLayout::Packed));
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let id = format!("child-{thread}");
            let child =
                root.start_child_thread_trace_or_disabled(metadata(&id, "/c", SessionSource::Program("x".into())));
            scope.spawn(move || {
                for round in 0..60 {
                    // Sometimes two tasks of a thread record at the same time.
                    std::thread::scope(|scope| {
                        if round % 10 == 0 {
                            scope.spawn(|| attempt(&child).record_started(&json!({"thread": thread, "aside": round})));
                        }
                        let mut request = request(round);
                        request["thread"] = json!(thread);
                        attempt(&child).record_started(&request);
                    });
                }
                child.record_ended(ExecutionStatus::Completed);
            });
        }
    });
    drop(root);
    let recorded = Recorded::of(&sink);
    let mut rounds = [0; 6];
    for event in recorded.of_type("inference_started") {
        let reference = serde_json::from_value(event["request_payload"].clone()).expect("a reference");
        let document: Value =
            serde_json::from_slice(&recorded.document(&reference).expect("it is there")).expect("JSON");
        let thread = document["thread"].as_u64().expect("a number") as usize;
        assert_eq!(event["thread_id"], format!("child-{thread}"));
        if document.get("aside").is_none() {
            let mut expected = request(rounds[thread]);
            expected["thread"] = json!(thread);
            assert_eq!(document, expected);
            rounds[thread] += 1;
        }
    }
    assert_eq!(rounds, [60; 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_cancelled_future_leaves_no_attempt_open() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    let tasks: Vec<_> = (0..20_u64)
        .map(|task| {
            let trace = trace.clone();
            tokio::spawn(async move {
                let attempt = attempt(&trace);
                attempt.record_started(&json!({"task": task}));
                tokio::time::sleep(Duration::from_secs(if task % 2 == 0 { 3600 } else { 0 })).await;
                attempt.record_failed("done", None, &[] as &[Value]);
            })
        })
        .collect();
    for (index, task) in tasks.into_iter().enumerate() {
        if index % 2 == 0 {
            while sink.event_log().matches("inference_started").count() < 20 {
                tokio::task::yield_now().await;
            }
            task.abort();
        }
        let _ = task.await;
    }
    trace.record_ended(ExecutionStatus::Completed);
    drop(trace);
    let recorded = Recorded::of(&sink);
    assert_eq!(recorded.of_type("inference_started").len(), 20);
    assert_eq!(recorded.of_type("inference_cancelled").len(), 10);
    assert_eq!(recorded.of_type("inference_failed").len(), 10);
}
