//! Checks that the columns of a page grow with the events of a rollout, and not with what its requests repeat.

use rollout_trace::Bundle;
use rollout_trace_bench_bundles::{PayloadLayout, Rollout};
use rollout_trace_viewer::FileOptions;

use crate::data::Page;

/// The columns that a page needs before it is complete, and the most bytes of JSON that an event may cost in each. Those of
/// `long100k`, with its short labels, are 88, 28, 44, 3 and 22.
const COLUMNS: [(&str, usize); 5] = [("spans", 140), ("items", 60), ("labels", 90), ("changes", 12), ("causes", 40)];

/// Returns the number of events of a rollout, and the bytes of each of its columns. Without compactions each request
/// repeats the whole history.
fn sizes(trips: usize) -> (usize, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let rollout = Rollout {
        layout: PayloadLayout::Packed,
        trips,
        trips_per_turn: 10,
        child_after: &[20],
        trips_of_child: trips / 4,
        compact_every: None,
        output_bytes: 200,
        seed: 7,
    };
    rollout.record(folder.path()).unwrap();
    let events = Bundle::open(folder.path()).unwrap().events().count();
    let page = Page::of(folder.path(), &FileOptions::default());
    (events, COLUMNS.iter().map(|(name, _)| page.data(name).to_string().len()).collect())
}

#[test]
fn columns_grow_with_the_events() {
    let (events, small) = sizes(100);
    let (twice, large) = sizes(200);
    for (((name, most), small), large) in COLUMNS.iter().zip(small).zip(large) {
        assert!(small <= most * events, "{name} has {small} bytes for {events} events");
        // Ten percent more than the events, for longer numbers.
        assert!(
            large * events * 10 <= small * twice * 11,
            "{name} grows from {small} to {large} bytes, and the events from {events} to {twice}"
        );
    }
}
