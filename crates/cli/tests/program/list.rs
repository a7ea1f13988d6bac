//! The command `list`.

use std::fs;

use insta::assert_snapshot;

use crate::support::{Root, draw, program};

/// Returns the list without the ages, which depend on the time of the test.
fn list(root: &Root, arguments: &str) -> String {
    let ages = |line: &str| match line.split_once("  ") {
        Some((age, rest)) if age.trim().ends_with(['s', 'm', 'h', 'd']) => format!("  <age>  {rest}"),
        _ => line.to_owned(),
    };
    root.run(arguments).lines().map(ages).collect::<Vec<_>>().join("\n")
}

#[test]
fn bundles() {
    let root = Root::new(&["a", "b", "c", "d"]);
    root.edit("b/manifest.json", |text| text.replace("17672", "17673"));
    root.edit("c/trace.jsonl", |text| text.lines().take(10).map(|line| format!("{line}\n")).collect());
    root.edit("d/trace.jsonl", |text| text[..text.len() - 10].to_owned());
    root.run("reduce a");
    assert_snapshot!(list(&root, "list ."), @"
    AGE     SIZE  STATUS              TURNS  THREADS  STATE    BUNDLE
     <age>  26.6 KB  completed               2        2  -        ./b
     <age>  62.4 KB  completed               2        2  current  ./a
     <age>  14.5 KB  running                 1        1  -        ./c
     <age>  26.6 KB  completed, damaged      2        2  -        ./d
    ");
    assert_snapshot!(list(&root, "list a"), @"
    AGE     SIZE  STATUS     TURNS  THREADS  STATE    BUNDLE
     <age>  62.4 KB  completed      2        2  current  a
    ");
}

#[test]
fn the_root_comes_from_the_environment() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("list"), @"
    stderr: error: no trace root is given
    stderr:   give the folder, or set CODEX_ROLLOUT_TRACE_ROOT to the folder that the agent writes to
    exit code 2
    ");
    let output = program().arg("list").env("CODEX_ROLLOUT_TRACE_ROOT", root.path("")).output().unwrap();
    assert_eq!(draw(&output).lines().count(), 2);
}

#[test]
fn nothing_to_list() {
    let root = Root::new(&[]);
    assert_snapshot!(root.run("list ."), @"stderr: no trace bundle in .");
    assert_snapshot!(root.run("list nowhere"), @"
    stderr: error: cannot list nowhere: No such file or directory (os error 2)
    stderr:   check the path and its permissions
    exit code 2
    ");
    fs::create_dir(root.path("empty")).unwrap();
    assert_snapshot!(root.run("list empty"), @"stderr: no trace bundle in empty");
}
