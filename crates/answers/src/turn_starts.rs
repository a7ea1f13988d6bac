//! What the agent core said when turns started.

use rollout_trace_model::{Marker, RolloutTrace, map::HashMap};
use rollout_trace_reducer::Json;
use rollout_trace_schema::{CodexTurnId, RawPayloadId, Seq, ThreadId};

use crate::rollout::Rollout;

/// What the agent core said when a turn started.
#[derive(Clone, Debug)]
pub(crate) struct TurnStart<'a> {
    pub(crate) seq: Seq,
    pub(crate) payload: &'a RawPayloadId,
    pub(crate) turn: Option<&'a CodexTurnId>,
    pub(crate) thread: Option<&'a ThreadId>,
    /// The size of the model's context window.
    pub(crate) window_tokens: Option<i64>,
    /// The turn of another agent that began this one.
    pub(crate) parent: Option<&'a CodexTurnId>,
}

/// What the agent core said when turns started, by thread and by turn.
#[derive(Debug, Default)]
pub(crate) struct TurnStarts<'a> {
    /// In order.
    of_threads: HashMap<&'a ThreadId, Vec<TurnStart<'a>>>,
    /// The first one of each turn.
    of_turns: HashMap<&'a CodexTurnId, TurnStart<'a>>,
}

impl<'a> TurnStarts<'a> {
    pub(crate) fn of(rollout: &Rollout<'a>) -> Self {
        let graph = rollout.graph();
        let of_threads = { graph.threads.values() }
            .flat_map(|thread| thread.markers.iter().map(|marker| (Some(&thread.thread_id), marker)));
        let markers = of_threads.chain(graph.markers.iter().map(|marker| (None, marker)));
        let mut starts: Vec<_> = { markers }
            .filter(|(_, marker)| matches!(marker.name.as_str(), "turn_started" | "task_started"))
            .filter_map(|(thread, marker)| turn_start(rollout, thread, marker))
            .collect();
        starts.sort_by_key(|start| start.seq);
        let mut found = Self::default();
        for start in starts {
            if let Some(turn) = start.turn {
                found.of_turns.entry(turn).or_insert_with(|| start.clone());
            }
            if let Some(thread) = start.thread {
                found.of_threads.entry(thread).or_default().push(start);
            }
        }
        found
    }

    /// Returns the start of a turn.
    pub(crate) fn of_turn(&self, turn: &CodexTurnId) -> Option<&TurnStart<'a>> {
        self.of_turns.get(turn)
    }

    /// Returns the last start of a turn of a thread before an event.
    pub(crate) fn last_before(&self, thread: &ThreadId, seq: Seq) -> Option<&TurnStart<'a>> {
        let starts = self.of_threads.get(thread)?;
        starts[..starts.partition_point(|start| start.seq < seq)].last()
    }
}

fn turn_start<'a>(rollout: &Rollout<'a>, thread: Option<&'a ThreadId>, marker: &'a Marker) -> Option<TurnStart<'a>> {
    let graph = rollout.graph();
    let payload = marker.raw_payload_ids.first()?;
    let said = rollout.document(payload, |document| {
        let attribution = document.get("turn_attribution");
        let field = |name: &str| document.text(name).or_else(|| attribution?.text(name));
        let window = document.get("model_context_window").and_then(Json::as_i64);
        Some((window, turn(graph, field("turn_id")), turn(graph, field("parent_turn_id"))))
    });
    let (window_tokens, named, parent) = said.unwrap_or_default();
    let turn = marker.codex_turn_id.as_ref().or(named);
    let of_turn = || Some(&graph.codex_turns.get(turn?)?.thread_id);
    Some(TurnStart { seq: marker.seq, payload, turn, thread: thread.or_else(of_turn), window_tokens, parent })
}

/// Returns the id under which the graph has a turn.
fn turn<'a>(graph: &'a RolloutTrace, id: Option<&str>) -> Option<&'a CodexTurnId> {
    graph.codex_turns.get_key_value(id?).map(|(id, _)| id)
}
