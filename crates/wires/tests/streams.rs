//! Answers are assembled alike however their bodies are cut, and broken ones as far as they came.

use proptest::prelude::*;
use rollout_trace_schema::WireApi;
use rollout_trace_wires::{Answer, AnswerStatus, Assembler};
use serde_json::{Value, json};

fn assemble<'b>(api: &WireApi, chunks: impl IntoIterator<Item = &'b [u8]>) -> Answer {
    let mut assembler = Assembler::new(api).expect("the API is known");
    chunks.into_iter().for_each(|bytes| assembler.push(bytes));
    assembler.finish()
}

/// Assembles a body in pieces of every size, which must make no difference, and returns the status and the response.
fn check(api: WireApi, body: &str) -> (&'static str, Value) {
    let whole = assemble(&api, [body.as_bytes()]);
    for size in 1..body.len().min(80) {
        assert_eq!(assemble(&api, body.as_bytes().chunks(size)), whole, "in pieces of {size} bytes");
    }
    (whole.status.as_str(), serde_json::to_value(&whole.response).expect("a response is JSON"))
}

fn events(data: &[Value]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}

const START: &str = r#"{"type":"message_start","message":{"id":"m1","role":"assistant","model":"a","content":[],
    "stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#;

fn start() -> Value {
    serde_json::from_str(START).expect("it is JSON")
}

fn block(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

#[test]
fn messages_blocks_are_in_the_order_of_their_starts() {
    let body = events(&[
        start(),
        block(1, json!({"type": "text", "text": ""})),
        block(0, json!({"type": "tool_use", "id": "t1", "name": "ls", "input": {}})),
        delta(0, json!({"type": "input_json_delta", "partial_json": "{\"z\":1,"})),
        delta(1, json!({"type": "text_delta", "text": "Grüße 👋"})),
        delta(0, json!({"type": "input_json_delta", "partial_json": "\"a\":2}"})),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9, "x": null}}),
        json!({"type": "message_stop"}),
        json!({"type": "error", "error": {"message": "too late"}}),
    ]);
    let (status, response) = check(WireApi::Messages, &body);
    assert_eq!(status, "completed");
    assert_eq!(
        response,
        json!({
            "id": "m1", "role": "assistant", "model": "a", "stop_reason": "tool_use",
            "content": [
                {"type": "text", "text": "Grüße 👋"},
                {"type": "tool_use", "id": "t1", "name": "ls", "input": {"z": 1, "a": 2}},
            ],
            "usage": {"input_tokens": 5, "output_tokens": 9},
        })
    );
}

#[test]
fn messages_that_break_off_hold_what_came() {
    let body = events(&[
        start(),
        block(0, json!({"type": "fallback", "to": {"model": "b"}})),
        block(1, json!({"type": "tool_use", "id": "t1", "name": "ls", "input": {}})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "{\"path\":\"/ho"})),
    ]);
    // The last event is cut, too.
    let (status, response) = check(WireApi::Messages, &format!("{body}data: {{\"type\":\"content_bl"));
    assert_eq!((status, &response["model"]), ("failed", &json!("b")));
    assert_eq!(response["content"][1]["input"], json!("{\"path\":\"/ho"));
}

#[test]
fn chat_calls_are_told_apart_as_tolerant_clients_do() {
    let calls = |calls: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]});
    let body = events(&[
        calls(json!([{"index": 1, "id": "a", "function": {"name": "ls", "arguments": "{\"p\":"}}])),
        calls(json!([{"index": 1, "id": "a", "function": {"name": "ls", "arguments": "1}"}}])),
        // The same index with another id and a name is another call.
        calls(json!([{"index": 1, "id": "b", "function": {"name": "cat", "arguments": ""}}])),
        calls(json!([{"index": 1, "function": {"arguments": "{}"}}])),
        // Without an index, the id decides.
        calls(json!([{"id": "a", "function": {"arguments": " "}}])),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3}}),
    ]);
    let (status, response) = check(WireApi::ChatCompletions, &body);
    assert_eq!((status, &response["usage"]), ("completed", &json!({"prompt_tokens": 3})));
    assert_eq!(
        response["choices"][0]["message"],
        json!({
            "role": "assistant", "content": null,
            "tool_calls": [
                {"id": "a", "function": {"name": "ls", "arguments": "{\"p\":1} "}},
                {"id": "b", "function": {"name": "cat", "arguments": "{}"}},
            ],
        })
    );
}

#[test]
fn chat_without_an_end_has_failed() {
    let text = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": "half "}}]});
    assert_eq!(check(WireApi::ChatCompletions, &events(std::slice::from_ref(&text))).0, "failed");
    let error = json!({"error": {"message": "overloaded"}});
    let answer = assemble(&WireApi::ChatCompletions, [events(&[text, error]).as_bytes()]);
    assert_eq!((answer.status, answer.error.as_deref()), (AnswerStatus::Failed, Some("overloaded")));
    assert!(answer.response.is_some());
}

