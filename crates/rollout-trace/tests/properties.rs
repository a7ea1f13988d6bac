//! What holds of the answers about generated and damaged bundles.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{collection::vec, prelude::*, sample::Index};
use rollout_trace::answers::FindingCode;
use rollout_trace_bench_bundles::{Form, PayloadLayout, Rollout, Shape};
use support::{
    all::check,
    loss::{LOG, found, found_by_loss, payloads},
    scenarios,
    script::Script,
};

/// Damage that a bundle may take.
#[derive(Clone, Debug)]
enum Damage {
    /// The log lacks a line.
    LineLost(Index),
    /// Two lines of the log have changed places.
    LinesSwapped(Index, Index),
    /// A line is in the log twice.
    LineTwice(Index, Index),
    /// The log ends here.
    LogCut(Index),
    /// A bit of the log is another one.
    LogFlipped(Index, u8),
    /// A payload file is lost.
    PayloadLost(Index),
    /// A payload file ends here.
    PayloadCut(Index, Index),
    /// A bit of a payload file is another one.
    PayloadFlipped(Index, Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Damage::LineLost),
        (at(), at()).prop_map(|(one, other)| Damage::LinesSwapped(one, other)),
        (at(), at()).prop_map(|(line, to)| Damage::LineTwice(line, to)),
        at().prop_map(Damage::LogCut),
        (at(), 0..8_u8).prop_map(|(byte, bit)| Damage::LogFlipped(byte, bit)),
        at().prop_map(Damage::PayloadLost),
        (at(), at()).prop_map(|(payload, byte)| Damage::PayloadCut(payload, byte)),
        (at(), at(), 0..8_u8).prop_map(|(payload, byte, bit)| Damage::PayloadFlipped(payload, byte, bit)),
    ]
}

impl Damage {
    /// Does the damage to a bundle whose payloads are files.
    fn apply(&self, bundle: &Path) {
        match self {
            Self::LineLost(line) => {
                with_lines(bundle, |lines| drop(lines.remove(line.index(lines.len()))));
            }
            Self::LinesSwapped(one, other) => with_lines(bundle, |lines| {
                let count = lines.len();
                lines.swap(one.index(count), other.index(count));
            }),
            Self::LineTwice(line, to) => with_lines(bundle, |lines| {
                let line = lines[line.index(lines.len())].clone();
                lines.insert(to.index(lines.len()), line);
            }),
            Self::LogCut(at) => with_bytes(&bundle.join(LOG), |bytes| bytes.truncate(at.index(bytes.len()))),
            Self::LogFlipped(at, bit) => with_bytes(&bundle.join(LOG), |bytes| flip(bytes, *at, *bit)),
            Self::PayloadLost(payload) => with_payload(bundle, *payload, |path| {
                fs::remove_file(path).expect("the payload is there");
            }),
            Self::PayloadCut(payload, at) => with_payload(bundle, *payload, |path| {
                with_bytes(path, |bytes| bytes.truncate(at.index(bytes.len())));
            }),
            Self::PayloadFlipped(payload, at, bit) => with_payload(bundle, *payload, |path| {
                with_bytes(path, |bytes| flip(bytes, *at, *bit));
            }),
        }
    }
}

fn with_bytes(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("the file is there");
    if !bytes.is_empty() {
        change(&mut bytes);
    }
    fs::write(path, bytes).expect("there is room for temporary files");
}

fn with_lines(bundle: &Path, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    with_bytes(&bundle.join(LOG), |bytes| {
        let mut lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        change(&mut lines);
        *bytes = lines.concat();
    });
}

fn with_payload(bundle: &Path, payload: Index, change: impl FnOnce(&Path)) {
    let paths = payloads(bundle);
    if !paths.is_empty() {
        change(payload.get::<PathBuf>(&paths));
    }
}

fn flip(bytes: &mut [u8], at: Index, bit: u8) {
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
}

/// Writes the bundle of a scenario, by the rules of a schema unless the scenario names one.
fn write_scenario(text: &str, schema: u32, folder: &Path) {
    Script::parse(&format!("schema {schema}\n{text}")).write(folder);
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
