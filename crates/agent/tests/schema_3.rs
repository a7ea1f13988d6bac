//! The traces of whole rollouts in schema 3: converted to it, and recorded in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{fs, path::Path};

use rollout_trace::{Bundle, RolloutTrace, Severity, convert_to_schema_3};
use rollout_trace_agent_core::{TraceOptions, TraceTarget};
use support::{Recorded, played, reduced};

const SCENARIOS: [&str; 5] = ["agents", "cell_waits", "compaction_by_summary", "interrupted", "terminal"];

/// Plays a scenario, and passes its bundle on.
fn play(name: &str, options: TraceOptions, check: impl FnOnce(&Path)) {
    let text = fs::read_to_string(format!("{}/tests/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trace = TraceTarget::Root(folder.path().join("traces"), options);
    let played = played(name, &text, &folder.path().join("work"), trace, |_| {});
    check(played.bundle.as_deref().unwrap());
}

fn clean(name: &str, bundle: &Path) -> RolloutTrace {
    let graph = reduced(bundle);
    let loud: Vec<_> = graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
    assert!(loud.is_empty(), "{name}: {loud:#?}");
    graph
}

#[test]
fn converted() {
    for name in SCENARIOS {
        play(name, TraceOptions::new(), |bundle| {
            let target = bundle.with_extension("schema-3");
            let converted = convert_to_schema_3(&Bundle::open(bundle).unwrap(), &target).unwrap();
            assert_eq!(converted.losses, [], "{name}");
            let before = Recorded::drawing_of(&reduced(bundle)).replace("schema 2", "schema 3");
            assert_eq!(Recorded::drawing_of(&clean(name, &target)), before, "{name}");
        });
    }
}

#[test]
fn recorded() {
    for name in SCENARIOS {
        play(name, TraceOptions::new().schema_3(), |bundle| {
            let graph = clean(name, bundle);
            let state = serde_json::to_value(&graph).unwrap();
            assert_eq!(
                (&state["schema_version"], &state["recording_status"]),
                (&3.into(), &"complete".into()),
                "{name}"
            );
            let prompts = state["raw_payloads"].as_object().unwrap().values();
            let prompts = prompts.filter(|payload| payload["kind"]["type"] == "prepared_prompt").count();
            assert_eq!(prompts, 1, "{name}");
            let log = fs::read_to_string(bundle.join("trace.jsonl")).unwrap();
            let accepted = log.matches(r#""tool_output_payload":{"#).count();
            let waits: usize = graph.code_cells.values().map(|cell| cell.wait_tool_call_ids.len()).sum();
            assert!(accepted > 0 || name == "compaction_by_summary", "{name}");
            assert_eq!(waits > 0, name == "cell_waits", "{name}");
            assert!(!log.contains(r#""path":"payloads"#), "{name}");
        });
    }
}
