//! States that official reducers wrote.

use std::{env, fs, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The part of a line of `small.jsonl` that is needed here.
#[derive(Deserialize)]
struct SmallCase {
    name: String,
    expected: Value,
}

/// Returns the official states in the folder that `CONFORMANCE` names, by name.
pub(crate) fn official_states() -> Vec<(String, Value)> {
    let root = env::var_os("CONFORMANCE").expect("CONFORMANCE names the folder of the official cases");
    let root = PathBuf::from(root);
    let mut states = Vec::new();
    for group in ["codex-0.162.1", "codex-0.169.0", "unit"] {
        for case in fs::read_dir(root.join(group)).expect("the cases are there") {
            let case = case.expect("the folder of cases can be listed");
            if let Ok(text) = fs::read_to_string(case.path().join("expected_state.json")) {
                let name = format!("{group}/{}", case.file_name().to_string_lossy());
                states.push((name, serde_json::from_str(&text).expect("an official state is JSON")));
            }
        }
    }
    for line in fs::read_to_string(root.join("small.jsonl")).expect("the cases are there").lines() {
        let case: SmallCase = serde_json::from_str(line).expect("a line of cases is JSON");
        if !case.expected.is_null() {
            states.push((case.name, case.expected));
        }
    }
    states.sort_by(|left, right| left.0.cmp(&right.0));
    states
}
