//! What holds of the answers about generated and damaged bundles.

mod support;

use std::path::Path;

use proptest::{collection::vec, prelude::*, sample::Index};
use rollout_trace::answers::FindingCode;
use rollout_trace_bench_bundles::{Form, PayloadLayout, Rollout, Shape};
use support::{
    all::check,
    damage::damage,
    loss::{found, found_by_loss},
    scenarios, write_scenario,
};

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

#[test]
fn of_synthetic_rollouts() {
    for (form, seed) in [(Form::Files, 1), (Form::Files, 2), (Form::Shards, 3), (Form::ShardsOfCodex, 4)] {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        shape(seed).write(form, folder.path());
        check(folder.path());
    }
}

fn shape(seed: u64) -> Shape {
    Shape { tools: 2, child_every: Some(4), seed, ..Shape::of_trips(10) }.compacted_every(6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn of_damaged_scenarios(scenario in any::<Index>(), schema in 1..=3_u32, damages in vec(damage(), 1..4)) {
        let (_, text) = scenario.get(&scenarios()).clone();
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        write_scenario(&text, schema, folder.path());
        damages.iter().for_each(|damage| damage.apply(folder.path()));
        check(folder.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn of_damaged_rollouts(seed in 0..4_u64, damages in vec(damage(), 1..4)) {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        shape(seed).write(Form::Files, folder.path());
        damages.iter().for_each(|damage| damage.apply(folder.path()));
        check(folder.path());
    }
}

/// Returns the codes of what is found about a generated bundle, without those that its invented usage explains.
fn found_but_usage(bundle: &Path) -> Vec<&'static str> {
    let of_usage = [FindingCode::UsageDoesNotFit, FindingCode::CacheMiss].map(FindingCode::as_str);
    found(bundle).into_iter().filter(|code| !of_usage.contains(code)).collect()
}

#[test]
fn nothing_is_found_about_rollouts_as_they_should_be() {
    for (form, seed) in [(Form::Files, 1), (Form::Shards, 2), (Form::ShardsOfCodex, 3)] {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        shape(seed).write(form, folder.path());
        assert_eq!(found_but_usage(folder.path()), [] as [&str; 0]);
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let shape = Rollout {
        layout: PayloadLayout::Packed,
        trips: 40,
        trips_per_turn: 12,
        child_after: &[4],
        trips_of_child: 6,
        compact_every: Some(20),
        output_bytes: 300,
        seed: 5,
    };
    shape.record(folder.path()).expect("there is room");
    assert_eq!(found_but_usage(folder.path()), [] as [&str; 0]);
}

#[test]
fn loss_in_a_synthetic_rollout_adds_no_finding() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let shape = Shape { tools: 2, child_every: Some(3), ..Shape::of_trips(4) }.compacted_every(3);
    shape.write(Form::Files, folder.path());
    assert_eq!(found_by_loss(folder.path()), [] as [String; 0]);
}

#[test]
fn loss_in_scenarios_adds_no_finding() {
    let mut added = Vec::new();
    for (name, text) in scenarios() {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        write_scenario(&text, 2, folder.path());
        added.extend(found_by_loss(folder.path()).into_iter().map(|what| format!("{name} {what}")));
    }
    assert_eq!(added, [] as [String; 0]);
}
