//! The page on diagnostics describes each code, with its severity, and no other code.

use std::{collections::BTreeMap, fs, path::Path};

use rollout_trace_model::DiagnosticCode;

/// Returns the headings of codes and the text below each.
fn sections() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics.md");
    let page = fs::read_to_string(path).expect("the page exists");
    let sections = page.split("\n### ").skip(1).map(|section| {
        let (heading, text) = section.split_once('\n').expect("a heading ends its line");
        let text = text.split("\n## ").next().expect("a split has at least one part");
        (heading.to_owned(), text.trim().to_owned())
    });
    sections.collect()
}

#[test]
fn every_code_has_one_heading() {
    let mut headings: BTreeMap<String, u32> = BTreeMap::new();
    for (heading, _) in sections() {
        *headings.entry(heading).or_default() += 1;
    }
    for code in DiagnosticCode::ALL {
        let heading = format!("`{code}` ({})", code.severity());
        assert_eq!(headings.remove(&heading), Some(1), "docs/diagnostics.md needs the heading ### {heading} once");
    }
    assert!(headings.is_empty(), "docs/diagnostics.md describes unknown codes: {headings:?}");
}

#[test]
fn every_heading_has_a_text() {
    for (heading, text) in sections() {
        assert!(text.len() > 80, "docs/diagnostics.md says too little about {heading}");
    }
}

#[test]
fn codes_are_distinct_and_can_be_read_back() {
    let mut texts: Vec<_> = DiagnosticCode::ALL.iter().map(|code| code.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), DiagnosticCode::ALL.len());
    for code in DiagnosticCode::ALL {
        let json = serde_json::to_string(code).unwrap();
        assert_eq!(json, format!("\"{code}\""));
        assert_eq!(serde_json::from_str::<DiagnosticCode>(&json).unwrap(), *code);
    }
}
