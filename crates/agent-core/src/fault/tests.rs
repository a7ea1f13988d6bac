//! What a panic costs, at each point of a thread.

use std::{path::PathBuf, time::Duration};

use rollout_trace_recorder::{MemorySink, TraceOptions};
use rollout_trace_scripted_model::{Script, ScriptedModel};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::provoked;

#[path = "../../tests/thread/plain.rs"]
mod plain;
use crate::{AbortReason, AgentConfig, AgentThread, Event, EventMessage, Op, Provider, TraceTarget};

/// Longer than any step takes, even on a busy machine.
const HANG: Duration = Duration::from_secs(60);

const SCRIPT: &str = r#"
[[reply]]
item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Work." } },
        { call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
[[reply]]
item = [{ call = "exec_command", arguments = { cmd = "echo hello" } }]
[[reply]]
item = [{ code = "try { text(await tools.list_agents()); } catch (error) { text(String(error)); }" }]
[[reply]]
item = [{ say = "All is done." }]
[[reply]]
item = [{ say = "Still here." }]
[[reply]]
agent = "/root/a"
item = [{ say = "Done." }]
"#;

/// Plays the script with a panic at a point in an agent, recorded and not, which must make no difference. Returns the
/// events and the event log.
async fn played(point: &str, path: &str) -> (Vec<Event>, String) {
    let sink = MemorySink::new();
    let traced = TraceTarget::Root(PathBuf::new(), TraceOptions::new().memory_sink(&sink));
    let (events, recorded) = played_with(traced, point, path).await;
    let (_, unrecorded) = played_with(TraceTarget::Off, point, path).await;
    assert_eq!(recorded, unrecorded, "{point} in {path}");
    (events, sink.event_log())
}

/// Plays the script. Returns the events, and the events and requests of each agent without ids and times.
async fn played_with(trace: TraceTarget, point: &str, path: &str) -> (Vec<Event>, Vec<(String, Value)>) {
    let server = ScriptedModel::start(Script::parse("test", SCRIPT).unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider { name: "script".to_owned(), base_url: server.base_url(), api_key: None };
    let mut config = AgentConfig::new(provider, "scripted-1", folder.path());
    config.trace = trace;
    config.retries.retries = 0;
    config.commands.login_shell = Some(false);
    let thread = AgentThread::start(config).await.unwrap();
    let mut events = Vec::new();
    provoked::provoke(point, path);
    let op =
        if point == "compaction" { vec![Op::say("Go."), Op::Compact] } else { vec![Op::say("Go."), Op::say("And?")] };
    for op in op {
        let submission = thread.submit(op).unwrap();
        loop {
            let event = timeout(HANG, thread.next_event()).await.expect("the turn ends").expect("the rollout goes on");
            let is_end = matches!(event.message, EventMessage::TurnComplete { .. } | EventMessage::TurnAborted { .. });
            let is_last = is_end && event.submission_id.as_ref() == Some(&submission);
            events.push(event);
            if is_last {
                break;
            }
        }
    }
    timeout(HANG, thread.shutdown_and_wait()).await.expect("the thread ends");
    while let Some(event) = thread.next_event().await {
        events.push(event);
    }
    assert!(provoked::has_happened(), "{point} in {path}");
    let (url, folder) = (server.base_url(), folder.path().canonicalize().unwrap());
    let plain = |value: Value| plain::plain(value, &[&url, &folder.to_string_lossy()]);
    let requests = server.requests().into_iter().map(|request| (request.agent, plain(request.body)));
    let mut behavior: Vec<_> = events.iter().map(|event| (event.agent_path.clone(), plain(json!(event)))).collect();
    behavior.extend(requests);
    // Each agent's events have an order, but those of two agents have none.
    behavior.sort_by(|(one, _), (other, _)| one.cmp(other));
    (events, behavior)
}

fn has(events: &[Event], path: &str, is_wanted: impl Fn(&EventMessage) -> bool) -> bool {
    events.iter().any(|event| event.agent_path == path && is_wanted(&event.message))
}

#[tokio::test]
async fn a_panic_fails_the_turn_in_which_it_happens() {
    for (point, path) in [
        ("request", "/root"),
        ("request", "/root/a"),
        ("history", "/root"),
        ("history", "/root/a"),
        ("compaction", "/root"),
        ("turn end", "/root"),
        ("turn end", "/root/a"),
    ] {
        let (events, log) = played(point, path).await;
        let what = format!("{point} in {path}");
        let said = format!("a fault in the agent ended this work: provoked at {point}");
        assert!(
            has(&events, path, |message| matches!(message, EventMessage::Error { message } if *message == said)),
            "{what}"
        );
        let is_failed =
            |message: &EventMessage| matches!(message, EventMessage::TurnAborted { reason: AbortReason::Failed, .. });
        assert!(has(&events, path, is_failed), "{what}");
        if path != "/root" {
            let told = format!("I failed: {said}");
            let is_told = |message: &EventMessage| matches!(message, EventMessage::AgentMessageReceived { text, .. } if *text == told);
            assert!(has(&events, "/root", is_told), "{what}");
        }
        // The rollout goes on after a turn that failed in its middle.
        let complete = events
            .iter()
            .filter(|event| event.agent_path == "/root" && matches!(event.message, EventMessage::TurnComplete { .. }));
        assert_eq!(complete.count(), if path == "/root" { 1 } else { 2 }, "{what}");
        check_log(&log, &what);
        assert!(log.contains(r#""status":"failed""#), "{what}");
    }
}

#[tokio::test]
async fn a_panic_elsewhere_fails_no_turn() {
    for (point, path) in [
        ("tool", "/root"),
        ("cell message", "/root"),
        ("report", "/root/a"),
        ("thread end", "/root"),
        ("thread end", "/root/a"),
        ("departure", "/root"),
        ("departure", "/root/a"),
        ("command", ""),
    ] {
        let (events, log) = played(point, path).await;
        let what = format!("{point} in {path}");
        let said = format!("provoked at {point}");
        // Commands know of no agent.
        let path = if path.is_empty() { "/root" } else { path };
        let is_told = |message: &EventMessage| match message {
            EventMessage::ToolCallEnded { success: false, output: text, .. }
            | EventMessage::Warning { message: text }
            | EventMessage::Error { message: text } => text.contains(&said),
            _ => false,
        };
        assert!(has(&events, path, is_told), "{what}: {events:#?}");
        let is_failed = |message: &EventMessage| matches!(message, EventMessage::TurnAborted { .. });
        assert!(!has(&events, path, is_failed), "{what}");
        check_log(&log, &what);
    }
}

/// Checks that a log has the end of every turn and its own.
fn check_log(log: &str, what: &str) {
    let count = |event: &str| log.matches(&format!("\"type\":\"{event}\"")).count();
    assert_eq!(count("codex_turn_started"), count("codex_turn_ended"), "{what}: {log}");
    assert_eq!(count("recording_completed"), 1, "{what}: {log}");
}
