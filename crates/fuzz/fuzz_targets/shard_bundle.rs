//! Any bundle with shards has a graph, which is the same every time, has no dangling links, and does not depend on what
//! requests are compared with.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_trace::{Bundle, Limits, reduce_bundle};
use rollout_trace_fuzz::{Forgetful, Shards, check, feed, in_folder};

fuzz_target!(|shards: Shards| {
    in_folder(|folder| {
        shards.write(folder);
        let bundle = Bundle::open_best_effort(folder, Limits::default()).expect("there is a log");
        let graph = check(&reduce_bundle(&bundle));
        assert_eq!(graph, check(&reduce_bundle(&bundle)), "reduced again");
        let mut payloads = bundle.payloads();
        let mut reducer = feed(&bundle, &mut payloads);
        reducer.graph();
        payloads.problems().iter().for_each(|problem| reducer.note_problem(problem));
        assert_eq!(graph, check(&reducer.finish()), "finished after a look");
        let mut forgetful = Forgetful(bundle.payloads());
        let mut reducer = feed(&bundle, &mut forgetful);
        forgetful.0.problems().iter().for_each(|problem| reducer.note_problem(problem));
        assert_eq!(graph, check(&reducer.finish()), "the graph from complete requests");
    });
});
