//! What is redacted is nowhere in the bundle.

use rollout_trace_recorder::{PayloadLayout, Redactor};
use serde_json::json;

use crate::support::{LAYOUTS, Recorded, in_memory, options};

const SECRET: &str = "sk-abcdefghijklmnopqrstuvwx0123456789";

#[test]
fn a_secret_is_nowhere_in_the_bundle() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).redactor(Redactor::common_secrets()));
        let long = format!("{}{SECRET}", "log line\n".repeat(100));
        for round in 0..3 {
            let request = json!({"input": [{"text": long}, {"text": format!("key={SECRET}")}], "round": round});
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            attempt.record_started(&request);
            attempt.record_failed(
                format!("401: bad key {SECRET}"),
                None,
                &[json!({"escaped": format!("\"{SECRET}\"")})],
            );
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            attempt.record_started_body(request.to_string().as_bytes());
        }
        drop(trace);
        for (path, bytes) in sink.files() {
            assert!(!String::from_utf8_lossy(&bytes).contains("abcdefghijklm"), "{path}");
        }
        let recorded = Recorded::of(&sink);
        let text = serde_json::to_string(&recorded.documents()).expect("JSON");
        let marks: std::collections::BTreeSet<&str> =
            text.match_indices("[redacted:").map(|(at, _)| &text[at..at + 27]).collect();
        assert_eq!(marks.len(), 1, "equal secrets have equal marks: {marks:?}");
        assert!(recorded.reports("rollout_trace.redacted")[0]["redacted"].as_u64().is_some_and(|count| count >= 6));
        for event in recorded.of_type("inference_failed") {
            assert!(event["error"].as_str().is_some_and(|error| error.starts_with("401: bad key [redacted:api_key:")));
        }
    }
}

#[test]
fn a_redactor_that_panics_costs_the_agent_nothing() {
    let redactor = Redactor::new(|text| if text.contains("boom") { panic!("on purpose") } else { None });
    let (trace, sink) = in_memory(options(PayloadLayout::Packed).redactor(redactor));
    trace.record_protocol_event("fine", &"boom");
    trace.record_protocol_event("boom", &"fine");
    trace.record_protocol_event("after", &"fine");
    assert_eq!(trace.losses(), 2);
    drop(trace);
    let recorded = Recorded::of(&sink);
    assert!(recorded.reports("fine")[0].get("rollout_trace_lost").is_some());
    assert_eq!(recorded.reports("after"), ["fine"]);
    assert_eq!(recorded.reports("boom"), [] as [&str; 0]);
}
