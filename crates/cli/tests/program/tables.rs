//! The tables that `export` writes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::{Root, program};

/// Runs `export` in a root. Returns stdout and the exit code.
fn export(root: &Root, arguments: &str) -> (String, Option<i32>) {
    let output =
        program().arg("export").args(arguments.split_whitespace()).current_dir(root.path("")).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

/// Returns the files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn a_repeated_run_writes_the_same_files() {
    let root = Root::new(&["a"]).with_recorded("b");
    for format in ["parquet", "ndjson"] {
        let run = format!("a b --format {format} -o {format}");
        let (printed, code) = export(&root, &run);
        assert_eq!(code, Some(0));
        let first = files(&root.path(format));
        assert_eq!(printed.lines().count(), first.len());
        assert!(printed.lines().all(|path| path.starts_with(&format!("{format}/v1/")) && path.ends_with(format)));
        assert_eq!(export(&root, &run), (printed, Some(0)));
        assert_eq!(files(&root.path(format)), first);
    }
}

#[test]
fn each_bundle_of_a_list_is_reported() {
    let root = Root::new(&["a", "again"]).with_recorded("b");
    fs::write(root.path("list"), "a\nmissing\nb\nagain\n").unwrap();
    let (printed, code) = export(&root, "--from-list list --format parquet -o tables");
    assert_eq!(code, Some(2));
    let reports: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let field = |name: &str| reports.iter().map(|report| report[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("bundle"), ["a", "missing", "b", "again"]);
    assert_eq!(field("status"), ["written", "failed", "written", "repeated"]);
    assert!(reports.iter().all(|report| report["status"] == "failed" || report["rows"].as_u64() > Some(0)));
    let name = reports[0]["name"].as_str().unwrap().to_owned();
    assert!(files(&root.path("tables")).keys().all(|path| path.file_stem().unwrap().to_str() == Some(&name)));
}

#[test]
fn what_is_wrong_with_tables() {
    let root = Root::new(&["a"]);
    for wrong in [
        "a --format parquet",
        "a --format ndjson -o -",
        "a --format parquet -o x --content new",
        "a --format ndjson -o x --encoding json",
        "a --format chrome --content hash",
    ] {
        assert_eq!(export(&root, wrong), (String::new(), Some(2)), "{wrong}");
    }
    assert!(!root.path("x").exists());
}
