//! States with what answers compute about them.

mod support;

use std::path::Path;

use rollout_trace::{
    RolloutTrace,
    answers::{Rollout, WithFacts, state_schema},
    model::WithRuns,
};
use rollout_trace_bench_bundles::{Form, Shape};
use serde_json::{Map, Value, json};
use support::{ask, ask_about};

/// The keys that only a state with facts has, by the map of the objects that have them.
const KEYS: [(&str, &str, &[&str]); 5] = [
    ("conversation_items", "ConversationItem", &["sizes", "fingerprint", "origin"]),
    ("inference_calls", "InferenceCall", &["number", "request", "response_readable"]),
    ("tool_calls", "ToolCall", &["files"]),
    ("codex_turns", "CodexTurn", &["begun_by", "context_window", "time_to_first_token_ms", "main_input_item_id"]),
    ("threads", "AgentThread", &["display_name", "context_window"]),
];
const TOP: [&str; 4] = ["estimator", "tool_definitions", "instructions", "output_formats"];

fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("an object")
}

fn written(rollout: &Rollout<'_>) -> Value {
    serde_json::to_value(WithFacts::new(rollout, false)).expect("a state serializes")
}

/// Checks that a state with facts is the state without them, and more keys.
fn check(rollout: &Rollout<'_>) {
    let graph = rollout.graph();
    let schema = state_schema();
    for runs in [false, true] {
        let text = serde_json::to_string(&WithFacts::new(rollout, runs)).expect("a state serializes");
        assert_eq!(serde_json::from_str::<RolloutTrace>(&text).expect("a state reads back"), *graph);
        let mut state: Value = serde_json::from_str(&text).expect("it is JSON");
        for (map, definition, added) in KEYS {
            let known = schema["$defs"][definition]["properties"].as_object().expect("it has properties");
            for value in object(&mut state[map]).values_mut() {
                let fields = object(value);
                let unknown = fields.keys().find(|key| !known.contains_key(*key));
                assert_eq!(unknown, None, "the schema does not describe a key of {map}");
                fields.retain(|key, _| !added.contains(&key.as_str()));
            }
        }
        for key in TOP {
            assert!(schema["properties"][key].is_object(), "the schema has no {key}");
            assert!(object(&mut state).remove(key).is_some(), "the state has no {key}");
        }
        let plain = if runs { serde_json::to_value(WithRuns(graph)) } else { serde_json::to_value(graph) };
        assert_eq!(state, plain.expect("a graph serializes"));
    }
}

#[test]
fn of_the_sample() {
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle"));
    ask_about(sample, |rollout| {
        check(rollout);
        let state = written(rollout);
        for item in rollout.graph().conversation_items.values() {
            let written = &state["conversation_items"][item.item_id.to_string()];
            let sizes = rollout.sizes(item.item_id);
            assert_eq!(written["sizes"], serde_json::to_value(sizes).expect("sizes serialize"));
            let origin = rollout.origin(item.item_id);
            assert_eq!(written["origin"]["class"], origin.class.as_str());
            assert_eq!(written["origin"]["name"], *origin.name);
            assert_eq!(written["origin"]["certainty"], origin.certainty.as_str());
        }
        for (number, call) in (1..).zip(rollout.calls()) {
            let written = &state["inference_calls"][call.inference_call_id.as_str()];
            assert_eq!(written["number"], number);
            let tools = written["request"]["tools"].as_array().expect("the request is readable");
            let tokens =
                |tool: &Value| state["tool_definitions"][tool.to_string()]["sizes"]["tokens_estimate"].as_u64();
            let sum: u64 = tools.iter().map(|tool| tokens(tool).expect("a definition has sizes")).sum();
            let [(_, of_tools), ..] = rollout.section_tokens(call).expect("the request is readable");
            assert_eq!(sum, of_tools);
        }
    });
}

#[test]
fn of_a_synthetic_rollout() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let shape = Shape { tools: 2, child_every: Some(5), ..Shape::of_trips(20) }.compacted_every(6);
    shape.write(Form::Files, folder.path());
    ask_about(folder.path(), check);
}

#[test]
fn copies_are_equal_to_what_they_copy() {
    let script = r#"
begin
ask i1 {"input":["user q"]}
reply i1 {"response_id":"r1","output_items":["assistant a"]}
compaction_installed compaction_id=k checkpoint_payload:compaction_checkpoint={"input_history":["user q","assistant a"],"replacement_history":["user q","user summary"]}
ask i2 {"input":["user q","user summary"],"previous_response_id":null,"tools":[{"type":"function","name":"f"}]}
end
"#;
    ask(script, |rollout| {
        check(rollout);
        let state = written(rollout);
        let replaced = &state["compactions"]["k"]["replacement_item_ids"];
        let item = |id: &Value| &state["conversation_items"][id.as_str().expect("an id")];
        assert_eq!(item(&replaced[0])["fingerprint"], "conversation_item:1");
        assert_eq!(item(&replaced[0])["origin"]["copied_from"], "conversation_item:1");
        assert_eq!(item(&replaced[1])["fingerprint"], replaced[1]);
        assert_eq!(item(&replaced[1])["origin"]["copied_from"], json!(null));
        let request = &state["inference_calls"]["i2"]["request"];
        assert_eq!((&request["readable"], &request["prefix_items"]), (&json!(true), &json!(0)));
        let tool = &state["tool_definitions"][request["tools"][0].to_string()];
        assert_eq!(tool["name"], "f");
    });
}

#[test]
fn requests_that_cannot_be_read_have_no_more_keys() {
    let script = "begin\nask i1 [1]\nreply i1 {\"response_id\":\"r1\",\"output_items\":[]}\nend\n";
    ask(script, |rollout| {
        check(rollout);
        let state = written(rollout);
        assert_eq!(state["inference_calls"]["i1"]["request"], json!({"readable": false}));
        assert_eq!(state["inference_calls"]["i1"]["response_readable"], true);
    });
}
