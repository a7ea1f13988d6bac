//! Shapes of call ids, tool calls and what they run.

use serde_json::json;

use super::script::{At, ROOT, Script, assistant, call, output, user};

/// Each response calls a tool under the same id, and no request shows the calls.
pub(super) fn renumbered(script: &mut Script, size: usize) {
    for number in 0..size {
        let id = format!("i{number}");
        script.request(ROOT, &id, &[user("x")]);
        script.response(ROOT, &id, &[call("call_0", &format!("{{\"n\":{number}}}"))]);
    }
}

/// The same, and each call starts a tool call, which ends with a result.
pub(super) fn renumbered_tools(script: &mut Script, size: usize) {
    for number in 0..size {
        let (id, tool) = (format!("i{number}"), format!("t{number}"));
        script.request(ROOT, &id, &[user("x")]);
        script.response(ROOT, &id, &[call("call_0", &format!("{{\"n\":{number}}}"))]);
        script.tool(ROOT, &tool, "call_0", &json!({"type": "other", "name": "tool"}));
        let item = output("call_0", &number.to_string());
        let result = script.payload("tool_result", &json!({"type": "direct_response", "response_item": item}));
        script.tool_ended(ROOT, &tool, Some(&result));
    }
}

/// One request has many calls and outputs of one id, and the next has them in reverse.
pub(super) fn in_one_request(script: &mut Script, size: usize) {
    let answered = |number| [call("c", &format!("{{\"n\":{number}}}")), output("c", &format!("o{number}"))];
    let mut items: Vec<_> = (0..size).flat_map(answered).collect();
    script.request(ROOT, "i0", &items);
    items.reverse();
    script.request(ROOT, "i1", &items);
}

/// One response has many calls of one id, a tool call starts for each, and a request shows all of them.
pub(super) fn in_one_response(script: &mut Script, size: usize) {
    let calls: Vec<_> = (0..size).map(|number| call("c", &format!("{{\"n\":{number}}}"))).collect();
    script.request(ROOT, "i0", &[user("x")]);
    script.response(ROOT, "i0", &calls);
    for number in 0..size {
        script.tool(ROOT, &format!("t{number}"), "c", &json!({"type": "other", "name": "tool"}));
    }
    script.request(ROOT, "i1", &[vec![user("x")], calls].concat());
}

/// Each response calls a tool, which starts, and no request shows the calls.
pub(super) fn not_shown_again(script: &mut Script, size: usize) {
    for number in 0..size {
        let (id, call_id) = (format!("i{number}"), format!("c{number}"));
        script.request(ROOT, &id, &[user("x")]);
        script.response(ROOT, &id, &[call(&call_id, "{}")]);
        script.tool(ROOT, &format!("t{number}"), &call_id, &json!({"type": "other", "name": "tool"}));
    }
}

/// Incremental requests do not show the calls of the responses before the last one.
pub(super) fn continued_with_tools(script: &mut Script, size: usize) {
    for number in 0..size {
        let (id, call_id, tool) = (format!("i{number}"), format!("c{number}"), format!("t{number}"));
        match number {
            0 => script.request(ROOT, &id, &[user("x")]),
            _ => {
                let before = number - 1;
                let items = [output(&format!("c{before}"), "same")];
                script.continued(ROOT, &id, &format!("r-i{before}"), &items);
            }
        }
        script.response(ROOT, &id, &[call(&call_id, "{}")]);
        script.tool(ROOT, &tool, &call_id, &json!({"type": "other", "name": "tool"}));
        script.tool_ended(ROOT, &tool, None);
    }
}

/// Calls of one thread have the same id, and another thread reports ends under it.
pub(super) fn id_of_two_threads(script: &mut Script, size: usize) {
    let child = At { thread: "child", turn: "turn of the child" };
    script.child(child.thread, "/root/child");
    script.turn(child);
    for _ in 0..size {
        script.tool(ROOT, "t", "c", &json!({"type": "other", "name": "tool"}));
        script.tool_ended(ROOT, "t", None);
    }
    for _ in 0..size {
        script.tool_ended(child, "t", None);
    }
}

/// Many commands have one process id.
pub(super) fn one_process(script: &mut Script, size: usize) {
    for number in 0..size {
        let tool = format!("t{number}");
        let kind = if number % 2 == 0 { "exec_command" } else { "write_stdin" };
        script.tool(ROOT, &tool, &tool, &json!({"type": kind}));
        let mut report = json!({"call_id": tool, "process_id": "7", "command": ["x"], "cwd": "/"});
        let begin = script.payload("tool_runtime_event", &report);
        script.runtime_started(ROOT, &tool, &begin);
        report["aggregated_output"] = json!("y");
        report["exit_code"] = json!(0);
        let end = script.payload("tool_runtime_event", &report);
        script.runtime_ended(ROOT, &tool, &end);
    }
}

