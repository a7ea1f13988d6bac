//! Redacted text occurs nowhere in the bundle.

use rollout_trace_recorder::{
    PayloadLayout, Redactor, ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchRequester,
};
use serde::{Serialize, Serializer, ser::Error};
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

/// A token answer of an OAuth server.
#[derive(Serialize)]
struct TokenAnswer<'t> {
    token_type: &'t str,
    access_token: &'t str,
    scope: [&'t str; 2],
}

/// The lines of a private key, of which the body is secret.
fn key_lines(body: &str) -> [String; 4] {
    let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} RSA PRIVATE KEY-----"));
    [begin, format!("MIIE{body}"), format!("{body}=="), end]
}

#[test]
fn secrets_are_found_by_their_place_in_the_document() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).redactor(Redactor::common_secrets()));
        trace.record_protocol_event("lines", &key_lines("LEAKlines"));
        trace.record_protocol_event("padded", &key_lines(&"LEAKpadded".repeat(8)));
        let answer = TokenAnswer { token_type: "bearer", access_token: "LEAKanswer00", scope: ["openid", "offline"] };
        trace.record_protocol_event("answer", &answer);
        trace.record_protocol_event(
            "nested",
            &json!({"text": json!({"t": json!({"client_secret": "LEAKnested0"}).to_string()}).to_string()}),
        );
        // Of the later requests, only what has changed is looked at: it is found without the unchanged text around it.
        for round in 0..4 {
            let changed = format!("LEAKround{round}").repeat(if round < 2 { 1 } else { 12 });
            let [begin, first, second, end] = key_lines(&changed);
            let padding = "x".repeat(100);
            let request = json!({
                "a_comment": padding, "api_key": format!("LEAKkey{round}00"), "b_comment": padding,
                "headers": {"set-cookie": [format!("sid=LEAKsid{round}"), format!("{padding}LEAK")]},
                "input": [{"role": "user", "content": padding}, {"content": [begin, first, second, end]}],
                "lines": [begin, first, second, end], "numbered": [{"n": 1, "l": begin}, {"n": 2, "l": format!("{second}{padding}")}],
                "z_comment": [padding, format!("stays {round}")],
            });
            let attempt = trace.inference_trace_context("t", "m", "p").start_attempt();
            attempt.record_started(&request);
            attempt.record_failed("no", None, &[json!({"refresh_token": answer.access_token})]);
        }
        drop(trace);
        for (path, bytes) in sink.files() {
            let text = String::from_utf8_lossy(&bytes);
            let shown = text.find("LEAK").map(|at| text[at..].chars().take(80).collect::<String>());
            assert_eq!(shown, None, "{path}, {layout:?}");
        }
        let recorded = Recorded::of(&sink);
        let requests: Vec<_> =
            recorded.documents().into_iter().filter(|document| document.get("z_comment").is_some()).collect();
        assert_eq!(requests.len(), 4);
        for (round, request) in requests.iter().enumerate() {
            assert_eq!(request["z_comment"][1], format!("stays {round}"));
            assert_eq!(request["input"][0]["role"], "user");
        }
        assert_eq!(recorded.reports("answer")[0]["scope"], json!(["openid", "offline"]));
    }
}

#[test]
fn a_redactor_that_panics_does_not_harm_the_agent() {
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

/// A value that fails with a secret in its error.
struct Leaking;

impl Serialize for Leaking {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom(format!("cannot use {SECRET}")))
    }
}

#[test]
fn a_secret_is_found_in_incomplete_values() {
    for layout in LAYOUTS {
        let (trace, sink) = in_memory(options(layout).redactor(Redactor::common_secrets()));
        trace.record_protocol_event("failing", &Leaking);
        trace.record_protocol_event("key", &json!({SECRET: {"in": {format!("a {SECRET}"): 1}}}));
        let torn = format!("{{\"input\":[\"{SECRET}");
        for body in [&format!("{{\"{SECRET}\":\"\\ud800 {SECRET}\"}}"), &torn, &format!("{{'key': '{SECRET}'}}")] {
            trace.inference_trace_context("t", "m", "p").start_attempt().record_started_body(body.as_bytes());
        }
        // The summary is cut off at each place in the secret.
        for before in 120..170 {
            let arguments = format!("{} {SECRET}", "x".repeat(before));
            let call_id = format!("call-{before}");
            let arguments = ToolDispatchPayload::function(arguments);
            let invocation = ToolDispatchInvocation::new("t", call_id, "tool", arguments)
                .requested_by(ToolDispatchRequester::model("call"));
            trace.start_tool_dispatch_trace(|| Some(invocation)).record_failed("no");
        }
        drop(trace);
        for (path, bytes) in sink.files() {
            assert!(!String::from_utf8_lossy(&bytes).contains("sk-a"), "{path}");
        }
        let recorded = Recorded::of(&sink);
        let lost = &recorded.reports("failing")[0]["rollout_trace_lost"]["reason"];
        assert!(lost.as_str().is_some_and(|reason| reason.contains("cannot use [redacted:api_key:")), "{lost}");
        let key = recorded.reports("key")[0].as_object().and_then(|key| key.keys().next().cloned());
        assert!(key.is_some_and(|key| key.starts_with("[redacted:api_key:")));
    }
}
