//! What tool calls are joined with.

mod support;

use rollout_trace_schema::ToolCallId;
use serde_json::Value;

/// Returns the tool calls that each inference call lists as started by its response.
fn listed(bundle: &tempfile::TempDir) -> Vec<Vec<ToolCallId>> {
    let graph = support::reduce(bundle.path());
    graph.inference_calls.into_values().map(|call| call.tool_call_ids_started_by_response).collect()
}

#[test]
fn a_response_lists_a_call_that_is_shown_again_as_another_item() {
    let bundle = support::scenario(
        r#"
begin
ask i1 {"input":["user hi","call c1 ls {\"dir\":\".\"}"]}
call c1 ls {"dir":"."}
reply i1 {"response_id":"r1","output_items":["call c1 ls {\"dir\":\".\"}"]}
ask i2 {"input":["user hi","call c1 ls {\"dir\":\".\"}"]}
reply i2 {"response_id":"r2","output_items":[]}
end
"#,
    );
    assert_eq!(listed(&bundle), [vec!["c1".into()], vec![]]);
}

#[test]
fn a_response_lists_a_call_that_a_request_shows_under_another_id() {
    let bundle = support::scenario(
        r#"
begin
ask i1 {"input":["user hi"]}
call c1 ls {"dir":"."}
reply i1 {"response_id":"r1","output_items":[{"type":"function_call","id":"fc_1","call_id":"c1","name":"ls","arguments":"{}"}]}
ask i2 {"input":["user hi",{"type":"function_call","id":"fc_2","call_id":"c1","name":"ls","arguments":"{}"}]}
reply i2 {"response_id":"r2","output_items":[]}
end
"#,
    );
    assert_eq!(listed(&bundle), [vec!["c1".into()], vec![]]);
}

#[test]
fn a_write_shows_the_text_of_its_answer() {
    let result = |output: &str| {
        let item = format!(r#"{{"type":"function_call_output","call_id":"c1","output":{output}}}"#);
        let bundle = support::scenario(&format!(
            r#"
begin
call c1 write_stdin {{"session_id":7,"chars":"x"}}
done c1 {{"type":"direct_response","response_item":{item}}}
end
"#
        ));
        let graph = support::reduce(bundle.path());
        let operation = graph.terminal_operations.values().next().unwrap();
        let stdout = operation.result.clone().unwrap().stdout;
        let is_item = serde_json::from_str(&stdout).is_ok_and(|shown: Value| item.parse::<Value>().unwrap() == shown);
        if is_item { "the item".to_owned() } else { stdout }
    };
    assert_eq!(result(r#""a""#), "a");
    let texts = r#"{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}"#;
    assert_eq!(result(&format!("[{texts}]")), "a\nb");
    assert_eq!(result(&format!(r#"[{texts},{{"type":"input_image","image_url":"u"}}]"#)), "a\nb");
    assert_eq!(result(r#"{"a":1}"#), r#"{"a":1}"#);
    for without_text in ["[]", "null", r#"[{"type":"input_image","image_url":"u"}]"#] {
        assert_eq!(result(without_text), "the item");
    }
}

#[test]
fn a_payload_that_is_named_twice_is_listed_once() {
    let end = r#"ran c1 {"exit_code":0,"aggregated_output":"a"}"#;
    let bundle = support::scenario(&format!(
        r#"
begin
call c1 exec_command {{"cmd":"ls"}}
runs c1 exec_command {{"command":["ls"],"cwd":"/"}}
{end}
end
"#
    ));
    let log = bundle.path().join("trace.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    let twice: String = text
        .lines()
        .flat_map(|line| vec![line; if line.contains("runtime_ended") { 2 } else { 1 }])
        .zip(1..)
        .map(|(line, seq)| {
            let mut event: Value = line.parse().unwrap();
            event["seq"] = seq.into();
            format!("{event}\n")
        })
        .collect();
    std::fs::write(log, twice).unwrap();
    let graph = support::reduce(bundle.path());
    assert_eq!(graph.tool_calls.values().next().unwrap().raw_runtime_payload_ids.len(), 2);
    assert_eq!(graph.terminal_operations.values().next().unwrap().raw_payload_ids.len(), 2);
}
