//! The examples in `docs/spec` are what they claim to be, and every event type and every document has one.

use std::{collections::BTreeSet, fs, path::Path};

use rollout_trace_schema::{
    EventPayload, Manifest, PayloadKind, RawEvent,
    document::{
        AgentMessage, AgentResult, CompactionCheckpoint, InferenceRequest, InferenceResponse, ModelItem, RecordingLoss,
        RuntimeEvent, SessionMetadata, ToolInvocation, ToolInvocationPayload, ToolResult,
    },
};
use serde_json::Value;

/// Returns the fenced blocks of the specification: the text after the opening fence, and the text of the block.
fn blocks() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec");
    let mut blocks = Vec::new();
    for file in fs::read_dir(folder).expect("the specification is in docs/spec") {
        let text = fs::read_to_string(file.expect("an entry of docs/spec").path()).expect("a file of docs/spec");
        let mut fences = text.split("\n```");
        fences.next();
        while let (Some(block), Some(_)) = (fences.next(), fences.next()) {
            let (info, body) = block.split_once('\n').expect("an opening fence ends its line");
            blocks.push((info.to_owned(), body.to_owned()));
        }
    }
    blocks
}

fn read_document(kind: &str, text: &str) -> bool {
    let items_are_known = |items: &[ModelItem]| items.iter().all(|item| !matches!(item, ModelItem::Unknown(_)));
    let parsed = match kind {
        "manifest" => serde_json::from_str::<Manifest>(text).map(|_| true),
        "item" => serde_json::from_str(text).map(|item| items_are_known(&[item])),
        "inference_request" => {
            serde_json::from_str(text).map(|request: InferenceRequest| items_are_known(&request.input))
        }
        "inference_response" => {
            serde_json::from_str(text).map(|response: InferenceResponse| items_are_known(&response.output_items))
        }
        "compaction_checkpoint" => serde_json::from_str(text).map(|checkpoint: CompactionCheckpoint| {
            items_are_known(&checkpoint.input_history) && items_are_known(&checkpoint.replacement_history)
        }),
        "session_metadata" => serde_json::from_str::<SessionMetadata>(text).map(|_| true),
        "tool_invocation" => serde_json::from_str(text)
            .map(|invocation: ToolInvocation| !matches!(invocation.payload, ToolInvocationPayload::Unknown(_))),
        "tool_result" => serde_json::from_str::<ToolResult>(text).map(|_| true),
        "tool_runtime_event" => {
            serde_json::from_str(text).map(|event: RuntimeEvent| !matches!(event, RuntimeEvent::Other(_)))
        }
        "agent_result" => serde_json::from_str::<AgentResult>(text).map(|_| true),
        "protocol_event" => serde_json::from_str::<AgentMessage>(text)
            .map(|_| true)
            .or_else(|_| serde_json::from_str::<RecordingLoss>(text).map(|_| true)),
        other => panic!("the specification shows no documents of the kind {other}"),
    };
    parsed.unwrap_or_else(|error| panic!("{error} in the {kind}\n{text}"))
}

#[test]
fn every_example_is_what_it_claims_to_be() {
    let mut kinds = BTreeSet::new();
    for (info, text) in blocks() {
        if let Some(kind) = info.strip_prefix("json ") {
            assert!(read_document(kind, &text), "the {kind} is not of a known shape\n{text}");
            kinds.insert(kind.to_owned());
        }
    }
    let all: BTreeSet<String> = PayloadKind::KNOWN.iter().map(ToString::to_string).collect();
    let without_example: Vec<_> = all.difference(&kinds).map(String::as_str).collect();
    // The request and response of a compaction hold what those of an inference hold, a model item is an item, and a warm-up
    // context has the input of a request. The others have no specified shape.
    assert_eq!(
        without_example,
        [
            "compaction_request",
            "compaction_response",
            "content_value",
            "model_item",
            "prepared_prompt",
            "terminal_runtime_event",
            "warmup_context",
        ]
    );
}

#[test]
fn every_event_type_has_an_example() {
    let mut types = BTreeSet::new();
    for (_, text) in blocks().into_iter().filter(|(info, _)| info == "jsonl events") {
        for line in text.lines() {
            let event = RawEvent::from_json(line.as_bytes()).unwrap_or_else(|error| panic!("{error} in\n{line}"));
            let written: Value = serde_json::from_str(line).expect("it was parsed above");
            assert!(!matches!(event.payload, EventPayload::Unknown(_)), "the event is not known\n{line}");
            let mut fields = written["payload"].as_object().expect("it was parsed above").keys();
            let back = serde_json::to_value(&event).expect("an event serializes");
            assert!(fields.all(|field| back["payload"].get(field).is_some()), "a field is not known\n{line}");
            types.insert(event.payload.type_name().to_owned());
        }
    }
    let known: BTreeSet<String> = EventPayload::KNOWN.iter().map(ToString::to_string).collect();
    assert_eq!(types, known);
}
