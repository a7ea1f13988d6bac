//! One occurrence of a model item in a payload.

use rollout_trace_model::{AgentMessage, Body, BodyPart, Channel, InferredProducer, ItemKind, Role};
use rollout_trace_schema::{ModelVisibleCallId, ResponsesItemId};

use super::{BlockFacts, Errand};
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
    /// The content that the parts of the body hold or represent.
    pub(crate) content: Fingerprint,
    /// The item's own id, if it is part of the item's identity.
    pub(crate) own_id: Option<ResponsesItemId>,
    /// The producers that the item itself indicates.
    pub(crate) provenance: Vec<InferredProducer>,
    /// The name of the tool that the item calls.
    pub(crate) name: Option<String>,
    /// A field that items of this type must have and this one lacks.
    pub(crate) lacks: Option<&'static str>,
    /// The item's `type`, if it is not a known one.
    pub(crate) unknown_type: Option<String>,
    /// What a call says about an agent that it may spawn, if that is not observed otherwise.
    pub(crate) errand: Option<Box<Errand>>,
    /// What matters only if the item is a content block of a message.
    pub(crate) block: Option<Box<BlockFacts>>,
}

impl Sighting {
    /// Returns whether the item is a tool output.
    pub(crate) fn is_output(&self) -> bool {
        matches!(self.kind, ItemKind::FunctionCallOutput | ItemKind::CustomToolCallOutput)
    }

    /// Returns how long the texts of the item are together.
    pub(crate) fn text_bytes(&self) -> usize {
        let part_bytes = |part: &BodyPart| match part {
            BodyPart::Text { text } | BodyPart::Summary { text } => text.len(),
            BodyPart::Encoded { label, value } => label.len() + value.len(),
            BodyPart::Json { summary, .. } => summary.len(),
            BodyPart::Code { language, source } => language.len() + source.len(),
            BodyPart::PayloadRef { label, content_sha256, .. } => {
                label.len() + content_sha256.as_ref().map_or(0, String::len)
            }
        };
        let ids = self.call_id.as_ref().map_or(0, |id| id.len()) + self.own_id.as_ref().map_or(0, |id| id.len());
        let agents = self.agent_message.as_ref().map_or(0, |message| message.author.len() + message.recipient.len());
        let names =
            self.role.as_str().len() + self.kind.as_str().len() + self.unknown_type.as_ref().map_or(0, String::len);
        let tool = self.name.as_ref().map_or(0, String::len);
        let source_bytes = |producer: &InferredProducer| match producer {
            InferredProducer::Harness { source: Some(source) } => source.len(),
            _ => 0,
        };
        let sources = self.provenance.iter().map(source_bytes).sum::<usize>();
        self.body.parts.iter().map(part_bytes).sum::<usize>() + ids + agents + names + tool + sources
    }
}

/// What decides whether two sightings are one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Role, channel, kind, call id, agents and body.
    pub(crate) content: Fingerprint,
    /// For reasoning, the encrypted content.
    pub(crate) encrypted: Option<Fingerprint>,
    /// The encrypted content of reasoning that a sighting matches, whatever else both show.
    pub(crate) sought: Option<Fingerprint>,
}

impl Identity {
    /// Returns whether a sighting with the other identity is one of an item with this one, provided that their ids do
    /// not differ.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.content == other.content || (self.encrypted.is_some() && self.encrypted == other.sought)
    }
}
