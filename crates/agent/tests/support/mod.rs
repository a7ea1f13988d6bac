//! What the tests of the agent share.

#![allow(dead_code, reason = "each test uses some of it")]

use std::{path::Path, time::Duration};

use rollout_trace_agent::{Played, Scenario, play};
use rollout_trace_agent_core::{TraceOptions, TraceTarget};
use rollout_trace_bundle::Bundle;
use rollout_trace_model::{Drawing, RolloutTrace, Severity, normalised};
use rollout_trace_reducer::reduce_bundle;

/// A played scenario and the graph of its trace.
pub(crate) struct Recorded {
    pub(crate) played: Played,
    pub(crate) graph: RolloutTrace,
}

/// Longer than any scenario takes on a busy machine.
const HANG: Duration = Duration::from_secs(120);

/// Plays a scenario, and checks what must hold of any that ends by itself.
pub(crate) fn record(name: &str, text: &str) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let trace = TraceTarget::Root(folder.path().join("traces"), TraceOptions::new());
    let played = played(name, text, &folder.path().join("work"), trace);
    assert_eq!(played.unused_replies, Vec::<usize>::new(), "replies that nobody asked for");
    let graph = reduced(played.bundle.as_deref().unwrap());
    let loud: Vec<_> = graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
    assert!(loud.is_empty(), "{name}: {loud:#?}");
    assert_eq!(graph.recording_complete, Some(true));
    Recorded { played, graph }
}

/// Plays a scenario.
pub(crate) fn played(name: &str, text: &str, folder: &Path, trace: TraceTarget) -> Played {
    let scenario = Scenario::parse(name, text).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut show = |_: &_| {};
        let playing = play(&scenario, folder, trace, &mut show);
        tokio::time::timeout(HANG, playing).await.expect("the scenario hangs").unwrap()
    })
}

/// The sound graph of a bundle.
pub(crate) fn reduced(bundle: &Path) -> RolloutTrace {
    let graph = reduce_bundle(&Bundle::open(bundle).unwrap());
    assert_eq!(graph.check_links(), Vec::<String>::new());
    graph
}

impl Recorded {
    pub(crate) fn drawing(&self) -> String {
        Drawing::new(&normalised(&self.graph)).to_string()
    }
}

/// What differs by chance in texts.
pub(crate) fn chance() -> Vec<(&'static str, &'static str)> {
    vec![(r"Chunk ID: [0-9a-f]+", "Chunk ID: …"), (r"Wall time:? [0-9.]+ seconds", "Wall time … seconds")]
}
