//! Shapes of threads, turns and messages between agents, and of what is wrong with a log.

use serde_json::json;

use super::script::{At, ROOT, Script, agent_message, assistant, user};

const CHILD: At<'static> = At { thread: "child", turn: "turn of the child" };

/// Many threads have one path, each with a turn and a request.
pub(super) fn threads_of_one_path(script: &mut Script, size: usize) {
    threads(script, size, |_| "/root/c".to_owned());
}

/// Many threads have paths of their own, each with a turn and a request.
pub(super) fn many_threads(script: &mut Script, size: usize) {
    threads(script, size, |number| format!("/root/c{number}"));
}

fn threads(script: &mut Script, size: usize, path: impl Fn(usize) -> String) {
    for number in 0..size {
        let (thread, turn, id) = (format!("th{number}"), format!("tu{number}"), format!("i{number}"));
        let at = At { thread: &thread, turn: &turn };
        script.child(at.thread, &path(number));
        script.turn(at);
        script.request(at, &id, &[user("x")]);
    }
}

/// A thread has many turns, each with a request.
pub(super) fn many_turns(script: &mut Script, size: usize) {
    for number in 0..size {
        let turn = format!("tu{number}");
        let at = At { turn: &turn, ..ROOT };
        script.turn(at);
        script.request(at, &format!("i{number}"), &[user("x")]);
        let event = json!({"type": "codex_turn_ended", "codex_turn_id": turn, "status": "completed"});
        script.event_at(at, &event);
    }
}

/// The results of a child's turn have equal texts, and reach its parent.
pub(super) fn equal_results(script: &mut Script, size: usize) {
    script.child(CHILD.thread, "/root/child");
    script.turn(CHILD);
    script.request(CHILD, "i", &[user("x")]);
    script.response(CHILD, "i", &[assistant("done")]);
    for number in 0..size {
        let event = json!({
            "type": "agent_result_observed", "edge_id": format!("e{number}"), "child_thread_id": CHILD.thread,
            "child_codex_turn_id": CHILD.turn, "parent_thread_id": ROOT.thread, "message": "done",
        });
        script.event_at(CHILD, &event);
        deliver(script, ROOT, number, ["/root/child", "/root", "done"]);
    }
}

/// Many results of a child's turn are observed as one edge.
pub(super) fn results_of_one_edge(script: &mut Script, size: usize) {
    script.child(CHILD.thread, "/root/child");
    script.turn(CHILD);
    for number in 0..size {
        let text = format!("done {number}");
        let carried = script.payload("agent_result", &json!({"message": text}));
        let event = json!({
            "type": "agent_result_observed", "edge_id": "e", "child_thread_id": CHILD.thread,
            "child_codex_turn_id": CHILD.turn, "parent_thread_id": ROOT.thread, "message": text,
            "carried_payload": carried,
        });
        script.event_at(CHILD, &event);
        deliver(script, ROOT, number, ["/root/child", "/root", &text]);
    }
}

/// The results of many children have equal texts.
pub(super) fn equal_results_of_many(script: &mut Script, size: usize) {
    for number in 0..size {
        let (thread, turn, id) = (format!("th{number}"), format!("tu{number}"), format!("i{number}"));
        let at = At { thread: &thread, turn: &turn };
        script.child(at.thread, "/root/c");
        script.turn(at);
        script.request(at, &id, &[user("x")]);
        script.response(at, &id, &[assistant("done")]);
        let event = json!({
            "type": "agent_result_observed", "edge_id": format!("e{number}"), "child_thread_id": thread,
            "child_codex_turn_id": turn, "parent_thread_id": ROOT.thread, "message": "done",
        });
        script.event_at(at, &event);
        deliver(script, ROOT, number, ["/root/c", "/root", "done"]);
    }
}

/// Many messages with equal texts go from one agent to another.
pub(super) fn equal_messages(script: &mut Script, size: usize) {
    messages(script, size, |_| "go".to_owned());
}

/// Many messages go from one agent to another.
pub(super) fn many_messages(script: &mut Script, size: usize) {
    messages(script, size, |number| format!("go {number}"));
}

fn messages(script: &mut Script, size: usize, text: impl Fn(usize) -> String) {
    script.child(CHILD.thread, "/root/child");
    script.turn(CHILD);
    for number in 0..size {
        let (tool, text) = (format!("t{number}"), text(number));
        script.tool(ROOT, &tool, &tool, &json!({"type": "send_message"}));
        let report = json!({
            "call_id": tool, "sender_thread_id": ROOT.thread, "receiver_thread_id": CHILD.thread, "prompt": text,
        });
        let report = script.payload("tool_runtime_event", &report);
        script.runtime_started(ROOT, &tool, &report);
        script.runtime_ended(ROOT, &tool, &report);
        deliver(script, CHILD, number, ["/root", "/root/child", &text]);
    }
}

/// Delivers a message to an agent.
fn deliver(script: &mut Script, to: At<'_>, number: usize, [author, recipient, text]: [&str; 3]) {
    let id = format!("m{number}");
    let message = script.payload("protocol_event", &agent_message(&id, author, recipient, text));
    script.accepted(to, &id, Some(&message));
}

/// Items that were accepted are shown by one request.
pub(super) fn accepted_then_shown(script: &mut Script, size: usize) {
    let mut items = Vec::new();
    for number in 0..size {
        let id = format!("m{number}");
        let item = agent_message(&id, "/root/c", "/root", "go");
        let message = script.payload("protocol_event", &item);
        script.accepted(ROOT, &id, Some(&message));
        items.push(item);
    }
    script.request(ROOT, "i", &items);
}

/// Every event is about something that never started.
pub(super) fn diagnostics(script: &mut Script, size: usize) {
    for number in 0..size {
        let event = json!({"type": "tool_call_ended", "tool_call_id": format!("t{number}"), "status": "completed"});
        script.event_at(ROOT, &event);
    }
}

/// Every event has the same complaint.
pub(super) fn equal_diagnostics(script: &mut Script, size: usize) {
    script.tool(ROOT, "t", "c", &json!({"type": "other", "name": "tool"}));
    for _ in 0..size {
        script.tool(ROOT, "t", "c", &json!({"type": "other", "name": "tool"}));
    }
}

/// Every event has a type of its own that no reader knows.
pub(super) fn unknown_events(script: &mut Script, size: usize) {
    for number in 0..size {
        script.event_at(ROOT, &json!({"type": format!("new_{number}"), "number": number}));
    }
}
