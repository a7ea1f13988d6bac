//! Checks what the documents and the code say about one another: links, paths, citations and the README's example.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Folders whose files are not part of the repository, or are not prose of ours.
const SKIPPED: [&str; 6] = ["target", ".git", "corpus", "artifacts", "sample-bundle", "node_modules"];

/// Returns the repository's files with a given extension, with their paths below its root.
fn files(extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(ROOT)];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("the folder is readable"))
        {
            let path = entry.path();
            if entry.file_type().expect("the file is there").is_dir() {
                if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).expect("the file is UTF-8");
                found.push((path.strip_prefix(ROOT).expect("below the root").to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no file ends with .{extension}");
    found.sort();
    found
}

/// Returns a document's lines outside of code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        (!is_fence && !in_code).then_some((number, line))
    })
}

/// Returns the anchor that a Markdown heading gets.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    heading
        .chars()
        .filter_map(|c| if c == ' ' { Some('-') } else { (c.is_alphanumeric() || "-_".contains(c)).then_some(c) })
        .collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut broken = Vec::new();
    for (document, text) in files("md") {
        for (number, line) in prose(&text) {
            for after in line.split("](").skip(1) {
                let Some((target, _)) = after.split_once(')') else { continue };
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
                let folder = Path::new(ROOT).join(document.parent().unwrap());
                let path = if path.is_empty() { Path::new(ROOT).join(&document) } else { folder.join(path) };
                let is_there = fragment.is_empty() && path.exists()
                    || fs::read_to_string(&path).is_ok_and(|text| {
                        prose(&text).any(|(_, line)| line.starts_with('#') && anchor(line) == fragment)
                    });
                if !is_there {
                    broken.push(format!("{}:{number}: {target}", document.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "links to what is not there:\n{}", broken.join("\n"));
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut missing = Vec::new();
    for (document, text) in files("md") {
        for (number, line) in prose(&text) {
            for name in line.split('`').skip(1).step_by(2) {
                let is_path =
                    ["crates/", "docs/", ".ci/", ".cargo/", ".github/"].iter().any(|top| name.starts_with(top));
                // Fuzzing makes these two, and they are not committed.
                let is_made = name.starts_with("crates/fuzz/corpus") || name.starts_with("crates/fuzz/artifacts");
                if is_path && !is_made && !name.contains([' ', '*', '…']) && !Path::new(ROOT).join(name).exists() {
                    missing.push(format!("{}:{number}: {name}", document.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "paths of what is not there:\n{}", missing.join("\n"));
}

/// Returns the numbers of the sections of each document of the specification, by the name by which it is cited.
fn sections() -> BTreeMap<String, BTreeSet<String>> {
    let specification = files("md").into_iter().filter(|(path, _)| path.starts_with("docs/spec"));
    let numbers = |text: &str| {
        let headings = prose(text)
            .filter_map(|(_, line)| line.strip_prefix("##")?.trim_start_matches('#').split_whitespace().next());
        headings.map(|number| number.trim_end_matches('.').to_owned()).collect()
    };
    let name = |path: &Path| path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    specification.map(|(path, text)| (name(&path), numbers(&text))).collect()
}

/// Returns the sections that a text cites, each with the name of its document. `own` is the document that is meant where
/// none is named.
fn citations(text: &str, own: Option<&str>) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!']));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if !matches!(bare(word).as_str(), "section" | "sections") || at < 2 {
            continue;
        }
        let document = match (bare(words[at - 2]).to_lowercase().as_str(), bare(words[at - 1]).to_lowercase().as_str())
        {
            ("bundle", number @ ("1" | "2" | "3")) => Some(format!("bundle-{number}")),
            (_, name @ ("reduction" | "graph" | "official" | "questions" | "wires" | "exports"))
                if words[at - 1].ends_with(',') =>
            {
                Some(name.to_owned())
            }
            _ => own.map(str::to_owned),
        };
        let Some(document) = document else { continue };
        for word in &words[at + 1..] {
            let number = bare(word);
            if number.starts_with(|c: char| c.is_ascii_digit()) {
                found.push((document.clone(), number));
                // "section 4.7, and", "sections 5.12, 9.2"; any other mark ends the list.
                if word.ends_with(['.', ';', ')', ':']) {
                    break;
                }
            } else if !matches!(*word, "and" | "or" | "to") {
                break;
            }
        }
    }
    found
}

#[test]
fn every_section_that_is_cited_exists() {
    let sections = sections();
    let mut dangling = Vec::new();
    let mut cited = 0;
    let code = files("rs").into_iter();
    for (path, text) in code.chain(files("md")) {
        let own = path.starts_with("docs/spec").then(|| path.file_stem().unwrap().to_str().unwrap());
        for (document, section) in citations(&text, own) {
            cited += 1;
            if !sections.get(&document).is_some_and(|sections| sections.contains(&section)) {
                dangling.push(format!("{}: {document}, section {section}", path.display()));
            }
        }
    }
    assert!(cited > 200, "only {cited} citations were found");
    assert!(dangling.is_empty(), "sections that the specification does not have:\n{}", dangling.join("\n"));
}

/// Returns the lines of a text's first block of code in a language, after a heading.
fn code_block<'t>(text: &'t str, heading: &str, fence: &str) -> Vec<&'t str> {
    let after = text.lines().skip_while(|line| *line != heading).skip_while(|line| *line != fence).skip(1);
    after.take_while(|line| *line != "```").collect()
}

#[test]
fn the_readmes_show_the_example_that_is_tested() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let facade = read("crates/rollout-trace/src/lib.rs");
    let docs: String = facade
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let example: Vec<&str> = code_block(&docs, docs.lines().next().unwrap(), "```")
        .into_iter()
        .filter(|line| !line.starts_with("# "))
        .collect();
    assert!(!example.is_empty());
    assert_eq!(code_block(&read("README.md"), "## Link", "```rust"), example);
    assert_eq!(code_block(&read("crates/rollout-trace/README.md"), "# rollout-trace", "```rust"), example);
}
