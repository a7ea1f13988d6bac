//! Sessions that tests make themselves, and their graphs.

use std::{collections::HashMap, fs, path::Path};

use rollout_trace_evidence::{BundleHeader, Evidence, LocatedEvent, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_import::{DocumentTexts, ImportedEvent, Limits, Session};
use rollout_trace_model::{ItemId, RolloutTrace};
use rollout_trace_reducer::Reducer;
use rollout_trace_schema::{PayloadRef, SchemaVersion};
use serde_json::{Value, json};

/// Payload documents in memory.
#[derive(Default)]
struct Memory(HashMap<String, Vec<u8>>);

impl PayloadSource for Memory {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let bytes = self
            .0
            .get(reference.raw_payload_id.as_str())
            .ok_or_else(|| PayloadError::NoPlace { payload: reference.raw_payload_id.to_string() })?;
        buffer.replace_with(&reference.raw_payload_id, bytes);
        Ok(())
    }
}

/// Returns the events of the session whose file this is.
pub(crate) fn events(path: &Path) -> Vec<ImportedEvent> {
    Session::open(path, Limits::default()).unwrap().collect()
}

/// Reduces a session in memory.
pub(crate) fn reduce(path: &Path) -> RolloutTrace {
    let mut session = Session::open(path, Limits::default()).unwrap();
    let events: Vec<ImportedEvent> = session.by_ref().collect();
    let mut reducer = Reducer::new(session.header(), Limits::default());
    let mut memory = Memory::default();
    let mut texts = DocumentTexts::default();
    for (line, ImportedEvent { event, payloads }) in (1..).zip(events) {
        for (reference, document) in &payloads {
            let text = texts.text(&event, document).0.to_vec();
            memory.0.insert(reference.raw_payload_id.to_string(), text);
        }
        reducer.apply(&Evidence::Event(LocatedEvent { line, newline_terminated: true, event }), &mut memory);
    }
    reducer.finish()
}

/// Reduces a recording in memory: events of one thread and turn, each with its document if it has one, whose reference is
/// the event's field with this name.
pub(crate) fn reduce_recorded(thread: &str, turn: &str, events: Vec<(Value, Option<(&str, Value)>)>) -> RolloutTrace {
    let version = SchemaVersion::V2;
    let header = BundleHeader {
        schema_version: version,
        stated_schema: Some(version.number()),
        trace_id: None,
        rollout_id: Some(thread.into()),
        root_thread_id: Some(thread.into()),
        started_at_unix_ms: None,
        observed: None,
        evidence: None,
    };
    let mut reducer = Reducer::new(header, Limits::default());
    let mut memory = Memory::default();
    for (seq, (mut payload, document)) in (1..).zip(events) {
        if let Some((field, document)) = document {
            let id = format!("raw_payload:{seq}");
            let kind = match field {
                "request_payload" => "inference_request",
                "response_payload" => "inference_response",
                "runtime_payload" => "tool_runtime_event",
                _ => "tool_result",
            };
            payload[field] =
                json!({"raw_payload_id": id, "kind": {"type": kind}, "path": format!("payloads/{seq}.json")});
            memory.0.insert(id, document.to_string().into_bytes());
        }
        let event = json!({
            "schema_version": version.number(), "seq": seq, "wall_time_unix_ms": 1000 + seq, "rollout_id": thread,
            "thread_id": thread, "codex_turn_id": turn, "payload": payload,
        });
        let event = serde_json::from_value(event).unwrap();
        reducer.apply(&Evidence::Event(LocatedEvent { line: seq, newline_terminated: true, event }), &mut memory);
    }
    reducer.finish()
}

/// Writes a file of lines, with its folders.
pub(crate) fn write(path: &Path, lines: &[String]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// Returns the texts of items, shortened.
pub(crate) fn texts(graph: &RolloutTrace, items: impl IntoIterator<Item = ItemId>) -> Vec<String> {
    let text = |id: ItemId| {
        let item = serde_json::to_value(&graph.conversation_items[&id]).unwrap();
        let part = &item["body"]["parts"][0];
        let text = ["text", "summary", "value", "label", "source"].iter().find_map(|name| part[name].as_str());
        format!("{}: {}", item["kind"].as_str().unwrap(), text.unwrap_or_default())
    };
    items.into_iter().map(text).collect()
}

/// Returns the codes of a graph's diagnostics.
pub(crate) fn codes(graph: &RolloutTrace) -> Vec<&'static str> {
    graph.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}
