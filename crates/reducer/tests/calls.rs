//! What tool calls are joined with.

mod support;

use rollout_trace_model::{ItemId, ItemKind, RolloutTrace};
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

/// A thread that uses a call id twice, with one text or two, while the start of the first call is lost. The second call
/// starts before or after the response that makes it.
fn used_again(schema: u32, second: &str, first_ends: bool, starts_first: bool) -> RolloutTrace {
    let again = format!("reply i2 {{\"response_id\":\"r2\",\"output_items\":[\"call c ls {second}\"]}}");
    let start = "call c ls {}".to_owned();
    let [third, fourth] = if starts_first { [start, again] } else { [again, start] };
    let end = if first_ends { r#"done c {"type":"direct_response","response_item":{"output":"old"}}"# } else { "" };
    let bundle = support::scenario(&format!(
        r#"
schema {schema}
begin
ask i1 {{"input":["user q"]}}
reply i1 {{"response_id":"r1","output_items":["call c ls {{}}"]}}
{end}
ask i2 {{"input":["user q","call c ls {{}}","output c old"]}}
{third}
{fourth}
done c {{"type":"direct_response","response_item":{{"output":"new"}}}}
ask i3 {{"input":["user q","call c ls {{}}","output c old","call c ls {second}","output c new"]}}
reply i3 {{"response_id":"r3","output_items":["assistant done"]}}
end
"#
    ));
    support::reduce(bundle.path())
}

/// Returns the items with this kind, in order.
fn items_of(graph: &RolloutTrace, kind: &ItemKind) -> Vec<ItemId> {
    graph.conversation_items.values().filter(|item| item.kind == *kind).map(|item| item.item_id).collect()
}

#[test]
fn an_output_from_before_belongs_to_no_later_call_with_its_id() {
    for schema in [1, 2, 3] {
        for (second, first_ends, starts_first) in
            [("{}", false), ("{}", true), (r#"{\"a\":1}"#, false), (r#"{\"a\":1}"#, true)]
                .into_iter()
                .flat_map(|(second, first_ends)| [(second, first_ends, false), (second, first_ends, true)])
        {
            let name = format!("schema {schema}, {second}, {first_ends}, {starts_first}");
            let graph = used_again(schema, second, first_ends, starts_first);
            let (calls, outputs) =
                (items_of(&graph, &ItemKind::FunctionCall), items_of(&graph, &ItemKind::FunctionCallOutput));
            assert_eq!((calls.len(), outputs.len()), (2, 2), "{name}");
            let tool = graph.tool_calls.values().find(|call| call.model_visible_call_id.is_some()).unwrap();
            assert_eq!(tool.model_visible_call_item_ids, [calls[1]], "{name}");
            assert_eq!(tool.model_visible_output_item_ids, [outputs[1]], "{name}");
            assert_eq!(graph.conversation_items[&outputs[0]].produced_by, [], "{name}");
            assert_eq!(graph.conversation_items[&outputs[1]].produced_by.len(), 1, "{name}");
            let listed = |call: &str| &graph.inference_calls[call].tool_call_ids_started_by_response;
            assert_eq!((listed("i1").len(), listed("i2").len()), (0, 1), "{name}");
            // The end of the first call is not one of the second.
            assert_eq!(graph.tool_calls.len(), 1 + usize::from(first_ends), "{name}");
            assert!(tool.execution.ended_seq > Some(tool.execution.started_seq), "{name}");
        }
    }
}

/// Official states have outputs that were shown before their tool call began. Their call ids are unique.
#[test]
fn an_output_from_before_belongs_to_the_only_call_with_its_id() {
    for schema in [1, 2, 3] {
        let bundle = support::scenario(&format!(
            r#"
schema {schema}
begin
ask i1 {{"input":["user q","call c ls {{}}","output c old"]}}
call c ls {{}}
reply i1 {{"response_id":"r1","output_items":["assistant done"]}}
end
"#
        ));
        let graph = support::reduce(bundle.path());
        let tool = graph.tool_calls.values().next().unwrap();
        assert_eq!((tool.model_visible_call_item_ids.len(), tool.model_visible_output_item_ids.len()), (1, 1));
    }
}

/// The response is that of a request from before the output, so it makes no second call.
#[test]
fn a_late_response_makes_no_second_call() {
    let bundle = support::scenario(
        r#"
schema 1
begin
ask i1 {"input":["user q"]}
ask i2 {"input":["user q","call c ls {}","output c files"]}
reply i1 {"response_id":"r1","output_items":["call c ls {}"]}
call c ls {}
reply i2 {"response_id":"r2","output_items":["assistant done"]}
end
"#,
    );
    let graph = support::reduce(bundle.path());
    let tool = graph.tool_calls.values().next().unwrap();
    assert_eq!((tool.model_visible_call_item_ids.len(), tool.model_visible_output_item_ids.len()), (2, 1));
}

/// A thread that begins with its parent's call makes another one under its id.
#[test]
fn inherited_items_stay_with_the_call_of_the_parent() {
    for starts_first in [false, true] {
        let (start, again) = ("call c ls {}", r#"reply i2 {"response_id":"r2","output_items":["call c ls {}"]}"#);
        let [third, fourth] = if starts_first { [start, again] } else { [again, start] };
        let bundle = support::scenario(&format!(
            r#"
begin
ask i1 {{"input":["user q"]}}
reply i1 {{"response_id":"r1","output_items":["call c ls {{}}"]}}
call c ls {{}}
done c {{"type":"direct_response","response_item":{{"output":"old"}}}}
thread_started thread_id=F agent_path=/f metadata_payload=null
in F V
codex_turn_started codex_turn_id=V thread_id=F
ask i2 {{"input":["user q","call c ls {{}}","output c old"]}}
{third}
{fourth}
ask i3 {{"input":["user q","call c ls {{}}","output c old","call c ls {{}}","output c new"]}}
in T U
end
"#
        ));
        let graph = support::reduce(bundle.path());
        let own = graph.tool_calls.values().find(|call| call.thread_id.as_str() == "F").unwrap();
        let outputs = items_of(&graph, &ItemKind::FunctionCallOutput);
        assert_eq!(own.model_visible_output_item_ids, [outputs[1]], "{starts_first}");
        assert_eq!(own.model_visible_call_item_ids.len(), 1, "{starts_first}");
        let parent = graph.tool_calls.values().find(|call| call.thread_id.as_str() == "T").unwrap();
        if !starts_first {
            assert_eq!(parent.model_visible_output_item_ids, [outputs[0]]);
        }
    }
}

#[test]
fn an_answer_from_before_belongs_to_no_later_cell_with_its_call_id() {
    for schema in [1, 2, 3] {
        for starts_first in [false, true] {
            let (start, again) =
                ("cell 1 x text(1)", r#"reply i2 {"response_id":"r2","output_items":["custom x exec text(1)"]}"#);
            let [third, fourth] = if starts_first { [start, again] } else { [again, start] };
            let bundle = support::scenario(&format!(
                r#"
schema {schema}
begin
ask i1 {{"input":["user q"]}}
reply i1 {{"response_id":"r1","output_items":["custom x exec text(1)"]}}
ask i2 {{"input":["user q","custom x exec text(1)","answer x old"]}}
{third}
{fourth}
ask i3 {{"input":["user q","custom x exec text(1)","answer x old","custom x exec text(1)","answer x new"]}}
end
"#
            ));
            let graph = support::reduce(bundle.path());
            let cell = graph.code_cells.values().next().unwrap();
            let sources = items_of(&graph, &ItemKind::CustomToolCall);
            let answers = items_of(&graph, &ItemKind::CustomToolCallOutput);
            assert_eq!(cell.source_item_id, sources[1], "schema {schema}, {starts_first}");
            assert_eq!(cell.output_item_ids, [answers[1]], "schema {schema}, {starts_first}");
        }
    }
}
