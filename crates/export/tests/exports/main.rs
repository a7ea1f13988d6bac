//! What holds of every export: of scenarios, of synthetic rollouts, and of damaged ones.

#[cfg(test)]
mod atif;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod chrome;
#[cfg(test)]
mod diagrams;
#[cfg(test)]
mod goldens;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod made;
#[cfg(test)]
mod otlp;
#[cfg(test)]
mod protobuf;
#[path = "../../../rollout-trace/tests/support/mod.rs"]
mod support;

use std::path::Path;

use made::Made;
use proptest::{collection::vec, prelude::*, sample::Index};
use rollout_trace_bench_bundles::{Form, Shape};
use rollout_trace_export::Content;
use support::{
    damage::{Damage, damage},
    scenarios, write_scenario,
};

/// Exports a bundle in every format, with and without texts, and checks what holds of each.
fn check(folder: &Path) {
    for content in [Content::None, Content::New, Content::Full] {
        let made = Made::of(folder, content);
        made.with_graph(|graph| {
            chrome::check(&made.chrome, graph);
            otlp::check(&made.otlp, graph);
            protobuf::check(&made.batches, &made.otlp);
            diagrams::check(&made.sequence);
            diagrams::check(&made.flowchart);
            diagrams::check(&made.dot);
            atif::check(&made.atif, graph);
            inspect::check(&made.inspect, graph);
        });
        assert_eq!(made, Made::of(folder, content), "an export is the same each time");
    }
}

#[test]
fn of_every_scenario() {
    for (name, text) in scenarios() {
        for schema in [1, 2, 3] {
            println!("{name} in schema {schema}");
            let folder = tempfile::tempdir().expect("there is room for temporary files");
            write_scenario(&text, schema, folder.path());
            check(folder.path());
        }
    }
}

fn shape(seed: u64) -> Shape {
    Shape { tools: 2, child_every: Some(4), seed, ..Shape::of_trips(10) }.compacted_every(6)
}

#[test]
fn of_synthetic_rollouts() {
    for (form, seed) in [(Form::Files, 1), (Form::ShardsOfCodex, 2)] {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        shape(seed).write(form, folder.path());
        check(folder.path());
    }
}

#[test]
fn of_bundles_with_nothing_in_them() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    std::fs::write(folder.path().join("trace.jsonl"), "").expect("there is room for temporary files");
    check(folder.path());
    std::fs::write(folder.path().join("trace.jsonl"), "x\n{}\n").expect("there is room for temporary files");
    check(folder.path());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn of_damaged_scenarios(scenario in any::<Index>(), schema in 1..=3_u32, damages in vec(damage(), 1..4)) {
        let (_, text) = scenario.get(&scenarios()).clone();
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        write_scenario(&text, schema, folder.path());
        damages.iter().for_each(|damage: &Damage| damage.apply(folder.path()));
        check(folder.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn of_damaged_rollouts(seed in 0..4_u64, damages in vec(damage(), 1..4)) {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        shape(seed).write(Form::Files, folder.path());
        damages.iter().for_each(|damage| damage.apply(folder.path()));
        check(folder.path());
    }
}
