//! Agent cores that reach their models over other APIs than the Responses API.

use rollout_trace_recorder::{
    MemorySink, Observed, PayloadLayout, ResponseIds, ThreadTraceContext, TokenUsage, WireApi,
};
use serde_json::{Value, json};

use crate::support::{LAYOUTS, Recorded, in_memory, options, reduced};

/// A text that only one turn has.
fn prose(turn: usize, words: usize) -> String {
    (0..words).map(|word| format!("w{:x} ", (turn * 7919 + word) * 2_654_435_761 % 1_000_003)).collect()
}

/// Records a session of turns, each of which calls a tool. `record` records an exchange: the history up to the request,
/// and the answer to it, both as blocks of `(role, block)`.
fn play(turns: usize, mut record: impl FnMut(&[(&'static str, Value)], &[Value])) {
    let mut history = vec![("user", json!({"type": "text", "text": prose(0, 40)}))];
    for turn in 1..=turns {
        let id = format!("call_{turn}");
        let answer = [
            json!({"type": "text", "text": prose(turn, 20)}),
            json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": prose(turn + 1000, 8)}}),
        ];
        record(&history, &answer);
        history.extend(answer.into_iter().map(|block| ("assistant", block)));
        history.push(("user", json!({"type": "tool_result", "tool_use_id": id, "content": prose(turn + 2000, 120)})));
    }
}

/// Returns a request in which the last message has the mark for the provider's cache, as clients of the API set it.
fn messages_request(history: &[(&'static str, Value)]) -> Value {
    let mut messages: Vec<Value> = Vec::new();
    for (role, block) in history {
        match messages.last_mut() {
            Some(last) if last["role"] == *role => last["content"].as_array_mut().expect("blocks").push(block.clone()),
            _ => messages.push(json!({"role": role, "content": [block]})),
        }
    }
    let last = messages.last_mut().expect("a message")["content"].as_array_mut().expect("blocks").last_mut();
    last.expect("a block")["cache_control"] = json!({"type": "ephemeral"});
    json!({"model": "m", "system": prose(9, 400), "tools": [{"name": "Bash", "description": prose(8, 200)}],
        "messages": messages, "max_tokens": 1000})
}

fn responses_item(role: &str, block: &Value) -> Value {
    match block["type"].as_str() {
        Some("tool_use") => json!({"type": "function_call", "call_id": block["id"], "name": block["name"],
            "arguments": block["input"].to_string()}),
        Some("tool_result") => json!({"type": "function_call_output", "call_id": block["tool_use_id"],
            "output": block["content"]}),
        _ => json!({"type": "message", "role": role,
            "content": [{"type": if role == "user" { "input_text" } else { "output_text" }, "text": block["text"]}]}),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    AsValue,
    AsBody,
}

fn messages_session(trace: &ThreadTraceContext, turns: usize, passed: Passed) {
    trace.record_codex_turn_started("turn");
    play(turns, |history, answer| {
        let inference = trace.inference_trace_context("turn", "m", "p").wire_api(WireApi::Messages);
        let attempt = inference.start_attempt();
        let request = messages_request(history);
        match passed {
            Passed::AsValue => attempt.record_started(&request),
            Passed::AsBody => attempt.record_started_body(request.to_string().as_bytes()),
        }
        let message = json!({"id": "msg", "role": "assistant", "content": answer, "stop_reason": "tool_use",
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 7}});
        let ids = ResponseIds { response_id: Some("msg"), upstream_request_id: None };
        attempt.record_response(ids, &message);
    });
}

fn responses_session(trace: &ThreadTraceContext, turns: usize) {
    trace.record_codex_turn_started("turn");
    play(turns, |history, answer| {
        let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
        let input: Vec<_> = history.iter().map(|(role, block)| responses_item(role, block)).collect();
        attempt.record_started(&json!({"model": "m", "instructions": prose(9, 400),
            "tools": [{"name": "Bash", "description": prose(8, 200)}], "input": input}));
        let items: Vec<_> = answer.iter().map(|block| responses_item("assistant", block)).collect();
        let usage = TokenUsage { input_tokens: 95, cached_input_tokens: 90, output_tokens: 7, ..TokenUsage::default() };
        attempt.record_completed(ResponseIds::default(), Some(&usage), &items);
    });
}

/// Returns how many bytes a recording takes.
fn bytes(sink: &MemorySink) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    sink.write_to(folder.path()).expect("space");
    let sizes = folder.path().read_dir().expect("a folder").map(|entry| entry.expect("an entry").metadata());
    sizes.map(|metadata| metadata.expect("it is there").len()).sum()
}

#[test]
fn a_session_over_messages_has_the_items_of_the_same_session_over_responses() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    responses_session(&trace, 4);
    trace.record_ended(rollout_trace_recorder::ExecutionStatus::Completed);
    let (expected, bad) = reduced(&Recorded::of(&sink).bundle);
    assert_eq!(bad, [] as [String; 0]);
    for layout in LAYOUTS {
        for passed in [Passed::AsValue, Passed::AsBody] {
            let (trace, sink) = in_memory(options(layout));
            messages_session(&trace, 4, passed);
            trace.record_ended(rollout_trace_recorder::ExecutionStatus::Completed);
            let (state, bad) = reduced(&Recorded::of(&sink).bundle);
            assert_eq!(bad, [] as [String; 0]);
            let of_calls = |state: &Value, key: &str| -> Vec<Value> {
                let calls = state["inference_calls"].as_object().expect("a map");
                calls.values().map(|call| call[key].clone()).collect()
            };
            for key in ["request_item_ids", "response_item_ids", "usage"] {
                assert_eq!(of_calls(&state, key), of_calls(&expected, key), "{key}");
            }
            assert_eq!(of_calls(&state, "finish_reason"), vec![json!("tool_use"); 4]);
            assert_eq!(of_calls(&state, "wire_api"), vec![json!("messages"); 4]);
            let last = of_calls(&state, "request_message_indexes")
                .into_iter()
                .max_by_key(|list| list.as_array().map(Vec::len));
            assert_eq!(last, Some(json!([0, 1, 1, 2, 3, 3, 4, 5, 5, 6])));
        }
    }
}

#[test]
fn a_moved_mark_for_the_cache_costs_few_bytes() {
    let (trace, responses) = in_memory(options(PayloadLayout::Packed));
    responses_session(&trace, 300);
    let (trace, messages) = in_memory(options(PayloadLayout::Packed));
    messages_session(&trace, 300, Passed::AsValue);
    let (trace, bodies) = in_memory(options(PayloadLayout::Packed));
    messages_session(&trace, 300, Passed::AsBody);
    let (responses, messages, bodies) = (bytes(&responses), bytes(&messages), bytes(&bodies));
    assert!(messages * 2 <= responses * 3, "{messages} bytes as values, {responses} over Responses");
    assert!(bodies * 2 <= responses * 3, "{bodies} bytes as bodies, {responses} over Responses");
}

#[test]
fn answers_that_break_off_are_recorded_as_far_as_they_came() {
    let (trace, sink) = in_memory(options(PayloadLayout::Packed));
    let partial = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "half"}]}}]});
    let inference = trace.inference_trace_context("turn", "m", "p").wire_api(WireApi::GenerateContent);
    for (ends_by, body) in [("fails", json!({"contents": []})), ("is canceled", json!({"request": {"contents": []}}))] {
        let attempt = inference.start_attempt();
        attempt.record_started(&body);
        match ends_by {
            "fails" => attempt.record_failed_response("HTTP 503", Some("req"), None::<&Value>),
            _ => attempt.record_cancelled_response("interrupted", None, Some(&partial)),
        }
    }
    let recorded = Recorded::of(&sink);
    assert_eq!(recorded.of_type("inference_started")[1]["wire_api"], "generate_content");
    assert_eq!(recorded.of_type("inference_failed")[0].get("partial_response_payload"), Some(&Value::Null));
    assert_eq!(recorded.documents().last(), Some(&partial));
    assert_eq!(recorded.reports("rollout_trace.misuse"), [] as [Value; 0]);
}

#[test]
fn the_manifest_says_what_is_not_observed() {
    let observed = Observed { tools: Some(false), ..Observed::default() };
    let (trace, sink) = in_memory(options(PayloadLayout::Packed).observed(observed));
    messages_session(&trace, 2, Passed::AsValue);
    let (state, _) = reduced(&Recorded::of(&sink).bundle);
    assert_eq!(state["observed"], json!({"tools": false}));
    let tools: Vec<_> = state["tool_calls"].as_object().expect("a map").values().collect();
    let facts = |tool: &&Value| (tool["evidence"].clone(), tool["execution"]["status"].clone());
    assert_eq!(
        tools.iter().map(facts).collect::<Vec<_>>(),
        [(json!("conversation"), json!("completed")), (json!("conversation"), json!("running"))]
    );
}
