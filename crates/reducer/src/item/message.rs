//! Messages from one agent to another.
//!
//! Source: reduction, section 12.2.

use rollout_trace_model::{BodyPart, ConversationItem, ItemKind, Role};

use crate::json::Json;

/// A message from one agent to another, as an item carries it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MessageBetweenAgents {
    pub(crate) author: String,
    pub(crate) recipient: String,
    pub(crate) content: String,
}

/// Returns the message from one agent to another that an item carries, or `None` if it carries none.
pub(crate) fn message_between_agents(item: &ConversationItem) -> Option<MessageBetweenAgents> {
    if let Some(ends) = &item.agent_message {
        let encoded = item.body.parts.iter().find_map(|part| match part {
            BodyPart::Encoded { label, value } if label == "encrypted_content" => Some(value.clone()),
            _ => None,
        });
        let content = encoded.or_else(|| single_text(item).map(str::to_owned))?;
        return Some(MessageBetweenAgents { author: ends.author.clone(), recipient: ends.recipient.clone(), content });
    }
    if item.role != Role::Assistant || item.kind != ItemKind::Message {
        return None;
    }
    let text = single_text(item)?;
    let document = text.trim_start().starts_with('{').then(|| Json::parse_arguments(text))??;
    let content = document.text("encrypted_content").or_else(|| document.text("content"))?;
    Some(MessageBetweenAgents {
        author: document.text("author")?.to_owned(),
        recipient: document.text("recipient")?.to_owned(),
        content: content.to_owned(),
    })
}

fn single_text(item: &ConversationItem) -> Option<&str> {
    match item.body.parts.as_slice() {
        [BodyPart::Text { text }] => Some(text),
        _ => None,
    }
}
