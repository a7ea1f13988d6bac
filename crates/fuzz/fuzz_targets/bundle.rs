//! Any bundle has a graph: the same every time, with links that hold, whatever a request is compared with.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_trace::{Bundle, reduce_bundle};
use rollout_trace_fuzz::{Files, Forgetful, check, feed, in_folder};

fuzz_target!(|files: Files| {
    in_folder(|folder| {
        files.write(folder);
        let bundle = Bundle::open(folder).expect("there is a log");
        let graph = check(&reduce_bundle(&bundle));
        let reducer = feed(&bundle, &mut bundle.payloads());
        assert!(graph == check(&reducer.graph()), "asked for on the way");
        assert!(graph == check(&reducer.finish()), "finished");
        let forgotten = check(&feed(&bundle, &mut Forgetful(bundle.payloads())).finish());
        assert_eq!(graph, forgotten, "each request read whole");
    });
});
