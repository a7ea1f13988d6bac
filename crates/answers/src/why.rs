//! What brought something about.
//!
//! Source: questions, section 2.

mod absent;
pub(crate) mod hops;
mod path;
mod text;

use rollout_trace_model::{InferenceCall, ItemId};
use rollout_trace_schema::{InferenceCallId, RawPayloadId, Seq};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Certainty, Node, rollout::Rollout};

pub use absent::Absent;

/// What brought something about, hop by hop, each with its evidence.
///
/// A cause inside the model, and that an item was used, are not claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Why {
    /// `why`.
    pub question: &'static str,
    /// What was asked about.
    pub subject: Node,
    /// The inference call in whose request it was asked about.
    pub at: Option<InferenceCallId>,
    /// Whether that request contains the item.
    pub seen: Option<bool>,
    /// Why it does not.
    pub absent: Option<Absent>,
    /// The requests that carried an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried_by: Option<CarriedBy>,
    /// The hops, from the subject to its root.
    pub path: Vec<Hop>,
    /// What was new to the model in the request that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub just_seen: Option<Vec<ItemId>>,
    /// The certainty of the weakest hop.
    pub certainty: Certainty,
    /// The things in a few words, for the text form.
    #[serde(skip)]
    words: text::Words,
}

/// The requests that carried an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CarriedBy {
    /// How many there are.
    pub calls: usize,
    /// The first.
    pub first: Option<InferenceCallId>,
    /// The last.
    pub last: Option<InferenceCallId>,
}

/// One cause, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hop {
    /// How the two are related.
    pub relation: Cause,
    /// The effect.
    pub from: Node,
    /// The cause.
    pub to: Node,
    /// How certain that is.
    pub certainty: Certainty,
    /// The event that shows it.
    pub seq: Option<Seq>,
    /// The payload that this event names.
    pub payload_id: Option<RawPayloadId>,
    /// The name of an origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it is known, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was new to the model when it answered. That it answered so because of that is not claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub just_seen: Option<Vec<ItemId>>,
}

/// How an effect is related to its cause. Of paths that are equally short, the one with the earlier relations is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An earlier request carried the item first.
    CarriedFrom,
    /// An interaction between agents delivered the item.
    DeliveredBy,
    /// A tool or code cell put the item out.
    OutputOf,
    /// The item answers a call.
    Answers,
    /// A terminal operation or session belongs to a call or operation.
    OperationOf,
    /// The model called the tool in this item.
    CalledIn,
    /// A code cell called the tool.
    RunBy,
    /// The code cell's source.
    Source,
    /// The model answered with the item.
    AnsweredIn,
    /// The item copies another.
    CopiedFrom,
    /// A compaction wrote the item.
    WrittenBy,
    /// An agent's result is what it said.
    ReportedBy,
    /// A tool call sent the message.
    SentBy,
    /// The request belongs to the turn.
    AskedIn,
    /// The turn began with the item.
    BeganWith,
    /// Another turn, or the thread, began the turn.
    BegunBy,
    /// An interaction or another agent started the thread.
    SpawnedBy,
    /// There is no further cause.
    Origin,
}

impl Cause {
    /// Returns the relation as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CarriedFrom => "carried_from",
            Self::DeliveredBy => "delivered_by",
            Self::OutputOf => "output_of",
            Self::Answers => "answers",
            Self::OperationOf => "operation_of",
            Self::CalledIn => "called_in",
            Self::RunBy => "run_by",
            Self::Source => "source",
            Self::AnsweredIn => "answered_in",
            Self::CopiedFrom => "copied_from",
            Self::WrittenBy => "written_by",
            Self::ReportedBy => "reported_by",
            Self::SentBy => "sent_by",
            Self::AskedIn => "asked_in",
            Self::BeganWith => "began_with",
            Self::BegunBy => "begun_by",
            Self::SpawnedBy => "spawned_by",
            Self::Origin => "origin",
        }
    }
}

impl Rollout<'_> {
    /// Returns the first hop of a thing's path to its root, or `None` if there is none. The hops of all things are a
    /// forest: following them from thing to thing gives the path of each.
    pub fn cause(&self, thing: &Node) -> Option<Hop> {
        let mut hops = hops::hops(self, thing);
        // Nearly everything has one cause, so that there is nothing to choose from.
        match hops.len() {
            1 => hops.pop().filter(|hop| hop.to != *thing),
            _ => path::path(self, thing).into_iter().next(),
        }
    }

    /// Returns the items of a request that were new to the model: those that the call before did not carry, and that
    /// neither an answer nor a copy is. Of a thread's first request it is only the last.
    pub fn just_seen(&self, call: &InferenceCall) -> Vec<ItemId> {
        hops::just_seen(self, call)
    }
}

impl Why {
    /// Answers what brought something about; and, if a call is given and the subject is an item, whether and since when
    /// the call's request contains it.
    pub fn of(rollout: &Rollout<'_>, subject: &Node, at: Option<&InferenceCall>) -> Self {
        let mut path = path::path(rollout, subject);
        let (mut seen, mut absence, mut carried_by, mut just_seen) = (None, None, None, None);
        if let Node::Item(item) = subject {
            let carried = rollout.index().carried(*item);
            let id = |call: Option<&InferenceCall>| call.map(|call| call.inference_call_id.clone());
            carried_by = Some(CarriedBy { calls: carried.calls, first: id(carried.first), last: id(carried.last) });
            if let Some(call) = at {
                let is_seen = call.request_item_ids.contains(*item);
                seen = Some(is_seen);
                if is_seen {
                    let first = carried.first.filter(|first| first.inference_call_id != call.inference_call_id);
                    path.splice(0..0, first.map(|first| hops::carried_from(rollout, *item, first)));
                } else {
                    absence = Some(absent::absent(rollout, *item, call));
                }
            }
        }
        if let Node::Inference(id) = subject {
            just_seen = rollout.graph().inference_calls.get(id).map(|call| hops::just_seen(rollout, call));
        }
        let certainty = path.iter().map(|hop| hop.certainty).max().unwrap_or(Certainty::Recorded);
        let mut why = Self {
            question: "why",
            subject: subject.clone(),
            at: at.map(|call| call.inference_call_id.clone()),
            seen,
            absent: absence,
            carried_by,
            path,
            just_seen,
            certainty,
            words: text::Words::default(),
        };
        why.words = text::Words::of(rollout, &why);
        why
    }
}
