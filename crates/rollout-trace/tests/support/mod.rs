//! What the tests of answers share.

#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod all;
pub(crate) mod damage;
pub(crate) mod loss;
#[path = "../../../reducer/tests/support/script.rs"]
pub(crate) mod script;

use std::path::Path;

use rollout_trace::{
    Bundle,
    answers::{Facts, Rollout},
    model::RolloutTrace,
    reduce_with_facts,
};

/// Asks about the rollout that a script describes.
pub(crate) fn ask(text: &str, question: impl FnOnce(&Rollout<'_>)) {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    script::Script::parse(text).write(folder.path());
    ask_about(folder.path(), question);
}

/// Asks about the rollout of a bundle.
pub(crate) fn ask_about<T>(bundle: &Path, question: impl FnOnce(&Rollout<'_>) -> T) -> T {
    let bundle = Bundle::open(bundle).expect("the bundle opens");
    let (graph, facts): (RolloutTrace, Facts) = reduce_with_facts(&bundle);
    let mut payloads = bundle.payloads();
    question(&Rollout::new(&graph, &facts, &mut payloads, bundle.limits()))
}

/// Returns the scenarios of the reducer's tests, by name.
pub(crate) fn scenarios() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reducer/tests/scenarios");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the scenarios are there")
        .map(|entry| entry.expect("the scenarios are there").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a scenario is text"))
        })
        .collect();
    found.sort();
    found
}

/// Writes the bundle of a scenario, by the rules of a schema unless the scenario names one.
pub(crate) fn write_scenario(text: &str, schema: u32, folder: &Path) {
    script::Script::parse(&format!("schema {schema}\n{text}")).write(folder);
}
