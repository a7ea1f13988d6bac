//! The APIs over which agents reach their models.
//!
//! Each API has a module that says which items its messages and responses show, and where the rest of a response is. All
//! else is the same for each: comparing a request with the one before it, the identity of items, tool calls.
//!
//! Source: wires.

mod chat_completions;
mod generate_content;
mod messages;
mod responses;

use rollout_trace_model::{ItemKind, Role, TokenUsage};
use rollout_trace_schema::{PayloadRef, WireApi};

use crate::{
    context::Context,
    documents::Document,
    item::{Block, Shown, Sighting},
    json::Json,
};

/// An API whose payloads are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Responses,
    Messages,
    ChatCompletions,
    GenerateContent,
    /// An API that this version does not know.
    Unknown,
}

/// A sighting, and the value of the payload that shows it.
pub(crate) type Sighted<'v, 'j> = (Sighting, &'v Json<'j>);

/// Where the list of messages is in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestShape {
    /// The name of the list.
    pub(crate) list: &'static str,
    /// The name of the object that may hold the list.
    pub(crate) wrapper: Option<&'static str>,
}

impl Wire {
    /// Returns how the payloads of a call are read.
    pub(crate) fn of(api: Option<&WireApi>) -> Self {
        match api {
            None | Some(WireApi::Responses) => Self::Responses,
            Some(WireApi::Messages) => Self::Messages,
            Some(WireApi::ChatCompletions) => Self::ChatCompletions,
            Some(WireApi::GenerateContent) => Self::GenerateContent,
            Some(_) => Self::Unknown,
        }
    }

    /// Returns where the list of messages is in a request.
    pub(crate) fn request_shape(self) -> RequestShape {
        match self {
            Self::Responses | Self::Unknown => RequestShape { list: "input", wrapper: None },
            Self::Messages | Self::ChatCompletions => RequestShape { list: "messages", wrapper: None },
            Self::GenerateContent => RequestShape { list: "contents", wrapper: Some("request") },
        }
    }

    /// Returns where the items of a response are, in words.
    pub(crate) fn answer_list(self) -> &'static str {
        match self {
            Self::Responses | Self::Unknown => "array output_items",
            Self::Messages => "array content",
            Self::ChatCompletions => "array choices",
            Self::GenerateContent => "candidates, because it is not an object",
        }
    }

    /// Adds the items that an element of a request's list shows.
    pub(crate) fn message<'v, 'j>(self, element: &'v Json<'j>, shown: &Shown<'_>, items: &mut Vec<Sighted<'v, 'j>>) {
        match self {
            Self::Responses | Self::Unknown => responses::message(element, shown, items),
            Self::Messages => messages::message(element, shown, items),
            Self::ChatCompletions => chat_completions::message(element, shown, items),
            Self::GenerateContent => generate_content::message(element, shown, items),
        }
    }

    /// Returns the items that a response shows, or `None` if it has no place for any.
    pub(crate) fn answer<'v, 'j>(self, document: &'v Json<'j>, shown: &Shown<'_>) -> Option<Vec<Sighted<'v, 'j>>> {
        match self {
            Self::Responses => responses::answer(document, shown),
            Self::Messages => messages::answer(document, shown),
            Self::ChatCompletions => chat_completions::answer(document, shown),
            Self::GenerateContent => generate_content::answer(document, shown),
            Self::Unknown => Some(vec![whole(document, Role::Assistant, shown)]),
        }
    }

    /// Returns what a response says besides its items.
    pub(crate) fn outcome(self, cx: &mut Context<'_>, reference: &PayloadRef, document: &Document<'_>) -> Outcome {
        match self {
            Self::Responses => Outcome { usage: responses::usage(cx, reference, document), finish_reason: None },
            Self::Messages => messages::outcome(document),
            Self::ChatCompletions => chat_completions::outcome(document),
            Self::GenerateContent => generate_content::outcome(document),
            Self::Unknown => Outcome::default(),
        }
    }
}

/// What a response says besides its items.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) usage: Option<TokenUsage>,
    /// Why the model stopped.
    pub(crate) finish_reason: Option<String>,
}

/// Returns the item that represents a document of an unknown API.
///
/// Source: wires, section 1.1.
pub(crate) fn whole<'v, 'j>(document: &'v Json<'j>, role: Role, shown: &Shown<'_>) -> Sighted<'v, 'j> {
    let mut block = Block::new(shown, role, None, ItemKind::UnknownItem);
    block.parts.value(document);
    block.sighted(document)
}

/// Returns a count of tokens, which is 0 if the field is absent or negative.
fn count(usage: &Json<'_>, path: &[&str]) -> i64 {
    let value = path.iter().try_fold(usage, |value, name| value.get(name));
    value.and_then(Json::as_i64).unwrap_or_default().max(0)
}

/// Returns whether a value says nothing: null, or an empty text or list.
fn is_blank(value: &Json<'_>) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(elements) => elements.is_empty(),
        _ => false,
    }
}
