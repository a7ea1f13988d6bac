//! Which requests carried which items.

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    runs::{CarriedRun, carried_runs},
    table::Source,
};

pub(crate) struct ItemRuns;

impl Source for ItemRuns {
    type Row<'r> = (Of<'r, rollout_trace_schema::ThreadId>, CarriedRun);

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        let meaning = "One row per run of requests, one after the other in a thread, that carried an item. \
            The sum of calls is how often items were carried.";
        Declared::<Self::Row<'r>>::new("item_runs", meaning, &["item_id", "thread_id", "from_call"])
            .text("item_id", "The item.", |row| row.1.item.to_string().into())
            .text("thread_id", "The thread of the requests.", |row| row.0.it.as_str().into())
            .integer("from_call", "The ordinal of the first of these calls in inference_calls.", |row| row.1.from)
            .integer("to_call", "The ordinal of the last of them.", |row| row.1.to)
            .integer("calls", "How many they are.", |row| row.1.to - row.1.from + 1)
            .integer("position", "The place of the item in the first of them, from 0.", |row| row.1.position)
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        for (thread, calls) in reduced.lookups.calls_of_threads() {
            let requests = calls.iter().map(|call| &call.request_item_ids);
            for run in carried_runs(requests) {
                each((Of { reduced, it: thread }, run));
            }
        }
    }
}
