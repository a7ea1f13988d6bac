//! The exports of a bundle.

use std::path::Path;

use rollout_trace::{Bundle, answers::Rollout, model::RolloutTrace, reduce_with_facts};
use rollout_trace_export::{Content, Texts, atif, chrome, diagram, inspect, otlp};

/// The exports of a bundle in every format.
#[derive(Debug, PartialEq)]
pub(crate) struct Made {
    graph: RolloutTrace,
    pub(crate) chrome: String,
    pub(crate) otlp: String,
    pub(crate) batches: Vec<Vec<u8>>,
    pub(crate) atif: String,
    pub(crate) inspect: String,
    pub(crate) sequence: String,
    pub(crate) flowchart: String,
    pub(crate) dot: String,
}

impl Made {
    /// Exports a bundle. Texts, if there are any, are cut at a few hundred bytes.
    pub(crate) fn of(folder: &Path, content: Content) -> Self {
        let bundle = Bundle::open(folder).expect("the bundle opens");
        let (graph, facts) = reduce_with_facts(&bundle);
        let mut payloads = bundle.payloads();
        let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
        let texts = Texts { content, max_bytes: Some(300) };
        let options = otlp::Options { texts, service: "tests".to_owned(), project: Some("project".to_owned()) };
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8(out).expect("the format is text")
        };
        let mut batches = Vec::new();
        let written = otlp::write_protobuf(&rollout, &options, |batch| {
            batches.push(batch.to_vec());
            Ok(())
        });
        written.expect("memory has room");
        Self {
            chrome: text(&|out| drop(chrome::write(&rollout, texts, out).expect("memory has room"))),
            otlp: text(&|out| drop(otlp::write_json(&rollout, &options, out).expect("memory has room"))),
            batches,
            atif: text(&|out| drop(atif::write(&rollout, texts, out).expect("memory has room"))),
            inspect: text(&|out| drop(inspect::write(&rollout, texts, out).expect("memory has room"))),
            sequence: text(&|out| drop(diagram::write_sequence(&rollout, texts, out).expect("memory has room"))),
            flowchart: text(&|out| drop(diagram::write_flowchart(&rollout, out).expect("memory has room"))),
            dot: text(&|out| drop(diagram::write_dot(&rollout, out).expect("memory has room"))),
            graph,
        }
    }

    pub(crate) fn with_graph(&self, look: impl FnOnce(&RolloutTrace)) {
        look(&self.graph);
    }
}
