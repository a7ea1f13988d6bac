//! Places the requests of recorded bundles again, and compares with the threads and turns that they have.
//!
//! The environment variable `ROLLOUT_TRACE_WIRES` names a folder with bundles, one file per payload, at any depth.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;

use super::*;
use crate::call::{CallApi, api_of};

/// Returns the folders of all bundles.
fn bundles(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            bundles(&entry, found);
        } else if entry.file_name().is_some_and(|name| name == "trace.jsonl") {
            found.push(folder.to_owned());
        }
    }
}

struct Call {
    headers: Vec<(String, String)>,
    api: CallApi,
    path: String,
}

/// Returns how each call went over the wire, by its id.
fn calls(bundle: &Path, events: &[Json]) -> HashMap<String, Call> {
    let observed = events.iter().filter_map(|event| event.pointer("/payload/event_payload/path")?.as_str());
    let documents = observed.map(|path| fs::read(bundle.join(path)).expect("a payload"));
    let documents = documents.filter_map(|text| serde_json::from_slice::<Json>(&text).ok());
    let calls = documents.filter_map(|document| {
        let id = document.get("inference_call_id")?.as_str()?.to_owned();
        let path = document.get("path")?.as_str()?.to_owned();
        let headers = document.get("request_headers")?.as_object()?;
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        Some((id, Call { headers: headers.collect(), api: api_of("POST", &path)?, path }))
    });
    calls.collect()
}

/// Returns what differs.
fn replay(bundle: &Path) -> Vec<String> {
    let log = fs::read_to_string(bundle.join("trace.jsonl")).expect("a log");
    let events: Vec<Json> = log.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let calls = calls(bundle, &events);
    let payload = |event: &Json, name: &str| {
        let path = event.pointer(&format!("/payload/{name}/path"))?.as_str()?.to_owned();
        fs::read(bundle.join(path)).ok()
    };
    let text = |event: &Json, name: &str| {
        event.pointer(&format!("/payload/{name}")).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let (mut threads, mut placed, mut differences) = (Threads::default(), HashMap::new(), Vec::new());
    for event in &events {
        let id = text(event, "inference_call_id");
        match text(event, "type").as_str() {
            "inference_started" => {
                let Some(call) = calls.get(&id) else { continue };
                let body = payload(event, "request_payload").expect("a request");
                let headers: Headers =
                    call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let view = RequestView::read(call.api, &call.path, &serde_json::from_slice(&body).expect("JSON"));
                let hash = body.iter().fold(7, |hash: u64, &byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                let place = threads.place(Request { headers: &headers, view: &view, body: hash, is_compaction: false });
                let given = (place.thread_id.clone(), place.turn_id.clone());
                let wanted = (text(event, "thread_id"), text(event, "codex_turn_id"));
                if given != wanted {
                    differences.push(format!("{}: {id}: {given:?}, not {wanted:?}", bundle.display()));
                }
                placed.insert(id, (place.thread, hash, call.api));
            }
            kind @ ("inference_completed" | "inference_failed" | "inference_cancelled") => {
                let Some(&(thread, hash, api)) = placed.get(&id) else { continue };
                let response =
                    payload(event, "response_payload").or_else(|| payload(event, "partial_response_payload"));
                let response = response.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
                let is_completed = kind == "inference_completed";
                let state = if is_completed { CallState::Completed } else { CallState::Unsuccessful };
                threads.answer(thread, hash, &AnswerView::read(api, &response), state);
            }
            _ => {}
        }
    }
    differences
}

#[test]
fn recorded_requests_get_their_places_again() {
    let Some(folder) = env::var_os("ROLLOUT_TRACE_WIRES") else {
        eprintln!("SKIPPED: ROLLOUT_TRACE_WIRES names no folder with bundles");
        return;
    };
    let mut found = Vec::new();
    bundles(Path::new(&folder), &mut found);
    assert!(!found.is_empty(), "there are bundles in the folder");
    let differences: Vec<String> = found.iter().flat_map(|bundle| replay(bundle)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
