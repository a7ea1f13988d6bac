//! Checks the arrows between the crates, and everything that linking the recorder pulls in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// The crate that library users depend on, which has no suffix.
const FACADE: &str = "rollout-trace";

/// The workspace crates that each crate may use outside its tests.
const ARROWS: [(&str, &[&str]); 21] = [
    ("schema", &[]),
    ("recorder", &["schema"]),
    ("bench-bundles", &["recorder", "schema"]),
    ("wires", &["schema"]),
    ("capture", &["recorder", "wires"]),
    ("evidence", &["schema"]),
    ("bundle", &["evidence", "schema"]),
    ("import", &["bundle", "evidence", "schema"]),
    ("model", &["schema"]),
    ("reducer", &["evidence", "model", "schema"]),
    ("answers", &["evidence", "model", "reducer", "schema"]),
    ("export", &["answers", "model", "reducer", "schema"]),
    (FACADE, &["answers", "bundle", "evidence", "import", "model", "reducer", "schema"]),
    ("tables", &["answers", "bundle", "model", "schema"]),
    ("mcp", &[FACADE]),
    ("viewer", &[FACADE]),
    ("cli", &[FACADE, "capture", "export", "mcp", "recorder", "tables", "viewer"]),
    ("code-mode", &[]),
    ("scripted-model", &[]),
    ("agent-core", &["code-mode", "recorder"]),
    ("agent", &["agent-core", FACADE, "scripted-model", "viewer"]),
];

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs cargo without the network, because only the crates that a test build needs are sure to have been downloaded.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--offline")
        .current_dir(folder)
        .output()
        .expect("the cargo that built this test can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

#[test]
fn arrows_between_the_crates() {
    let metadata: Value =
        serde_json::from_str(&cargo(Path::new(ROOT), &["metadata", "--no-deps", "--format-version", "1"])).unwrap();
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

/// Returns the crates that an agent core which links nothing but the recorder has in its lock file, on any target.
///
/// `cargo tree` would have to download the crates that only other targets need. A lock file lists them without
/// downloads.
fn locked_with_the_recorder() -> io::Result<BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("links-the-recorder");
    let manifest = "\
        [package]\nname = \"links-the-recorder\"\nedition = \"2024\"\n\
        [lib]\npath = \"lib.rs\"\n\
        [dependencies]\nrollout-trace-recorder.path = 'RECORDER'\n\
        [workspace]\n";
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("Cargo.toml"), manifest.replace("RECORDER", &format!("{ROOT}/crates/recorder")))?;
    fs::write(folder.join("lib.rs"), "")?;
    // Cargo keeps the versions of this lock file and removes the crates that are not needed.
    fs::copy(format!("{ROOT}/Cargo.lock"), folder.join("Cargo.lock"))?;
    cargo(&folder, &["update", "--workspace"]);
    let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let others = names.filter(|name| !["links-the-recorder", "rollout-trace-recorder"].contains(name));
    Ok(others.map(str::to_owned).collect())
}

#[test]
fn the_recorder_pulls_in_what_is_listed() {
    let list = fs::read_to_string(format!("{ROOT}/crates/recorder/dependencies.txt")).unwrap();
    let mut listed = BTreeSet::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, reason) = line.split_once(':').unwrap_or((line, ""));
        assert!(!reason.trim().is_empty(), "{name} has no reason in crates/recorder/dependencies.txt");
        assert!(listed.insert(name.to_owned()), "{name} is listed twice in crates/recorder/dependencies.txt");
    }
    let found = locked_with_the_recorder().unwrap();
    assert_eq!(
        found, listed,
        "the crates that the recorder pulls in (left) differ from those in crates/recorder/dependencies.txt (right)"
    );
}
