//! The command `sql`, and other commands about many rollouts.

use std::fs;

use serde_json::Value;

use crate::support::{Root, program};

/// Runs the program in a root. Returns stdout, stderr and the exit code.
fn run(root: &Root, arguments: &[&str]) -> (String, String, Option<i32>) {
    let output = program().args(arguments).current_dir(root.path("")).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Returns the answer to a statement.
fn ask(root: &Root, arguments: &[&str]) -> String {
    let arguments: Vec<_> = std::iter::once("sql").chain(arguments.iter().copied()).collect();
    let (stdout, stderr, code) = run(root, &arguments);
    assert_eq!((stderr.as_str(), code), ("", Some(0)), "{arguments:?}");
    stdout
}

fn lines(json: &str) -> Vec<Value> {
    json.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn forms_of_answers() {
    let root = Root::new(&["a"]);
    let statement =
        "SELECT model, count(*) AS n, NULL AS \"x,y\", '\"' AS n FROM inference_calls GROUP BY 1 ORDER BY 1";
    assert_eq!(
        ask(&root, &["a", statement]),
        "model          n  x,y  n\nexample-large  3       \"\nexample-small  2       \"\n"
    );
    assert_eq!(
        ask(&root, &["a", statement, "--csv"]),
        "model,n,\"x,y\",n\nexample-large,3,,\"\"\"\"\nexample-small,2,,\"\"\"\"\n"
    );
    assert_eq!(
        ask(&root, &["a", statement, "--json"]).lines().next(),
        Some(r#"{"model":"example-large","n":3,"x,y":null,"n_2":"\""}"#)
    );
}

#[test]
fn a_bundle_that_cannot_be_read_is_reported_and_the_others_are_asked() {
    let root = Root::new(&["a"]);
    let (stdout, stderr, code) = run(&root, &["sql", "a", "missing", "SELECT count(*) AS n FROM rollouts", "--csv"]);
    assert_eq!((stdout.as_str(), code), ("n\n1\n", Some(2)));
    assert!(stderr.contains("missing"), "{stderr}");
}

#[test]
fn wrong_statements() {
    let root = Root::new(&["a"]);
    for statement in ["SELECT * FROM nothing", "DELETE FROM items", "ATTACH 'x' AS x", "SELECT 1; SELECT 2", ""] {
        let (stdout, stderr, code) = run(&root, &["sql", "a", statement]);
        assert_eq!((stdout.as_str(), code), ("", Some(2)), "{statement}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
    assert_eq!(run(&root, &["sql", "SELECT 1"]).2, Some(2));
    assert!(!root.path("x").exists());
}

#[test]
fn texts_are_kept_in_memory_only() {
    let root = Root::new(&["a"]);
    let statement = "SELECT count(text) > 0 AS n FROM items";
    assert_eq!(ask(&root, &["a", statement, "--csv"]), "n\n1\n");
    assert_eq!(ask(&root, &["a", statement, "--csv", "--db", "kept.db"]), "n\n0\n");
    assert_eq!(ask(&root, &["a", statement, "--csv", "--db", "kept.db", "--content", "full"]), "n\n1\n");
}

#[test]
fn a_file_keeps_rollouts() {
    let root = Root::new(&["a"]).with_recorded("b");
    let count = "SELECT count(*) AS n FROM rollouts";
    assert_eq!(ask(&root, &["a", "b", count, "--csv", "--db", "kept.db"]), "n\n2\n");
    fs::remove_dir_all(root.path("a")).unwrap();
    // Without a path, nothing is read.
    assert_eq!(ask(&root, &[count, "--csv", "--db", "kept.db"]), "n\n2\n");
    fs::write(root.path("other"), "not a database, but a file of somebody else").unwrap();
    assert_eq!(run(&root, &["sql", "b", count, "--db", "other"]).2, Some(2));
    assert_eq!(fs::read_to_string(root.path("other")).unwrap(), "not a database, but a file of somebody else");
}

#[test]
fn a_list_of_bundles_is_reduced() {
    let root = Root::new(&["a"]).with_recorded("b");
    fs::write(root.path("list"), "a\nmissing\n\nb\r\n").unwrap();
    let (stdout, _, code) = run(&root, &["reduce", "--from-list", "list"]);
    assert_eq!(code, Some(2));
    let reports = lines(&stdout);
    let field = |name: &str| reports.iter().map(|report| report[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("bundle"), ["a", "missing", "b"]);
    assert_eq!(field("status"), ["written", "failed", "written"]);
    assert!(root.path("a/state.json").exists() && root.path("b/state.json").exists());
    assert_eq!(run(&root, &["reduce", "--from-list", "nothing"]).2, Some(2));
}

#[test]
fn many_rollouts_are_added_up() {
    let root = Root::new(&["a", "again"]);
    for by in ["model", "agent", "tool", "day"] {
        let (stdout, stderr, code) = run(&root, &["stats", ".", "--by", by, "--json"]);
        assert_eq!((stderr.as_str(), code), ("", Some(0)));
        let rows = lines(&stdout);
        assert!(rows.iter().all(|row| row[by].is_string() && row["rollouts"].as_i64() > Some(0)), "{stdout}");
        if by == "model" {
            // The bundles `a` and `again` have the same graph, which counts once.
            let large = rows.iter().find(|row| row[by] == "example-large").unwrap();
            assert_eq!(
                (&large["rollouts"], &large["requests"], &large["input_tokens"]),
                (&1.into(), &3.into(), &5280.into())
            );
        }
    }
    let (text, _, code) = run(&root, &["findings", "."]);
    assert!(code == Some(0) && text.contains("usage_does_not_fit"), "{text}");
    let (each, _, _) = run(&root, &["findings", ".", "--json"]);
    assert!(lines(&each).iter().all(|finding| finding["bundle"].is_string() && finding["note"].is_string()));
}
