//! Checks that the data of a page says what the answers say.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use rollout_trace::{
    Bundle,
    answers::{Node, Rollout, Why},
    reduce_with_facts,
};
use rollout_trace_viewer::{FileOptions, Kind, write_file};
use serde_json::{Value, json};

use crate::columns::{deltas, lists, words};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// The page of a rollout as one file.
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn of(path: impl AsRef<Path>, options: &FileOptions) -> Self {
        let mut page = Vec::new();
        write_file(path.as_ref(), options, &mut page).unwrap();
        Self(String::from_utf8(page).unwrap())
    }

    pub(crate) fn data(&self, name: &str) -> Value {
        let start = format!("<script type=\"application/gzip\" id=\"data-{name}\">");
        let (_, rest) = self.0.split_once(&start).unwrap_or_else(|| panic!("the page has no {name}"));
        let compressed = STANDARD.decode(rest.split_once("</script>").unwrap().0).unwrap();
        serde_json::from_reader(GzDecoder::new(compressed.as_slice())).unwrap()
    }
}

/// Checks everything that must agree, in the file form of a bundle, with the answers about it.
fn check(path: &Path) {
    let page = Page::of(path, &FileOptions::default());
    let bundle = Bundle::open(path).unwrap();
    let (graph, facts) = reduce_with_facts(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let spans = page.data("spans");

    // The items of each request, from the request that it continues.
    let lists_of = &spans["requests"]["items"];
    let (base, own) = (deltas(&lists_of["base"]), lists(&lists_of["own"]));
    let mut requests: Vec<Vec<i64>> = Vec::new();
    for (row, own) in own.into_iter().enumerate() {
        let kept = usize::try_from(lists_of["kept"][row].as_u64().unwrap()).unwrap();
        let mut items = base[row].map_or(Vec::new(), |base| requests[usize::try_from(base).unwrap()][..kept].to_vec());
        items.extend(own);
        requests.push(items);
    }
    let expected: Vec<Vec<i64>> = { rollout.calls().iter() }
        .map(|call| call.request_item_ids.iter().map(|item| i64::from(item.0)).collect())
        .collect();
    assert_eq!(requests, expected, "{}", path.display());

    // The tokens of each request by class are those of its section.
    let by_class = spans["requests"]["by_class"].as_object().unwrap();
    for (row, call) in rollout.calls().iter().enumerate() {
        let sum: i64 = by_class.values().map(|column| deltas(column)[row].unwrap()).sum();
        if let Some(sections) = rollout.section_tokens(call) {
            assert_eq!(sum, sections[3].1 as i64, "request {} of {}", row + 1, path.display());
        }
    }

    // Following the hops from an item gives its `why`.
    let causes = page.data("causes");
    let tables =
        ["items", "requests", "turns", "agents", "edges", "calls", "cells", "operations", "terminals", "compactions"];
    for item in graph.conversation_items.keys() {
        let why = serde_json::to_value(Why::of(&rollout, &Node::Item(*item), None)).unwrap();
        let expected: Vec<_> = why["path"].as_array().unwrap().iter().map(|hop| hop["relation"].clone()).collect();
        let (mut kind, mut number) = (Kind::Item as usize, i64::from(item.0));
        let mut found = Vec::new();
        while kind < tables.len() && found.len() <= expected.len() {
            let hops = &causes[tables[kind]];
            let row = deltas(&hops["of"]).iter().position(|of| *of == Some(number)).unwrap();
            let Some(relation) = words(&hops["relation"])[row].clone() else { break };
            found.push(Value::from(relation));
            let Some(to) = hops["to"]["kind"][row].as_u64() else { break };
            kind = usize::try_from(to).unwrap();
            number = deltas(&hops["to"]["number"])[row].unwrap();
        }
        assert_eq!(found, expected, "{item} of {}", path.display());
    }

    // Everything has a text, a label and a row.
    let items = deltas(&page.data("items")["number"]);
    assert_eq!(items.len(), graph.conversation_items.len());
    assert_eq!(deltas(&page.data("labels")["number"]), items);
    let texts = page.data("texts");
    assert!(texts["texts"].as_array().unwrap().len() >= items.len());
}

#[test]
fn the_columns_say_what_the_answers_say() {
    check(Path::new(SAMPLE));
}

#[test]
fn a_file_holds_the_data_that_it_says() {
    let page = Page::of(SAMPLE, &FileOptions { payloads: 3, at: Some("request:2".to_owned()) });
    assert_eq!(page.data("rollouts")["at"], "request:2");
    assert_eq!(page.data("rollouts")["is_root"], false);
    let payloads = page.data("payloads");
    assert_eq!(payloads.as_object().unwrap().keys().collect::<Vec<_>>(), ["1", "2", "3"]);
    let left_out = page.data("left_out");
    assert!(left_out[0]["what"] == "23 raw payloads", "{left_out}");
    assert!(left_out[0]["command"].as_str().unwrap().starts_with("rollout-trace payload "), "{left_out}");
    assert_eq!(page.data("answers")["question=context-diff&request=2"]["question"], "context-diff");
    assert_eq!(page.data("events")["rows"], 47);
}

#[test]
fn a_file_allows_its_own_script_and_style_and_nothing_else() {
    let Page(page) = Page::of(SAMPLE, &FileOptions::default());
    let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    let (script, style) = (element(&page, "script"), element(&page, "style"));
    let hash = |text: &str| STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(text));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data: blob:; \
             base-uri 'none'; form-action 'none'",
            hash(script),
            hash(style)
        )
    );
    // Whatever is in the bundle is compressed and encoded: no text of it is markup.
    let data: String = page.lines().filter(|line| line.starts_with("<script type=\"application/gzip\"")).collect();
    assert!(!data.contains("price"), "a text of the bundle is in the page");
    assert_eq!(page.matches("<script").count() - script.matches("<script").count(), 14);
}

/// Returns what is in the first element of a name without attributes.
fn element<'p>(page: &'p str, name: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0
}

#[test]
fn the_schema_describes_the_data() {
    let schema = rollout_trace_viewer::json_schema();
    let page = Page::of(SAMPLE, &FileOptions::default());
    for (name, definition) in [
        ("rollouts", "Rollouts"),
        ("overview", "Overview"),
        ("spans", "Spans"),
        ("review", "Review"),
        ("items", "Items"),
        ("labels", "Labels"),
        ("changes", "RequestChanges"),
        ("causes", "Causes"),
        ("texts", "Texts"),
        ("events", "Events"),
    ] {
        let one = json!({ "$ref": format!("#/$defs/{definition}"), "$defs": schema["$defs"] });
        let validator = jsonschema::validator_for(&one).unwrap();
        let data = page.data(name);
        let errors: Vec<_> =
            validator.iter_errors(&data).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}
