//! Bundles, and their rows.

use std::{fs, path::Path};

use rollout_trace::{Bundle, answers::Rollout, reduce_with_facts};
use rollout_trace_bench_bundles::PayloadLayout;
use rollout_trace_tables::{Options, Rows, Table};
use tempfile::TempDir;

/// The folder of the sample bundle.
pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// Records a rollout with turns, commands, terminals, code cells, child agents and compactions.
pub(crate) fn recorded(seed: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rollout = rollout_trace_bench_bundles::Rollout {
        layout: PayloadLayout::Files,
        trips: 24,
        trips_per_turn: 6,
        child_after: &[2, 9],
        trips_of_child: 3,
        compact_every: Some(8),
        output_bytes: 60,
        seed,
    };
    rollout.record(folder.path()).unwrap();
    folder
}

/// Returns the rows of a bundle in all tables.
pub(crate) fn rows(bundle: &Path, options: Options) -> Rows {
    rows_of(bundle, "bundle", options)
}

/// Returns the rows of a bundle with a name in all tables.
pub(crate) fn rows_of(bundle: &Path, name: &str, options: Options) -> Rows {
    let bundle = Bundle::open(bundle).unwrap();
    let (graph, facts) = reduce_with_facts(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    Rows::of(&rollout, name, options, Table::ALL)
}

/// Returns the place of a column.
pub(crate) fn place(table: Table, column: &str) -> usize {
    table.schema().columns.iter().position(|other| other.name == column).unwrap()
}

/// Copies a bundle whose payloads are files.
pub(crate) fn copy(bundle: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("payloads")).unwrap();
    for part in ["", "payloads"] {
        for entry in fs::read_dir(bundle.join(part)).unwrap().flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}
