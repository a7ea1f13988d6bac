//! The identity of bodies, and merging the bodies of several sightings.

use rollout_trace_model::{AgentMessage, Body, BodyPart, Channel, ConversationItem, ItemKind, Role};

use super::Identity;
use crate::fingerprint::{Fingerprint, Fingerprinter, fingerprint_text};

/// Returns the identity of an item whose body has this content.
///
/// Source: reduction, section 5.1.
pub(super) fn identity(
    (role, channel, kind): (&Role, Option<&Channel>, &ItemKind),
    (call_id, agent_message): (Option<&str>, Option<&AgentMessage>),
    (body, content): (&Body, Fingerprint),
    comparing: Comparing,
) -> Identity {
    let mut hasher = Fingerprinter::default();
    hasher.text(role.as_str()).optional(channel.map(Channel::as_str)).text(kind.as_str()).optional(call_id);
    hasher.optional(agent_message.map(|message| message.author.as_str()));
    hasher.optional(agent_message.map(|message| message.recipient.as_str()));
    hasher.fingerprint(content);
    let (encrypted, sought) = match (encrypted(kind, body), comparing) {
        (None, _) => (None, None),
        (Some(encrypted), Comparing::Items) => (Some(encrypted), Some(encrypted)),
        (Some(encrypted), Comparing::Blocks) => {
            let has_text = |part: &BodyPart| matches!(part, BodyPart::Text { .. } | BodyPart::Summary { .. });
            let tagged = |has_text: bool| Fingerprinter::default().tag(has_text.into()).fingerprint(encrypted).finish();
            let has_text = body.parts.iter().any(has_text);
            (Some(tagged(has_text)), Some(tagged(!has_text)))
        }
    };
    Identity { content: hasher.finish(), encrypted, sought }
}

/// Which rules of identity apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparing {
    /// Those of items of the Responses API. Reasoning with equal encrypted content is one item.
    ///
    /// Source: reduction, section 5.1.
    Items,
    /// Those of content blocks. Reasoning with an equal signature is one item if one of the two has no text, because
    /// some gateways sign everything alike.
    ///
    /// Source: wires, section 4.3.
    Blocks,
}

/// How the content of a part is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PartContent {
    /// By what the part holds.
    Held,
    /// By the content that the part represents without holding it, which has this fingerprint.
    Represented(Fingerprint),
    /// Not at all.
    Ignored,
}

/// Returns the fingerprint of a body's content. `contents` says how each part is compared.
pub(super) fn content(body: &Body, contents: &[PartContent]) -> Fingerprint {
    let mut hasher = Fingerprinter::default();
    for (part, content) in body.parts.iter().zip(contents) {
        if let PartContent::Ignored = content {
            continue;
        }
        match part {
            BodyPart::Text { text } => hasher.tag(b't').text(text),
            BodyPart::Summary { text } => hasher.tag(b's').text(text),
            BodyPart::Encoded { label, value } => hasher.tag(b'e').text(label).text(value),
            BodyPart::Code { language, source } => hasher.tag(b'c').text(language).text(source),
            // Both are compared by the whole value that they represent, and not by the payload that showed it.
            BodyPart::Json { .. } => hasher.tag(b'j'),
            BodyPart::PayloadRef { label, .. } => hasher.tag(b'p').text(label),
        };
        if let PartContent::Represented(content) = content {
            hasher.fingerprint(*content);
        }
    }
    hasher.finish()
}

fn encrypted(kind: &ItemKind, body: &Body) -> Option<Fingerprint> {
    if *kind != ItemKind::Reasoning {
        return None;
    }
    body.parts.iter().find_map(|part| match part {
        BodyPart::Encoded { value, .. } => Some(fingerprint_text(value)),
        _ => None,
    })
}

/// Returns the identity of an item whose parts are all shown whole: a message between agents, or reasoning.
pub(crate) fn identity_of_item(item: &ConversationItem, comparing: Comparing) -> Identity {
    identity_with(item, content(&item.body, &vec![PartContent::Held; item.body.parts.len()]), comparing)
}

/// Returns the identity of an item whose body has this content.
pub(crate) fn identity_with(item: &ConversationItem, content: Fingerprint, comparing: Comparing) -> Identity {
    let head = (&item.role, item.channel.as_ref(), &item.kind);
    identity(head, (item.call_id.as_deref(), item.agent_message.as_ref()), (&item.body, content), comparing)
}

/// Returns the body of a reasoning item, completed from another sighting of the item, or `None` if that changes
/// nothing. Text and summary are each taken whole from the first sighting that has any, and placeholders of missing
/// parts are dropped.
///
/// Source: reduction, section 5.2; bundle 3, section 4.2.
pub(crate) fn merged_reasoning(body: &Body, sighted: &Body) -> Option<Body> {
    let is_text = |part: &&BodyPart| matches!(part, BodyPart::Text { .. });
    let is_summary = |part: &&BodyPart| matches!(part, BodyPart::Summary { .. });
    let is_encoded = |part: &&BodyPart| matches!(part, BodyPart::Encoded { .. });
    let pick = |which: &dyn Fn(&&BodyPart) -> bool| -> Vec<&BodyPart> {
        let own: Vec<_> = body.parts.iter().filter(which).collect();
        if own.is_empty() { sighted.parts.iter().filter(which).collect() } else { own }
    };
    let merged = [pick(&is_text), pick(&is_summary), pick(&is_encoded)].concat();
    let merged = Body { parts: merged.into_iter().cloned().collect() };
    (merged != *body).then_some(merged)
}
