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

#[test]
fn a_cell_lists_the_calls_from_before_its_source_by_id() {
    let nested = |id: &str| {
        format!(
            r#"tool_call_started tool_call_id={id} requester={{"type":"code_cell","runtime_cell_id":"1"}} kind={{"type":"other","name":"ls"}} summary={{"type":"generic","label":"ls"}}"#
        )
    };
    for schema in [2, 3] {
        let bundle = support::scenario(&format!(
            "schema {schema}\nbegin\nask i1 {{\"input\":[\"user hi\"]}}\ncell 1 x1 text(1)\n{}\n{}\n\
             reply i1 {{\"response_id\":\"r1\",\"output_items\":[\"custom x1 exec text(1)\"]}}\n{}\nend\n",
            nested("n2"),
            nested("n1"),
            nested("n0"),
        ));
        let graph = support::reduce(bundle.path());
        let cell = graph.code_cells.values().next().expect("the response shows its source");
        assert_eq!(cell.nested_tool_call_ids, [ToolCallId::from("n1"), "n2".into(), "n0".into()], "schema {schema}");
    }
}

/// The request lists what it shows before an accepted output before it, so that the second source comes first.
#[test]
fn the_source_of_a_cell_is_the_first_in_the_list_of_the_thread() {
    let bundle = support::scenario(
        r##"
schema 3
begin
cell 1 x1 text(1)
accept p1 "#p1 output c1 a"
accept p2 "#p2 output c2 b"
ask i1 {"input":["custom x1 exec text(1)","#p2 output c2 b","custom x1 exec text(1)","#p1 output c1 a"]}
reply i1 {"response_id":"r1","output_items":[]}
end
"##,
    );
    let graph = support::reduce(bundle.path());
    let listed = &graph.threads["T"].conversation_item_ids;
    assert_eq!(listed.iter().map(|item| item.0).collect::<Vec<_>>(), [4, 1, 3, 2]);
    assert_eq!(graph.code_cells.values().next().expect("the request shows its source").source_item_id, listed[0]);
}

#[test]
fn a_second_end_without_items_leaves_those_of_the_first() {
    for schema in [2, 3] {
        let bundle = support::scenario(&format!(
            "schema {schema}\nbegin\nask i1 {{\"input\":[\"user hi\"]}}\n\
             reply i1 {{\"response_id\":\"r1\",\"output_items\":[\"assistant yes\"]}}\n\
             inference_failed inference_call_id=i1 error=late\nend\n"
        ));
        let graph = support::reduce(bundle.path());
        let call = graph.inference_calls.values().next().expect("it started");
        assert_eq!((call.response_item_ids.len(), &call.raw_response_payload_id), (1, &None), "schema {schema}");
        assert_eq!((&call.response_id, call.execution.status.as_str()), (&None, "completed"), "schema {schema}");
    }
}
