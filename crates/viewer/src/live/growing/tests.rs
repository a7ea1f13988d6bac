//! Checks that the rows of a part are those of the whole, and that every row that changes is sent.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use proptest::prelude::*;
use rollout_trace::bundle::{PayloadLayout, convert};
use rollout_trace_bench_bundles::{Form, Shape};
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::Kind;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// A bundle that is written event by event.
struct Writing {
    folder: TempDir,
    lines: std::vec::IntoIter<String>,
}

impl Writing {
    /// Begins a copy of a bundle with its payloads and without its events.
    fn of(bundle: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(bundle, folder.path());
        let log = fs::read_to_string(bundle.join("trace.jsonl")).unwrap();
        fs::write(folder.path().join("trace.jsonl"), "").unwrap();
        let lines: Vec<_> = log.split_inclusive('\n').map(str::to_owned).collect();
        Self { folder, lines: lines.into_iter() }
    }

    /// Writes the next events. Returns whether there were any.
    fn write(&mut self, count: usize) -> bool {
        let mut log = OpenOptions::new().append(true).open(self.folder.path().join("trace.jsonl")).unwrap();
        let lines: String = self.lines.by_ref().take(count).collect();
        log.write_all(lines.as_bytes()).unwrap();
        !lines.is_empty()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = fs::copy(entry.path(), target).unwrap(),
        }
    }
}

/// Returns the rows of a part as the whole graph has them.
fn of_whole(growing: &mut Growing, part: &Part, definitions: usize) -> Value {
    let memory = &growing.memory;
    let graph = growing.reducer.graph();
    let rollout = Rollout::new(graph, &growing.facts, &mut growing.payloads, growing.bundle.limits());
    let nodes = part.things(memory);
    let mut view = View::new(&rollout, &growing.log);
    view.things = Things::part(graph, nodes.iter(), memory.numbers());
    serde_json::to_value(Grown::of_part(&view, memory, part, definitions)).unwrap()
}

/// Returns the row of each thing, as the whole graph has it, without what a page adds to the rows of items by itself.
fn all_rows(growing: &mut Growing) -> BTreeMap<(Kind, u32), Value> {
    let memory = &growing.memory;
    let graph = growing.reducer.graph();
    let rollout = Rollout::new(graph, &growing.facts, &mut growing.payloads, growing.bundle.limits());
    let mut view = View::new(&rollout, &growing.log);
    let mut rows = BTreeMap::new();
    for (node, number) in memory.numbers() {
        let part = Part::of_things(graph, &growing.empty, memory, std::iter::once(node.clone()));
        view.things = Things::part(graph, std::iter::once(node), memory.numbers());
        let mut row = serde_json::to_value(Grown::of_part(&view, memory, &part, 0)).unwrap();
        let row = row.as_object_mut().unwrap();
        row.retain(|name, _| !matches!(name.as_str(), "last_seq" | "events" | "end_ms" | "status"));
        for name in ["last_seq", "last_carrier", "first_carrier", "carriers"] {
            row["items"].as_object_mut().unwrap().remove(name);
        }
        row["spans"]
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !matches!(name.as_str(), "definitions" | "compaction_requests"));
        // The time of an agent that runs passes.
        row["agents"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|agent| _ = agent.as_object_mut().unwrap().remove("wall_ms"));
        rows.insert((crate::things::kind(node), *number), Value::Object(std::mem::take(row)));
    }
    rows
}

/// Says where two values differ.
fn differences(place: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            for name in left.keys().chain(right.keys().filter(|name| !left.contains_key(*name))) {
                let (left, right) = (left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null));
                differences(&format!("{place}.{name}"), left, right, found);
            }
        }
        _ if left != right => found.push(format!("{place}: {left} is not {right}")),
        _ => {}
    }
}

