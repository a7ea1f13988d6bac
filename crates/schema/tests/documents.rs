//! Payload documents of real bundles decode and encode back to equal JSON.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use rollout_trace_schema::{
    EventPayload, PayloadKind, RawEvent,
    document::{
        AgentMessage, AgentResult, CodeCellResponse, CompactionCheckpoint, CompactionRequest, CompactionResponse,
        ExecValue, InferenceRequest, InferenceResponse, ModelItem, RuntimeEvent, SessionMetadata, SessionSource,
        SubagentSource, ToolInvocation, ToolResult,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Drops the fields that are null: for a field that may be absent, null and absent are the same.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            object.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect()
        }
        Value::Array(array) => array.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn round_trip<T: Serialize + DeserializeOwned>(document: &Value) -> Result<T, String> {
    let typed: T = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    let back = serde_json::to_value(&typed).map_err(|error| error.to_string())?;
    let (mut back, mut document) = (without_nulls(&back), without_nulls(document));
    // Older producers leave out the count of tokens written to the cache, which means 0.
    for side in [&mut back, &mut document] {
        if let Some(Value::Object(usage)) = side.get_mut("token_usage") {
            usage.entry("cache_write_input_tokens").or_insert(json!(0));
        }
    }
    if back == document { Ok(typed) } else { Err(format!("{document}\nbecame\n{back}")) }
}

fn check(event: &EventPayload, kind: &PayloadKind, document: &Value) -> Result<&'static str, String> {
    match kind {
        PayloadKind::InferenceRequest => known_items(&round_trip::<InferenceRequest>(document)?.input, "request"),
        PayloadKind::InferenceResponse => {
            known_items(&round_trip::<InferenceResponse>(document)?.output_items, "response")
        }
        PayloadKind::CompactionRequest => round_trip::<CompactionRequest>(document).map(|_| "compaction request"),
        PayloadKind::CompactionCheckpoint => {
            let checkpoint = round_trip::<CompactionCheckpoint>(document)?;
            known_items(&checkpoint.input_history, "")?;
            known_items(&checkpoint.replacement_history, "checkpoint")
        }
        PayloadKind::CompactionResponse => round_trip::<CompactionResponse>(document).map(|_| "compaction response"),
        PayloadKind::SessionMetadata => match round_trip::<SessionMetadata>(document)?.session_source {
            SessionSource::Program(_) => Ok("program"),
            SessionSource::Subagent { subagent: SubagentSource::ThreadSpawn { .. } } => Ok("spawned"),
            other => Err(format!("session source {other:?}")),
        },
        PayloadKind::ToolInvocation => round_trip::<ToolInvocation>(document).map(|_| "invocation"),
        PayloadKind::ToolResult => match event {
            EventPayload::ToolCallEnded(_) => match round_trip::<ToolResult>(document)? {
                ToolResult::DirectResponse { .. } => Ok("direct"),
                ToolResult::CodeModeResponse { value } => {
                    if value.get("chunk_id").is_some() {
                        round_trip::<ExecValue>(&value)?;
                    }
                    Ok("code mode")
                }
                _ => Ok("tool error"),
            },
            _ => round_trip::<CodeCellResponse>(document).map(|_| "cell response"),
        },
        PayloadKind::ToolRuntimeEvent => match round_trip::<RuntimeEvent>(document)? {
            RuntimeEvent::ExecBegin(_) => Ok("exec begin"),
            RuntimeEvent::ExecEnd(_) => Ok("exec end"),
            RuntimeEvent::McpBegin(_) => Ok("mcp begin"),
            RuntimeEvent::McpEnd(_) => Ok("mcp end"),
            RuntimeEvent::AgentActivity(_) => Ok("activity"),
            RuntimeEvent::AgentSpawn(_) => Ok("spawn"),
            RuntimeEvent::AgentInteraction(_) => Ok("interaction"),
            RuntimeEvent::AgentClose(_) => Ok("close"),
            RuntimeEvent::AgentWait(_) => Ok("wait"),
            other => Err(format!("{other:?}")),
        },
        PayloadKind::AgentResult => round_trip::<AgentResult>(document).map(|_| "agent result"),
        PayloadKind::ProtocolEvent if matches!(event, EventPayload::HistoryItemAccepted(_)) => {
            round_trip::<AgentMessage>(document)?;
            match round_trip::<ModelItem>(document)? {
                ModelItem::AgentMessage(_) => Ok("agent message"),
                other => Err(format!("{other:?}")),
            }
        }
        PayloadKind::ProtocolEvent => Ok("protocol event"),
        other => Err(format!("unexpected kind {other:?}")),
    }
}

