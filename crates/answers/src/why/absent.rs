//! Why a request does not contain an item.
//!
//! Source: questions, section 2.5.

use rollout_trace_model::{InferenceCall, ItemId, ItemKind, ProducerRef};
use rollout_trace_schema::{CompactionId, InferenceCallId, RawPayloadId, Seq, ThreadId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{origin::producers, rollout::Rollout};

/// Why a request does not contain an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Absent {
    /// The request cannot be read.
    RequestNotReadable {
        /// The payload of the request.
        payload_id: Option<RawPayloadId>,
    },
    /// The item belongs to another thread.
    OtherThread {
        /// That thread.
        thread_id: ThreadId,
    },
    /// The item was seen only later.
    Later {
        /// The event that showed it first.
        first_seen_seq: Seq,
    },
    /// A compaction removed it.
    Compacted {
        /// The compaction.
        compaction_id: CompactionId,
        /// The event that installed it.
        seq: Seq,
        /// The copies of the item.
        copied_as: Vec<ItemId>,
    },
    /// Another item has taken its place.
    Rewritten {
        /// That item.
        now: ItemId,
    },
    /// The item only marks a compaction.
    Marker,
    /// No request contains it.
    NeverInARequest,
    /// Only later requests contain it.
    NotYetDelivered {
        /// The first of them.
        first_in: Option<InferenceCallId>,
    },
    /// It was dropped, and nothing recorded says why.
    DroppedUnrecorded {
        /// The last request that contains it.
        last_in: Option<InferenceCallId>,
    },
}

pub(super) fn absent(rollout: &Rollout<'_>, item_id: ItemId, call: &InferenceCall) -> Absent {
    let (graph, index) = (rollout.graph(), rollout.index());
    if rollout.facts().request(&call.inference_call_id).is_none() {
        return Absent::RequestNotReadable { payload_id: call.raw_request_payload_id.clone() };
    }
    let Some(item) = graph.conversation_items.get(&item_id) else { return Absent::NeverInARequest };
    if item.thread_id != call.thread_id {
        return Absent::OtherThread { thread_id: item.thread_id.clone() };
    }
    if item.first_seen_seq >= call.execution.started_seq {
        return Absent::Later { first_seen_seq: item.first_seen_seq };
    }
    let compactions = index.compactions_of(&call.thread_id);
    let mut installed = compactions.iter().filter(|compaction| {
        compaction.installed_seq <= call.execution.started_seq
            && compaction.input_item_ids.contains(&item_id)
            && !compaction.replacement_item_ids.contains(&item_id)
    });
    if let Some(compaction) = installed.next_back() {
        let copies = compaction.replacement_item_ids.iter().copied();
        return Absent::Compacted {
            compaction_id: compaction.compaction_id.clone(),
            seq: compaction.installed_seq,
            copied_as: copies.filter(|copy| index.copied_from(*copy) == Some(item_id)).collect(),
        };
    }
    let is_of_cell = producers(graph, item).any(|producer| matches!(producer, ProducerRef::CodeCell { .. }));
    if let Some(call_id) = item.call_id.as_ref().filter(|_| !is_of_cell) {
        let takes_place = |other: &ItemId| {
            let other = graph.conversation_items.get(other);
            other.is_some_and(|other| {
                other.kind == item.kind
                    && other.call_id.as_ref() == Some(call_id)
                    && other.first_seen_seq > item.first_seen_seq
            })
        };
        if let Some(now) = call.request_item_ids.iter().rfind(takes_place) {
            return Absent::Rewritten { now };
        }
    }
    if item.kind == ItemKind::CompactionMarker {
        return Absent::Marker;
    }
    if index.carried(item_id).calls == 0 {
        return Absent::NeverInARequest;
    }
    let earlier = &index.calls_of(&call.thread_id)[..index.place(call)];
    let last = earlier.iter().rev().find(|earlier| earlier.request_item_ids.contains(item_id));
    match last {
        Some(last) => Absent::DroppedUnrecorded { last_in: Some(last.inference_call_id.clone()) },
        None => Absent::NotYetDelivered {
            first_in: index.carried(item_id).first.map(|first| first.inference_call_id.clone()),
        },
    }
}
