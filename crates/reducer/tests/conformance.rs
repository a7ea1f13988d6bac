//! Every fact of an official state is in our graph.

#[path = "../../model/tests/differences/mod.rs"]
mod differences;
mod support;

use std::{fs, path::Path};

use differences::differences;
use serde_json::Value;

fn check(name: &str, bundle: &Path, expected: Option<&Value>) -> Vec<String> {
    let graph = support::reduce(bundle);
    let Some(expected) = expected else {
        // The official reducer refused the bundle, so our graph must have a diagnostic, if only a note.
        return if graph.diagnostics.is_empty() { vec![format!("{name}: no diagnostic")] } else { Vec::new() };
    };
    let mut found = Vec::new();
    let actual = serde_json::to_value(&graph).expect("a graph serializes");
    differences(expected, &actual, "$", &mut found);
    found.into_iter().map(|difference| format!("{name}: {difference}")).collect()
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn recorded_and_unit_bundles() {
    let root = support::conformance();
    let mut found = Vec::new();
    for family in fs::read_dir(&root).expect("the cases are there").flatten().filter(|entry| entry.path().is_dir()) {
        for case in fs::read_dir(family.path()).expect("the cases are there").flatten() {
            let expected = fs::read(case.path().join("expected_state.json")).ok();
            let expected = expected.map(|bytes| serde_json::from_slice(&bytes).expect("an expectation is JSON"));
            let bundle = case.path().join("bundle");
            found.extend(check(&case.path().display().to_string(), &bundle, expected.as_ref()));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn small_bundles() {
    let root = support::conformance();
    let lines = fs::read_to_string(root.join("small.jsonl")).expect("the cases are there");
    let mut found = Vec::new();
    for line in lines.lines() {
        let case = small::read(line);
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        for (path, bytes) in &case.files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("there is room");
            fs::write(path, bytes).expect("there is room");
        }
        found.extend(check(&case.name, folder.path(), case.expected.as_ref()));
    }
    assert_eq!(found, Vec::<String>::new());
}

/// The small cases, whose texts carry bytes that are not UTF-8 as lone surrogates.
mod small {
    use std::fmt::Write;

    use serde_json::Value;

    pub(crate) struct Case {
        pub(crate) name: String,
        pub(crate) files: Vec<(String, Vec<u8>)>,
        pub(crate) expected: Option<Value>,
    }

    pub(crate) fn read(line: &str) -> Case {
        let value: Value = serde_json::from_str(&marked(line)).expect("a case is JSON");
        let text = |value: &Value| bytes(value.as_str().expect("a file is text"));
        let mut files = vec![
            ("manifest.json".to_owned(), text(&value["manifest"])),
            ("trace.jsonl".to_owned(), text(&value["trace"])),
        ];
        for (name, payload) in value["payloads"].as_object().expect("payloads by name") {
            files.push((format!("payloads/{name}"), text(payload)));
        }
        let expected = Some(value["expected"].clone()).filter(|expected| !expected.is_null());
        Case { name: value["name"].as_str().expect("a name").to_owned(), files, expected }
    }

    /// Returns the line with private use characters in place of escaped bytes.
    fn marked(line: &str) -> String {
        let mut marked = line.to_owned();
        for byte in 0x80..=0xFFu32 {
            let mut escape = String::new();
            write!(escape, "\\udc{byte:02x}").expect("a string takes any text");
            marked = marked.replace(&escape, &format!("\\uf{byte:03x}"));
        }
        marked
    }

    fn bytes(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for character in text.chars() {
            match u32::from(character) {
                code @ 0xF080..=0xF0FF => bytes.push(u8::try_from(code - 0xF000).expect("a byte by its range")),
                _ => bytes.extend(character.to_string().as_bytes()),
            }
        }
        bytes
    }
}