/// Checks that no item of a document that Codex wrote is unknown.
fn known_items(items: &[ModelItem], name: &'static str) -> Result<&'static str, String> {
    match items.iter().find(|item| matches!(item, ModelItem::Unknown(_))) {
        Some(unknown) => Err(format!("{unknown:?}")),
        None => Ok(name),
    }
}

fn recorded_bundles() -> Vec<PathBuf> {
    let root = env::var_os("CONFORMANCE").expect("CONFORMANCE names the folder of the official cases");
    let root = PathBuf::from(root);
    ["codex-0.162.1", "codex-0.169.0"]
        .iter()
        .flat_map(|version| fs::read_dir(root.join(version)).expect("the cases are there"))
        .map(|entry| entry.expect("a folder entry").path().join("bundle"))
        .collect()
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn documents_of_recorded_bundles_survive() {
    let bundles = recorded_bundles();
    let mut seen = BTreeMap::new();
    for bundle in &bundles {
        let log = fs::read_to_string(bundle.join("trace.jsonl")).expect("the event log");
        for line in log.lines().filter(|line| !line.is_empty()) {
            let event: RawEvent = serde_json::from_str(line).expect("an event");
            event.payload.for_each_payload_ref(|reference| {
                let text = fs::read(bundle.join(reference.path().expect("a path"))).expect("the payload");
                let document = serde_json::from_slice(&text).expect("JSON");
                match check(&event.payload, &reference.kind, &document) {
                    Ok(what) => *seen.entry(what).or_insert(0) += 1,
                    Err(reason) => panic!("{}/{reference}: {reason}", bundle.display()),
                }
            });
        }
    }
    assert!(seen.len() >= 24, "not every kind of document was met: {seen:?}");
}

#[test]
fn unknown_items_and_fields_survive() {
    let items = json!([
        {"type": "hologram", "id": "h1", "depth": 3},
        {"type": "message", "role": "user"},
        {"type": "function_call", "name": "f", "arguments": {"not": "text"}, "call_id": "c"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s", "mood": "calm"}], "effort": "high"},
        {"role": "user", "content": "no type"},
        "no object",
        {"type": "custom_tool_call_output", "call_id": "c", "output": {"neither": ["text", "nor", "parts"]}},
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:"}, {"type": "text"}]}
    ]);
    let typed: Vec<ModelItem> = serde_json::from_value(items.clone()).expect("items");
    assert_eq!(
        typed.iter().map(|item| matches!(item, ModelItem::Unknown(_))).collect::<Vec<_>>(),
        [true, true, true, false, true, true, false, false]
    );
    assert_eq!(without_nulls(&serde_json::to_value(&typed).expect("JSON")), items);
}

#[test]
fn a_producer_writes_its_own_items() {
    #[derive(Serialize)]
    struct OwnItem<'a> {
        kind: &'a str,
    }
    let items = [OwnItem { kind: "one" }, OwnItem { kind: "two" }];
    let response: InferenceResponse<&[OwnItem<'_>], &Value> = InferenceResponse {
        response_id: Some("resp_1".into()),
        upstream_request_id: None,
        token_usage: None,
        output_items: &items,
        unknown: serde_json::Map::new(),
    };
    assert_eq!(
        serde_json::to_string(&response).expect("JSON"),
        r#"{"response_id":"resp_1","upstream_request_id":null,"token_usage":null,"output_items":[{"kind":"one"},{"kind":"two"}]}"#
    );
}