/// Follows a bundle that is written in steps of some events, and checks each step.
fn check(name: &str, bundle: &Path, steps: impl IntoIterator<Item = usize>) {
    let mut writing = Writing::of(bundle);
    writing.write(1);
    let mut growing = Growing::open(writing.folder.path()).unwrap();
    let mut compaction_requests = Value::Array(Vec::new());
    let mut before = all_rows(&mut growing);
    for step in steps {
        if !writing.write(step) {
            break;
        }
        if !growing.read() {
            continue;
        }
        let definitions = growing.definitions;
        let changed = growing.reducer.changed_since(growing.seen);
        growing.seen = growing.log.last_seq().unwrap();
        let noted = growing.memory.note(growing.reducer.graph(), &growing.facts, &changed);
        assert_eq!(noted, Ok(()), "{name}");
        let part = growing.part_of_changed(changed);
        let place = format!("{name}, event {}", growing.seen);
        let mut expected = of_whole(&mut growing, &part, definitions);
        let requests = expected["spans"]["compaction_requests"].take();
        let mut grown = serde_json::to_value(growing.grown(&part)).unwrap();
        let mut found = Vec::new();
        let sent_requests = grown["spans"]["compaction_requests"].take();
        if sent_requests["id"] != Value::Array(Vec::new()) || requests["compaction"] != compaction_requests {
            differences(&place, &sent_requests, &requests, &mut found);
        }
        compaction_requests = requests["compaction"].clone();
        differences(&place, &grown, &expected, &mut found);
        let now = all_rows(&mut growing);
        let sent: Vec<_> = part.things(&growing.memory);
        let sent: std::collections::BTreeSet<_> =
            sent.iter().map(|node| (crate::things::kind(node), growing.memory.numbers()[node])).collect();
        for (thing, row) in now.iter().filter(|(thing, _)| !sent.contains(thing)) {
            match before.get(thing) {
                Some(before) => differences(&format!("{place}, not sent: {thing:?}"), before, row, &mut found),
                None => found.push(format!("{place}, not sent: {thing:?}, which is new")),
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        before = now;
    }
    assert!(writing.lines.next().is_none(), "{name}: all of it is read");
}

#[test]
fn every_row_that_changes_is_sent_as_the_whole_has_it() {
    check("sample", Path::new(SAMPLE), std::iter::repeat(1));
}

/// The work for a push depends on what is new, not on what there is.
#[test]
fn a_push_costs_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    Shape::of_trips(240).compacted_every(20).write(Form::Files, folder.path());
    let mut writing = Writing::of(folder.path());
    writing.write(100);
    let mut growing = Growing::open(writing.folder.path()).unwrap();
    let mut touched = Vec::new();
    while writing.write(1) {
        // That everything is taken anew costs as much as there is, but happens only when it has grown by an eighth.
        if let Some(Change::Grown(_)) = growing.advance() {
            touched.push(growing.touched);
        }
    }
    let rows = growing.log.rows.len();
    assert!(touched.len() > rows / 2 && rows > 1000, "{} of {rows}", touched.len());
    let (first, last) = (&touched[..touched.len() / 4], &touched[touched.len() * 3 / 4..]);
    let sum = |touched: &[usize]| touched.iter().sum::<usize>();
    assert!(sum(last) <= sum(first) * 11 / 10, "{} and {}", sum(first), sum(last));
    assert!(last.iter().max() <= first.iter().max(), "{:?} and {:?}", first.iter().max(), last.iter().max());
}

/// Makes a bundle in each form that can grow.
fn forms(shape: Shape) -> Vec<TempDir> {
    let written = [Form::Files, Form::Shards, Form::ShardsOfCodex].map(|form| {
        let folder = tempfile::tempdir().unwrap();
        shape.write(form, folder.path());
        folder
    });
    let packed = tempfile::tempdir().unwrap();
    let bundle = Bundle::open(written[0].path()).unwrap();
    convert(&bundle, packed.path().join("bundle"), PayloadLayout::Packed).unwrap();
    for file in fs::read_dir(packed.path().join("bundle")).unwrap().map(Result::unwrap) {
        fs::rename(file.path(), packed.path().join(file.file_name())).unwrap();
    }
    written.into_iter().chain([packed]).collect()
}

#[test]
fn a_page_takes_everything_anew_seldom_and_at_the_end() {
    for folder in forms(Shape::of_trips(60).compacted_every(20)) {
        let mut writing = Writing::of(folder.path());
        let mut growing = Growing::open(writing.folder.path()).unwrap();
        let (mut anew, mut grown, mut ended) = (0, 0, false);
        while writing.write(1) {
            match growing.advance() {
                Some(Change::Anew) => anew += 1,
                Some(Change::Grown(_)) => grown += 1,
                Some(Change::Ended) => ended = true,
                None => {}
            }
        }
        assert!(ended && anew <= 16 && grown > 10 * anew, "{ended} {anew} {grown}");
        assert!(growing.advance().is_none());
        // Everything that a page takes now is what it would take of the same bundle at any later time.
        let followed = growing.with_desk(|desk, _| desk.answer(&Query::new("spans", ""), None).unwrap());
        let bundle = Bundle::open(writing.folder.path()).unwrap();
        let opened =
            crate::desk::with_desk(&bundle, false, |desk| desk.answer(&Query::new("spans", ""), None).unwrap());
        assert!(followed == opened);
    }
}

#[test]
fn a_log_that_comes_later_or_is_written_anew_is_read_anew() {
    let bundle = tempfile::tempdir().unwrap();
    copy(Path::new(SAMPLE), bundle.path());
    let log = bundle.path().join("trace.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let mut growing = Growing::open(bundle.path()).unwrap();
    assert!(growing.advance().is_none());
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    fs::write(&log, lines[..9].concat()).unwrap();
    assert!(matches!(growing.advance(), Some(Change::Anew)));
    assert_eq!(growing.log.rows.len(), 9);
    fs::write(&log, lines[..3].concat()).unwrap();
    assert!(matches!(growing.advance(), Some(Change::Anew)));
    assert_eq!(growing.log.rows.len(), 3);
    assert!(growing.advance().is_none());
}

/// Follows recorded bundles of several agents, code cells, terminals and compactions.
#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn recorded_bundles_event_by_event() {
    let root = std::env::var_os("CONFORMANCE").expect("CONFORMANCE names the folder of the cases");
    for name in ["agents", "collab1", "codemode", "rcompact", "terminal", "failures", "resume-first", "cellstdin"] {
        let bundle = Path::new(&root).join("codex-0.169.0").join(name).join("bundle");
        check(name, &bundle, std::iter::repeat(1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_steps(
        trips in 1_usize..12,
        compacted_every in 2_usize..8,
        steps in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        Shape::of_trips(trips).compacted_every(compacted_every).write(Form::Files, folder.path());
        check("shape", folder.path(), steps.into_iter().cycle());
    }
}