#[test]
fn gemini_texts_join_their_neighbors_in_events_and_in_arrays() {
    let chunk = |parts: Value, rest: Value| {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
        candidate.as_object_mut().expect("it is an object").extend(rest.as_object().expect("it is one").clone());
        json!({"candidates": [candidate], "responseId": "r"})
    };
    let chunks = [
        chunk(json!([{"text": "Hm", "thought": true}, {"text": "He"}]), json!({})),
        chunk(json!([{"text": "llo"}, {"text": "", "thoughtSignature": "s"}]), json!({"finishReason": "STOP"})),
    ];
    let expected = json!([{"text": "Hm", "thought": true}, {"text": "Hello"}, {"text": "", "thoughtSignature": "s"}]);
    let wrapped = chunks.clone().map(|chunk| json!({"response": chunk}));
    for body in [events(&chunks), json!(chunks).to_string(), events(&wrapped)] {
        let (status, response) = check(WireApi::GenerateContent, &body);
        assert_eq!((status, &response["candidates"][0]["content"]["parts"]), ("completed", &expected));
    }
    let array = json!(chunks).to_string();
    assert_eq!(check(WireApi::GenerateContent, &array[..array.len() / 2]).0, "failed");
}

#[test]
fn responses_keep_open_items_only_if_they_break_off() {
    let added = json!({"type": "response.output_item.added", "output_index": 1,
        "item": {"type": "reasoning", "summary": []}});
    let summary = json!({"type": "response.reasoning_summary_text.delta", "output_index": 1, "summary_index": 0,
        "delta": "Pl"});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message"}});
    let broken = events(&[added, summary, done]);
    let (status, response) = check(WireApi::Responses, &broken);
    let open = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Pl"}]});
    assert_eq!((status, &response["output_items"]), ("failed", &json!([{"type": "message"}, open])));
    let end =
        json!({"type": "response.incomplete", "response": {"id": "r", "output": [], "usage": {"input_tokens": 2}}});
    let (status, response) = check(WireApi::Responses, &format!("{broken}{}", events(&[end])));
    assert_eq!((status, &response["output_items"]), ("completed", &json!([{"type": "message"}])));
    assert_eq!((&response["response_id"], &response["token_usage"]["input_tokens"]), (&json!("r"), &json!(2)));
}

#[test]
fn a_body_that_is_no_stream_is_the_response_itself() {
    let message = json!({"id": "m", "content": [], "usage": {}});
    assert_eq!(check(WireApi::Messages, &message.to_string()), ("completed", message));
    let response = json!({"id": "r", "object": "response", "output": [{"type": "message"}]});
    let document = json!({"response_id": "r", "output_items": [{"type": "message"}]});
    assert_eq!(check(WireApi::Responses, &format!("\u{FEFF} {response}")), ("completed", document));
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    assert_eq!(check(WireApi::Messages, &error.to_string()), ("failed", Value::Null));
    assert_eq!(check(WireApi::Messages, ""), ("failed", Value::Null));
}

#[test]
fn halves_of_a_character_do_not_lose_the_rest() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"a\\ud83d\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (_, response) = check(WireApi::ChatCompletions, body);
    assert_eq!(response["choices"][0]["message"]["content"], json!("a\u{FFFD}"));
}

#[test]
fn what_is_over_the_limit_is_ignored() {
    let body = events(&[start(), block(0, json!({"type": "text", "text": "a"})), json!({"type": "message_stop"})]);
    let mut assembler = Assembler::new(&WireApi::Messages).expect("the API is known").with_limit(body.len() - 20);
    assembler.push(body.as_bytes());
    assert!(assembler.is_over_limit());
    let answer = assembler.finish();
    assert_eq!(answer.status, AnswerStatus::Failed);
    assert!(answer.response.is_some() && answer.error.is_some());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        chunks in prop::collection::vec(prop::sample::select(vec![
            "data: ", "\n", "\r", "\n\n", "[", "]", "{", "}", "\"", ":", ",", "\\", "é", "[DONE]", "event: error",
            r#""type":"content_block_delta""#, r#""index":7"#, r#""choices":[{"delta":{"tool_calls":[{}]}}]"#,
            r#"{"candidates":[{"content":{"parts":[{"text":""}]}}]}"#, r#""delta":{"type":"text_delta","text":"x"}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":9,"delta":"x"}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":3}"#,
        ]), 0..24),
    ) {
        for api in [WireApi::Responses, WireApi::Messages, WireApi::ChatCompletions, WireApi::GenerateContent] {
            let body = chunks.concat();
            let whole = assemble(&api, [body.as_bytes()]);
            prop_assert_eq!(assemble(&api, chunks.iter().map(|chunk| chunk.as_bytes())), whole);
        }
    }
}
