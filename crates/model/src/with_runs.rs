//! A graph that is written with runs of items.

use std::collections::BTreeMap;

use rollout_trace_schema::InferenceCallId;
use serde::{Serialize, Serializer};

use crate::{InferenceCall, ItemRuns, RolloutTrace, replaced_field::ReplacedField};

/// A graph that serializes with `request_item_runs` in place of the `request_item_ids` of its inference calls.
///
/// Each request lists the conversation before it again, so a `state.json` with `request_item_ids` grows with the square
/// of the requests. As runs, each an array of `[first item number, count]`, a request usually takes a few bytes. The
/// tools of Codex do not read the key; [`RolloutTrace`] reads either.
///
/// ```
/// use rollout_trace_model::{RolloutTrace, WithRuns};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.state.json"));
///
/// let graph: RolloutTrace = serde_json::from_str(json)?;
/// let shorter = serde_json::to_string(&WithRuns(&graph))?;
/// assert_eq!(serde_json::from_str::<RolloutTrace>(&shorter)?, graph);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WithRuns<'a>(pub &'a RolloutTrace);

impl Serialize for WithRuns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(ReplacedField::new(serializer, "inference_calls", &Calls(&self.0.inference_calls)))
    }
}

/// The inference calls of a graph.
struct Calls<'a>(&'a BTreeMap<InferenceCallId, InferenceCall>);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, call)| (id, CallWithRuns(call))))
    }
}

/// An inference call that serializes with `request_item_runs` in place of its `request_item_ids`.
#[derive(Clone, Copy, Debug)]
pub struct CallWithRuns<'a>(pub &'a InferenceCall);

impl Serialize for CallWithRuns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let runs = &Runs(&self.0.request_item_ids);
        self.0.serialize(ReplacedField::new(serializer, "request_item_ids", runs).renamed("request_item_runs"))
    }
}

/// The items of one request.
struct Runs<'a>(&'a ItemRuns);

impl Serialize for Runs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.runs().map(|run| (run.first.0, run.count)))
    }
}
