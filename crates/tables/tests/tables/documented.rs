//! What `docs/tables.md` says: the answers to its statements, and the tables with their columns.
//!
//! With the variable UPDATE_DOCS set, the document is brought up to date.

use std::{env, fs, path::Path};

use rollout_trace_tables::{Cell, Database, Options, SqlError, Table};

use crate::support::rows_of;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The bundles that the answers are about.
const BUNDLES: [&str; 2] = ["docs/sample-bundle", "crates/recorder/tests/forms/files"];

/// Returns the answer to a statement, as a table.
fn answer(database: &mut Database, statement: &str) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut head = String::new();
    let mut body = String::new();
    database
        .ask::<SqlError>(
            statement,
            |names| {
                let rule = vec!["---"; names.len()].join("|");
                head = format!("{}|{rule}|\n", line(names));
                Ok(())
            },
            |cells| {
                let cells = cells.iter().map(|cell| match cell {
                    Cell::Null => "null".to_owned(),
                    Cell::Integer(number) => number.to_string(),
                    Cell::Real(number) => number.to_string(),
                    Cell::Text(text) => (*text).to_owned(),
                    Cell::Bytes(_) => "bytes".to_owned(),
                });
                body += &line(cells.collect());
                Ok(())
            },
        )
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    assert!(!body.is_empty(), "{statement} has an answer");
    head + &body
}

/// Returns the document with the answers to its statements.
fn with_answers(text: &str, database: &mut Database) -> String {
    let mut parts = text.split("```sql\n");
    let mut done = parts.next().expect("a split has a first part").to_owned();
    for part in parts {
        let (statement, after) = part.split_once("```\n").expect("the block of code ends");
        let rest = after.find("\n#").expect("a heading follows");
        done += &format!("```sql\n{statement}```\n\n{}{}", answer(database, statement), &after[rest..]);
    }
    done
}

/// Returns the section about the tables.
fn sections() -> String {
    let mut text = String::new();
    for table in Table::ALL {
        let schema = table.schema();
        let only = if Table::OF_QUESTIONS.contains(table) { " Only in SQL." } else { "" };
        let key = ["trace_id", "state_hash"].iter().chain(schema.key).map(|key| format!("`{key}`"));
        let key = key.collect::<Vec<_>>().join(", ");
        text += &format!("\n### {}\n\n{}{only} Key: {key}.\n\n", schema.name, schema.meaning);
        text += "| column | type | meaning |\n|---|---|---|\n";
        for column in schema.columns.iter().skip(3) {
            let null = if column.nullable { ", null" } else { "" };
            text += &format!("| {} | {}{null} | {} |\n", column.name, column.kind.as_str(), column.meaning);
        }
    }
    text
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(REPOSITORY).join("docs/tables.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut database = Database::in_memory().unwrap();
    for bundle in BUNDLES {
        let name = bundle.rsplit('/').next().unwrap();
        database.insert(&rows_of(&Path::new(REPOSITORY).join(bundle), name, Options::default())).unwrap();
    }
    let (questions, _) = text.split_once("\n## The tables\n").expect("the document has this section");
    assert_eq!(questions.matches("```sql").count(), 8);
    let questions = with_answers(&format!("{questions}\n## "), &mut database);
    let wanted = format!("{}\n## The tables\n{}", questions.strip_suffix("\n## ").unwrap(), sections());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert!(text == wanted, "docs/tables.md is out of date: run this test with UPDATE_DOCS=1");
    }
}