/// The runtime of one tool call reports again and again.
pub(super) fn reports_of_one_call(script: &mut Script, size: usize) {
    script.tool(ROOT, "t", "c", &json!({"type": "exec_command"}));
    for number in 0..size {
        let report = json!({"call_id": "c", "process_id": number.to_string(), "command": ["x"], "cwd": "/"});
        let report = script.payload("tool_runtime_event", &report);
        script.runtime_started(ROOT, "t", &report);
    }
}

/// Many commands refer to one payload, and all requests to two.
pub(super) fn payloads_named_again(script: &mut Script, size: usize) {
    let requests = ["a", "b"].map(|text| {
        let items: Vec<_> = (0..20).map(|number| user(&format!("{text}{number}"))).collect();
        script.payload("inference_request", &json!({"model": "m", "input": items}))
    });
    let report = json!({
        "call_id": "c", "process_id": "1", "command": ["x"], "cwd": "/", "aggregated_output": "y", "exit_code": 0,
    });
    let report = script.payload("tool_runtime_event", &report);
    for number in 0..size {
        let tool = format!("t{number}");
        script.request_of(ROOT, &format!("i{number}"), &requests[number % 2]);
        script.tool(ROOT, &tool, &tool, &json!({"type": "exec_command"}));
        script.runtime_started(ROOT, &tool, &report);
        script.runtime_ended(ROOT, &tool, &report);
    }
}

/// Two payloads have one id, and events refer to them by turns.
pub(super) fn payload_id_twice(script: &mut Script, size: usize) {
    let mut payloads = ["a", "b"].map(|text| script.payload("protocol_event", &json!({"text": text})));
    payloads[1]["raw_payload_id"] = payloads[0]["raw_payload_id"].clone();
    for number in 0..size {
        let event = json!({
            "type": "protocol_event_observed", "event_type": "noted", "event_payload": payloads[number % 2],
        });
        script.event_at(ROOT, &event);
    }
}

/// Many code cells have one runtime id and one call id.
pub(super) fn cells_of_one_id(script: &mut Script, size: usize) {
    cells(script, size, |_| ("cell".to_owned(), "call".to_owned()));
}

/// Many code cells have runtime ids and call ids of their own.
pub(super) fn many_cells(script: &mut Script, size: usize) {
    cells(script, size, |number| (format!("cell-{number}"), format!("call-{number}")));
}

/// Many code cells wait for the item with their source, which one response has.
pub(super) fn cells_that_wait(script: &mut Script, size: usize) {
    for number in 0..size {
        start_cell(script, &format!("cell-{number}"), "call");
    }
    script.request(ROOT, "i", &[user("x")]);
    script.response(ROOT, "i", &[source("call", 0)]);
}

fn cells(script: &mut Script, size: usize, ids: impl Fn(usize) -> (String, String)) {
    for number in 0..size {
        let (cell, call_id) = ids(number);
        let id = format!("i{number}");
        script.request(ROOT, &id, &[user("x")]);
        script.response(ROOT, &id, &[source(&call_id, number)]);
        start_cell(script, &cell, &call_id);
        let nested = json!({
            "type": "tool_call_started", "tool_call_id": format!("t{number}"), "code_mode_runtime_tool_id": "1",
            "requester": {"type": "code_cell", "runtime_cell_id": cell}, "kind": {"type": "other", "name": "tool"},
            "summary": {"type": "generic", "label": "tool"},
        });
        script.event_at(ROOT, &nested);
        script.event_at(ROOT, &json!({"type": "code_cell_ended", "runtime_cell_id": cell, "status": "completed"}));
    }
}

fn source(call_id: &str, number: usize) -> serde_json::Value {
    json!({"type": "custom_tool_call", "name": "exec", "input": format!("text({number})"), "call_id": call_id})
}

fn start_cell(script: &mut Script, cell: &str, call_id: &str) {
    let event = json!({
        "type": "code_cell_started", "runtime_cell_id": cell, "model_visible_call_id": call_id, "source_js": "text()",
    });
    script.event_at(ROOT, &event);
}

/// Tool calls run inside one code cell.
pub(super) fn tools_of_one_cell(script: &mut Script, size: usize) {
    script.request(ROOT, "i", &[user("x")]);
    script.response(ROOT, "i", &[source("call", 0), assistant("y")]);
    start_cell(script, "cell", "call");
    for number in 0..size {
        let nested = json!({
            "type": "tool_call_started", "tool_call_id": format!("t{number}"), "code_mode_runtime_tool_id": "1",
            "requester": {"type": "code_cell", "runtime_cell_id": "cell"}, "kind": {"type": "other", "name": "tool"},
            "summary": {"type": "generic", "label": "tool"},
        });
        script.event_at(ROOT, &nested);
    }
}
