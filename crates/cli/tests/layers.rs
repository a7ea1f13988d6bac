//! Holds the arrows between the crates, and everything that linking the recorder pulls in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::Value;

/// The crate that library users depend on, which has no suffix.
const FACADE: &str = "rollout-trace";

/// The workspace crates that each crate may use outside its tests.
const ARROWS: [(&str, &[&str]); 12] = [
    ("schema", &[]),
    ("recorder", &["schema"]),
    ("evidence", &["schema"]),
    ("bundle", &["evidence", "schema"]),
    ("model", &["schema"]),
    ("reducer", &["evidence", "model", "schema"]),
    (FACADE, &["bundle", "evidence", "model", "reducer", "schema"]),
    ("cli", &[FACADE]),
    ("code-mode", &[]),
    ("scripted-model", &[]),
    ("agent-core", &["code-mode", "recorder"]),
    ("agent", &["agent-core", FACADE, "scripted-model"]),
];

const RECORDER_DEPENDENCIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../recorder/dependencies.txt");

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--locked")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the cargo that built this test is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

#[test]
fn arrows_between_the_crates() {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let short = |name: &Value| match name.as_str().unwrap() {
        FACADE => Some(FACADE.to_owned()),
        name => name.strip_prefix("rollout-trace-").map(str::to_owned),
    };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        found.insert(
            short(&package["name"]).unwrap(),
            normal.filter_map(|dependency| short(&dependency["name"])).collect(),
        );
    }
    let allowed = ARROWS.map(|(from, to)| (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect()));
    assert_eq!(found, BTreeMap::from(allowed));
}

#[test]
fn the_recorder_pulls_in_what_is_listed() {
    let tree = cargo(&["tree", "-p", "rollout-trace-recorder", "-e", "normal", "--target", "all", "--prefix", "none"]);
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let found: BTreeSet<&str> = names.filter(|name| *name != "rollout-trace-recorder").collect();

    let list = fs::read_to_string(RECORDER_DEPENDENCIES).unwrap();
    let mut listed = BTreeSet::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, reason) = line.split_once(':').unwrap_or((line, ""));
        assert!(!reason.trim().is_empty(), "{name} has no reason in crates/recorder/dependencies.txt");
        assert!(listed.insert(name), "{name} is there twice in crates/recorder/dependencies.txt");
    }
    assert_eq!(found, listed, "what linking the recorder pulls in (left) is not what is listed (right)");
}
