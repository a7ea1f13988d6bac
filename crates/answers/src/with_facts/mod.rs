//! A graph that is written with what answers compute about it.
//!
//! Source: questions, section 13.

mod keys;
mod schema;

use std::collections::BTreeMap;

use rollout_trace_model::{CallWithRuns, InferenceCall, ReplacedField};
use serde::{Serialize, Serializer};

use self::keys::{CallKeys, FirstEquals, ItemKeys, ThreadKeys, ToolCallKeys, TraceKeys, TurnEnds, TurnKeys};
use crate::rollout::Rollout;

pub use schema::state_schema;

/// A graph that serializes with what answers compute about it: sizes, fingerprints and origins of items, what requests hold
/// besides them, and names. [`state_schema`] describes it.
///
/// Its keys besides these are those of the graph, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct WithFacts<'r, 'a> {
    rollout: &'r Rollout<'a>,
    runs: bool,
}

impl<'r, 'a> WithFacts<'r, 'a> {
    /// Writes the graph of a rollout, with `request_item_runs` in place of `request_item_ids` if `runs` is set.
    pub fn new(rollout: &'r Rollout<'a>, runs: bool) -> Self {
        Self { rollout, runs }
    }
}

impl Serialize for WithFacts<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        With { object: Objects(*self), keys: TraceKeys::of(self.rollout) }.serialize(serializer)
    }
}

/// An object of the graph, and what answers compute about it.
#[derive(Serialize)]
struct With<O: Serialize, K: Serialize> {
    #[serde(flatten)]
    object: O,
    #[serde(flatten)]
    keys: K,
}

/// The graph, in which the objects have their keys.
struct Objects<'r, 'a>(WithFacts<'r, 'a>);

impl Serialize for Objects<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(WithFacts { rollout, runs }) = *self;
        let graph = rollout.graph();
        let (ends, equals) = (TurnEnds::of(rollout), FirstEquals::of(rollout));
        let items =
            Each(&graph.conversation_items, |item| With { object: item, keys: ItemKeys::of(rollout, &equals, item) });
        let calls = Each(&graph.inference_calls, |call| With {
            object: if runs { Call::Runs(CallWithRuns(call)) } else { Call::Ids(call) },
            keys: CallKeys::of(rollout, call),
        });
        let tools = Each(&graph.tool_calls, |call| With { object: call, keys: ToolCallKeys::of(rollout, call) });
        let turns = Each(&graph.codex_turns, |turn| With { object: turn, keys: TurnKeys::of(rollout, &ends, turn) });
        let threads = Each(&graph.threads, |thread| With { object: thread, keys: ThreadKeys::of(rollout, thread) });
        let serializer = ReplacedField::new(serializer, "conversation_items", &items);
        let serializer = ReplacedField::new(serializer, "inference_calls", &calls);
        let serializer = ReplacedField::new(serializer, "tool_calls", &tools);
        let serializer = ReplacedField::new(serializer, "codex_turns", &turns);
        graph.serialize(ReplacedField::new(serializer, "threads", &threads))
    }
}

/// The objects of one kind, each as `1` makes it.
struct Each<'g, K, V, F>(&'g BTreeMap<K, V>, F);

impl<'g, K: Serialize, V, T: Serialize, F: Fn(&'g V) -> T> Serialize for Each<'g, K, V, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, object)| (id, (self.1)(object))))
    }
}

/// An inference call, with the items of its request in either form.
#[derive(Serialize)]
#[serde(untagged)]
enum Call<'g> {
    Ids(&'g InferenceCall),
    Runs(CallWithRuns<'g>),
}
