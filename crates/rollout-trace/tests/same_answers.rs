//! The same evidence gives the same answers, whichever way it is read.

mod support;

use std::path::Path;

use rollout_trace::{
    Bundle,
    answers::{Facts, Rollout},
    bundle::{convert, pack},
    reduce_with_facts,
    reducer::Reducer,
    schema::PayloadLayout,
};
use rollout_trace_bench_bundles::{Form, Shape};
use support::{all::answers, ask_about, script::Script};

/// Reduces a bundle event by event, and looks at the graph on the way.
fn live(path: &Path) -> String {
    let bundle = Bundle::open(path).expect("the bundle opens");
    let mut payloads = bundle.payloads();
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    let mut facts = Facts::default();
    bundle.problems().iter().for_each(|problem| reducer.note_problem(problem));
    for (number, piece) in bundle.events().enumerate() {
        reducer.apply_observed(&piece, &mut payloads, &mut facts);
        if number % 3 == 0 {
            let mut payloads = bundle.payloads();
            answers(&Rollout::new(reducer.graph(), &facts, &mut payloads, bundle.limits()));
        }
    }
    payloads.problems().iter().for_each(|problem| reducer.note_problem(problem));
    let graph = reducer.finish();
    answers(&Rollout::new(&graph, &facts, &mut payloads, bundle.limits()))
}

/// Checks that a bundle has the same answers live, again and in each form that it can have.
fn check(path: &Path) {
    let expected = ask_about(path, answers);
    assert_eq!(ask_about(path, answers), expected, "again");
    assert_eq!(live(path), expected, "event by event");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let bundle = Bundle::open(path).expect("the bundle opens");
    let packed = folder.path().join("packed");
    convert(&bundle, &packed, PayloadLayout::Packed).expect("the bundle converts");
    assert_eq!(ask_about(&packed, answers), expected, "packed");
    let archive = folder.path().join("archive.tar.zst");
    pack(&bundle, &archive).expect("the bundle is packed");
    assert_eq!(ask_about(&archive, answers), expected, "as an archive");
}

#[test]
fn of_the_sample() {
    check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle")));
}

#[test]
fn of_scenarios() {
    for (name, text) in support::scenarios() {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        Script::parse(&text).write(folder.path());
        println!("{name}");
        check(folder.path());
    }
}

#[test]
fn of_synthetic_rollouts() {
    for form in [Form::Files, Form::Shards, Form::ShardsOfCodex] {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let shape = Shape { tools: 2, child_every: Some(4), ..Shape::of_trips(9) }.compacted_every(4);
        shape.write(form, folder.path());
        check(folder.path());
    }
}

/// The graph that is read back from its JSON has the answers of the one that was reduced.
#[test]
fn of_a_state_that_was_read_back() {
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle"));
    let bundle = Bundle::open(sample).expect("the bundle opens");
    let (graph, facts) = reduce_with_facts(&bundle);
    let json = serde_json::to_string(&graph).expect("a graph serializes");
    let graph = serde_json::from_str(&json).expect("a graph reads back");
    let mut payloads = bundle.payloads();
    let read_back = answers(&Rollout::new(&graph, &facts, &mut payloads, bundle.limits()));
    assert_eq!(read_back, ask_about(sample, answers));
}
