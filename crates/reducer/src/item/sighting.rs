//! One occurrence of a model item in a payload.

use rollout_trace_model::{AgentMessage, Body, Channel, InferredProducer, ItemKind, Role};
use rollout_trace_schema::{ModelVisibleCallId, ResponsesItemId};

use crate::fingerprint::Fingerprint;

/// One occurrence of a model item in a payload, normalized.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) role: Role,
    pub(crate) channel: Option<Channel>,
    pub(crate) kind: ItemKind,
    pub(crate) call_id: Option<ModelVisibleCallId>,
    pub(crate) agent_message: Option<AgentMessage>,
    pub(crate) body: Body,
    pub(crate) identity: Identity,
    /// What the parts of the body stand for.
    pub(crate) content: Fingerprint,
    /// The item's own id, where it counts for the item's identity.
    pub(crate) own_id: Option<ResponsesItemId>,
    /// Where the item comes from, by what it says itself.
    pub(crate) provenance: Vec<InferredProducer>,
    /// A field that items of this type always have but this one lacks.
    pub(crate) lacks: Option<&'static str>,
    /// The item's `type`, if it is not a known one.
    pub(crate) unknown_type: Option<String>,
}

impl Sighting {
    /// Returns whether it is of a tool's output.
    pub(crate) fn is_output(&self) -> bool {
        matches!(self.kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput)
    }
}

/// What decides whether two sightings are one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Role, channel, kind, call id, agents and body.
    pub(crate) content: Fingerprint,
    /// For reasoning, the encrypted content. Two sightings with equal encrypted content match, whatever else they show.
    pub(crate) encrypted: Option<Fingerprint>,
}

impl Identity {
    /// Returns whether two sightings with these identities are one item, provided that their ids do not differ.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.content == other.content || (self.encrypted.is_some() && self.encrypted == other.encrypted)
    }
}
