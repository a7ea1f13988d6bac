//! The command `export`.

use std::fs;

use insta::assert_snapshot;

use crate::support::Root;

#[test]
fn one_bundle_goes_to_stdout_or_to_a_file() {
    let root = Root::new(&["a"]);
    let printed = root.run("export a --format dot");
    assert!(printed.starts_with("// rollout-trace, mapping 1"), "{printed}");
    assert_snapshot!(root.run("export a --format chrome -o a.json"), @"
    a.json
    stderr: a: not in this format: 14 conversation items
    ");
    assert!(fs::read_to_string(root.path("a.json")).unwrap().starts_with("{\"otherData\":"));
    let again = root.run("export a --format chrome");
    assert!(again.starts_with(&fs::read_to_string(root.path("a.json")).unwrap()), "the same bytes again");
}

#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let root = Root::new(&["a"]);
    root.run("export a --format inspect --content full -o a.json");
    assert_eq!(fs::metadata(root.path("a.json")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn several_bundles_go_into_a_folder() {
    let root = Root::new(&["a", "b"]);
    assert_snapshot!(root.run("export a b no --format mermaid"), @"
    stderr: error: 3 bundles in mermaid cannot be written to stdout
    stderr:   use -o DIR for a file of each, or --latest for the newest
    exit code 2
    ");
    let lines = root.run("export a b no --format otlp");
    assert!(lines.lines().filter(|line| line.starts_with("{\"resourceSpans\"")).count() == 2, "{lines}");
    let report = root.run("export a a b no --format dot -o out");
    assert!(report.contains("out/a.dot\n") && report.contains("out/a-2.dot\n") && report.contains("out/b.dot\n"));
    assert!(report.ends_with("exit code 2\n"), "the others are written: {report}");
}

#[test]
fn batches_of_protobuf_are_files_in_a_folder() {
    let root = Root::new(&["a", "b"]);
    fs::create_dir(root.path("pb")).unwrap();
    for old in ["0002.pb", "0003.pb", "0009.pb", "mine.txt"] {
        fs::write(root.path("pb").join(old), "old").unwrap();
    }
    root.run("export a --format otlp --encoding protobuf -o pb");
    let mut names: Vec<_> = fs::read_dir(root.path("pb")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["0001.pb", "0009.pb", "mine.txt"], "what would be sent along is removed, and nothing else");
    root.run("export a b --format otlp --encoding protobuf -o pbs");
    assert!(root.path("pbs/a/0001.pb").is_file() && root.path("pbs/b/0001.pb").is_file());
    assert!(root.run("export a --format otlp --encoding protobuf").ends_with("exit code 2\n"));
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("export a --format atif"), @"
    stderr: error: atif is a transcript, which would look complete without its texts
    stderr:   add --content full to write prompts, answers, arguments and results
    exit code 2
    ");
    assert_snapshot!(root.run("export a --format chrome --content new"), @"
    stderr: error: chrome has no --content new
    stderr:   use --content full for all texts, or none
    exit code 2
    ");
    assert_snapshot!(root.run("export a --format dot --encoding json"), @"
    stderr: error: dot has no --encoding
    stderr:   leave it out, or use --format otlp
    exit code 2
    ");
}

#[test]
fn strict_says_that_there_are_errors() {
    let root = Root::new(&["a"]);
    let log = root.path("a/trace.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    fs::write(&log, &whole[..whole.len() / 2]).unwrap();
    assert!(!root.run("export a --format dot").contains("exit code"));
    let report = root.run("export a --format dot --strict -o a.dot");
    assert!(report.ends_with("exit code 1\n") && root.path("a.dot").is_file(), "{report}");
    assert!(fs::read_to_string(root.path("a.dot")).unwrap().contains("evidence: "));
}
