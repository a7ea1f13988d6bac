//! The exports of three rollouts, as they are to stay.

use std::path::Path;

use insta::assert_snapshot;
use rollout_trace_export::Content;
use serde_json::Value;

use crate::{
    made::Made,
    support::{scenarios, write_scenario},
};

/// Returns JSON with a line for each value.
fn pretty(text: &str) -> String {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let pretty = values.map(|value| serde_json::to_string_pretty(&value.expect("it is JSON")).expect("it is JSON"));
    pretty.collect::<Vec<_>>().join("\n")
}

fn golden(name: &str, bundle: &Path) {
    let none = Made::of(bundle, Content::None);
    let full = Made::of(bundle, Content::Full);
    assert_snapshot!(format!("{name}-chrome"), none.chrome);
    assert_snapshot!(format!("{name}-otlp"), pretty(&none.otlp));
    assert_snapshot!(format!("{name}-sequence"), none.sequence);
    assert_snapshot!(format!("{name}-flowchart"), none.flowchart);
    assert_snapshot!(format!("{name}-dot"), none.dot);
    assert_snapshot!(format!("{name}-atif"), pretty(&full.atif));
    assert_snapshot!(format!("{name}-inspect"), pretty(&full.inspect));
}

#[test]
fn of_the_sample() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sample-bundle");
    golden("sample", &sample);
    assert_snapshot!("sample-otlp-new", pretty(&Made::of(&sample, Content::New).otlp));
}

/// A bundle with agents, code cells, MCP, failures and a compaction.
#[test]
fn of_a_recorded_rollout() {
    golden("recorded", &Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorder/tests/forms/files"));
}

#[test]
fn of_a_terminal_session() {
    let (_, text) =
        scenarios().into_iter().find(|(name, _)| name == "terminal-session").expect("the scenario is there");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    write_scenario(&text, 1, folder.path());
    golden("terminal", folder.path());
}
