//! Tables without content have no word of it.

use std::{fs, path::Path};

use rollout_trace_tables::{Content, Options, Rows, Table, Value};

use crate::support::{SAMPLE, copy, place, recorded, rows};

/// A word that is put before every text of a bundle.
const CANARY: &str = "canary";

/// The fields whose texts are content, in events and payloads.
const CONTENT: [&str; 21] = [
    "text",
    "content",
    "arguments",
    "input",
    "output",
    "instructions",
    "message",
    "prompt",
    "command",
    "cwd",
    "stdout",
    "stderr",
    "aggregated_output",
    "formatted_output",
    "chars",
    "source",
    "source_js",
    "description",
    "error",
    "summary",
    "title",
];

fn mark(value: &mut serde_json::Value, is_content: bool) {
    match value {
        serde_json::Value::String(text) if is_content => {
            // The texts in the arguments of a call are content, too.
            *text = match serde_json::from_str(text) {
                Ok(mut inner @ serde_json::Value::Object(_)) => {
                    mark(&mut inner, false);
                    inner.to_string()
                }
                _ => format!("{CANARY} {text}"),
            };
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| mark(value, is_content)),
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                mark(value, CONTENT.contains(&name.as_str()));
            }
        }
        _ => {}
    }
}

/// Marks every text of a bundle.
fn mark_all(bundle: &Path) {
    let marked = |text: &str| {
        let mut value = serde_json::from_str(text).unwrap();
        mark(&mut value, false);
        value.to_string()
    };
    for entry in fs::read_dir(bundle.join("payloads")).unwrap().flatten() {
        fs::write(entry.path(), marked(&fs::read_to_string(entry.path()).unwrap())).unwrap();
    }
    let log = bundle.join("trace.jsonl");
    let lines: Vec<_> = fs::read_to_string(&log).unwrap().lines().map(marked).collect();
    fs::write(log, lines.join("\n") + "\n").unwrap();
}

fn columns_with_the_canary(rows: &Rows) -> Vec<String> {
    let mut columns = Vec::new();
    for table in Table::ALL {
        let schema = table.schema();
        for row in rows.of_table(*table) {
            for (value, column) in row.iter().zip(&schema.columns) {
                if matches!(value, Value::Text(text) if text.contains(CANARY)) {
                    columns.push(format!("{}.{}", schema.name, column.name));
                }
            }
        }
    }
    columns.sort();
    columns.dedup();
    columns
}

#[test]
fn only_tables_with_content_have_words_of_it() {
    for bundle in [copy(Path::new(SAMPLE)), recorded(5)] {
        mark_all(bundle.path());
        let with = |content| rows(bundle.path(), Options { content, max_text: 0 });
        for content in [Content::None, Content::Hash] {
            assert_eq!(columns_with_the_canary(&with(content)), Vec::<String>::new());
        }
        let full = columns_with_the_canary(&with(Content::Full));
        for column in ["items.text", "terminal_operations.command"] {
            assert!(full.iter().any(|other| other == column), "{column} is not among {full:?}");
        }
    }
}

#[test]
fn hashes_join_equal_texts() {
    let with = |content| rows(Path::new(SAMPLE), Options { content, max_text: 0 });
    let hash = place(Table::Items, "text_sha256");
    let hashes = |rows: &Rows| rows.of_table(Table::Items).map(|row| format!("{:?}", row[hash])).collect::<Vec<_>>();
    assert!(hashes(&with(Content::None)).iter().all(|hash| hash == "Null"));
    assert_eq!(hashes(&with(Content::Hash)), hashes(&with(Content::Full)));
}

#[test]
fn texts_are_cut_at_the_end_of_a_character() {
    let cut = rows(Path::new(SAMPLE), Options { content: Content::Full, max_text: 10 });
    let text = place(Table::Items, "text");
    let texts: Vec<_> = cut.of_table(Table::Items).map(|row| format!("{:?}", row[text])).collect();
    assert!(texts.iter().any(|text| text.len() > 10) && texts.iter().all(|text| text.len() <= "Text(\"\")".len() + 20));
}
