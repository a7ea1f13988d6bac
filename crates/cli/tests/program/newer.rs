//! Bundles of a newer, unknown schema version.

use std::fs;

use insta::assert_snapshot;
use rollout_trace::schema::SchemaVersion;

use crate::support::Root;

/// A root with a bundle of schema version 99, and its archive.
fn root() -> Root {
    let root = Root::new(&["r/a"]);
    for file in ["r/a/manifest.json", "r/a/trace.jsonl"] {
        root.edit(file, |text| {
            text.replace("\"schema_version\":2", "\"schema_version\":99")
                .replace("\"schema_version\": 2", "\"schema_version\": 99")
        });
    }
    root.run("pack r/a --best-effort");
    root
}

/// Runs the program, and writes N for the newest known version.
fn run(root: &Root, arguments: &str) -> String {
    let newest = SchemaVersion::NEWEST.number();
    root.run(arguments).replace(&format!("newer than {newest},"), "newer than N,")
}

#[test]
fn no_command_takes_them_for_known_ones() {
    let root = root();
    assert_snapshot!(run(&root, "reduce r/a"), @"
    stderr: error: r/a has schema version 99, which is newer than N, the newest that this version reads: update rollout-trace, or use --best-effort to read it by the newest known schema
    exit code 2
    ");
    let refusal = |bundle: &str| run(&root, "reduce r/a").replace("r/a", bundle);
    for command in
        ["reduce", "reduce --strict -o out", "reduce -o -", "reduce --force", "check", "check --json", "show"]
    {
        for bundle in ["r/a", "r/a.tar.zst"] {
            assert_eq!(run(&root, &format!("{command} {bundle}")), refusal(bundle), "{command}");
        }
    }
    for command in ["payload r/a 1", "convert r/a --layout packed -o out", "pack r/a -o out"] {
        assert_eq!(run(&root, command), refusal("r/a"), "{command}");
    }
    assert_eq!(run(&root, "show r/a/trace.jsonl"), refusal("r/a"));
    let written = ["r/a/state.json", "r/a/rollout-trace.state.json", "r/a.state.json", "out"];
    assert!(written.iter().all(|path| !root.path(path).exists()));
    // One line for each, and the others are reduced.
    fs::remove_file(root.path("r/a/manifest.json")).unwrap();
    let lines = run(&root, "reduce r");
    assert_eq!(lines.matches("has schema version 99").count(), 2, "{lines}");
}

#[test]
fn they_are_listed() {
    let root = root();
    let list = run(&root, "list r");
    let rows: Vec<String> =
        list.lines().map(|line| line.split_whitespace().skip(3).collect::<Vec<_>>().join(" ")).collect();
    assert_snapshot!(rows.join("\n"), @"
    STATUS AGENT MODEL FOLDER PROMPT BUNDLE
    - unknown schema 99 - - - - r/a
    - unknown schema 99 - - - - r/a.tar.zst
    ");
}

#[test]
fn best_effort() {
    let root = root();
    let drawing = run(&root, "show r/a --best-effort");
    let newest = SchemaVersion::NEWEST;
    let head = format!("rollout · schema 99, read as {newest} · completed · recording ");
    assert!(drawing.starts_with(&head), "{drawing}");
    let reduced = run(&root, "reduce r/a --best-effort");
    assert!(reduced.starts_with("r/a/state.json\nstderr: r/a: 2 errors"), "{reduced}");
    let state: serde_json::Value = serde_json::from_slice(&fs::read(root.path("r/a/state.json")).unwrap()).unwrap();
    assert_eq!(
        (&state["schema_version"], &state["read_as_schema"]),
        (&99.into(), &SchemaVersion::NEWEST.number().into())
    );
    assert!(run(&root, "check r/a --best-effort").contains("error unsupported_schema_version"));
    assert_eq!(
        run(&root, "payload r/a 1 --best-effort"),
        fs::read_to_string(root.path("r/a/payloads/1.json")).unwrap()
    );
    assert!(run(&root, "convert r/a --layout packed -o p --best-effort").starts_with("p\n"));
    let original = fs::read(root.path("r/a/trace.jsonl")).unwrap();
    assert_eq!(fs::read(root.path("p/trace.jsonl")).unwrap(), original);
    // Unpacking interprets nothing.
    assert!(run(&root, "unpack r/a.tar.zst -o u").starts_with("u\n"));
    assert_eq!(fs::read(root.path("u/trace.jsonl")).unwrap(), original);
}
