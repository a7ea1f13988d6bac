//! Any bundle has a graph, which is the same every time, has no dangling links, and does not depend on what requests
//! are compared with.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_trace::{Bundle, Limits, reduce_bundle};
use rollout_trace_fuzz::{Files, Forgetful, check, feed, in_folder};

fuzz_target!(|files: Files| {
    in_folder(|folder| {
        files.write(folder);
        let bundle = Bundle::open_best_effort(folder, Limits::default()).expect("there is a log");
        let graph = check(&reduce_bundle(&bundle));
        let mut reducer = feed(&bundle, &mut bundle.payloads());
        let mut live = reducer.graph().clone();
        let finished = reducer.finish();
        assert!(graph == check(&finished), "finished after a look");
        // What only the end decides.
        live.cut_off.clone_from(&finished.cut_off);
        live.undelivered_messages.clone_from(&finished.undelivered_messages);
        live.diagnostics.clone_from(&finished.diagnostics);
        assert!(live == finished, "looked at before the end");
        let forgotten = check(&feed(&bundle, &mut Forgetful(bundle.payloads())).finish());
        assert_eq!(graph, forgotten, "the graph from complete requests");
    });
});
