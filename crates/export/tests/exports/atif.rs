//! What holds of every trajectory.

use std::collections::BTreeSet;

use rollout_trace::model::RolloutTrace;
use serde_json::Value;

pub(crate) fn check(text: &str, graph: &RolloutTrace) {
    let document: Value = serde_json::from_str(text).expect("it is JSON");
    let others = document["subagent_trajectories"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(others.len() + 1, graph.threads.len().max(1), "each thread has a trajectory");
    let ids: BTreeSet<_> = others.iter().map(|other| other["trajectory_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), others.len(), "their ids are unique");
    let mut items = BTreeSet::new();
    let mut calls = 0;
    for trajectory in others.iter().chain([&document]) {
        let steps = trajectory["steps"].as_array().expect("there are steps");
        assert!(!steps.is_empty());
        for (step, number) in steps.iter().zip(1..) {
            assert_eq!(step["step_id"], number);
            assert!(step["message"].is_string());
            check_step(step, &ids, document["trajectory_id"].as_str());
            calls += usize::from(step["extra"].get("inference_call_id").is_some());
            items.extend(step["extra"]["item"].as_str());
        }
    }
    let extra = &document["extra"];
    let unowned = extra["not_mapped"]["objects_without_thread"].as_u64().unwrap() as usize;
    assert_eq!(calls + unowned, graph.inference_calls.len(), "each inference call is a step or counted");
    let tools = extra["not_mapped"]["tool_calls_never_shown"].as_u64().unwrap() as usize;
    assert!(tools <= graph.tool_calls.len());
    assert_eq!(extra["diagnostics"].as_array().map_or(0, Vec::len), graph.diagnostics.len());
    assert!(items.len() <= graph.conversation_items.len());
}

fn check_step(step: &Value, ids: &BTreeSet<&str>, root: Option<&str>) {
    let source = step["source"].as_str().unwrap();
    assert!(["system", "user", "agent"].contains(&source));
    let of_agents = ["model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics", "llm_call_count"];
    assert!(source == "agent" || of_agents.iter().all(|key| step.get(key).is_none()), "only agents have these: {step}");
    let calls = step["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(calls.iter().all(|call| call["arguments"].is_object()));
    let calls: BTreeSet<_> = calls.iter().map(|call| call["tool_call_id"].as_str().unwrap()).collect();
    for result in step["observation"]["results"].as_array().into_iter().flatten() {
        assert!(calls.contains(result["source_call_id"].as_str().unwrap()), "the call is in the same step: {step}");
        for reference in result["subagent_trajectory_ref"].as_array().into_iter().flatten() {
            let id = reference["trajectory_id"].as_str().unwrap();
            assert!(ids.contains(id) || root == Some(id), "the trajectory is there");
        }
    }
}
