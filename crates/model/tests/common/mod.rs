//! States that official reducers wrote, where they are at hand.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

/// A line of `small.jsonl`, as far as it is needed here.
#[derive(Deserialize)]
struct SmallCase {
    name: String,
    expected: Value,
}

/// The official states of `../shared/conformance`, by name; none where that folder is not at hand.
pub(crate) fn official_states() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let mut states = Vec::new();
    for group in ["codex-0.162.1", "codex-0.169.0", "unit"] {
        for case in fs::read_dir(root.join(group)).into_iter().flatten() {
            let case = case.expect("the folder of cases can be listed");
            if let Ok(text) = fs::read_to_string(case.path().join("expected_state.json")) {
                let name = format!("{group}/{}", case.file_name().to_string_lossy());
                states.push((name, serde_json::from_str(&text).expect("an official state is JSON")));
            }
        }
    }
    for line in fs::read_to_string(root.join("small.jsonl")).unwrap_or_default().lines() {
        let case: SmallCase = serde_json::from_str(line).expect("a line of cases is JSON");
        if !case.expected.is_null() {
            states.push((case.name, case.expected));
        }
    }
    states.sort_by(|left, right| left.0.cmp(&right.0));
    states
}
