//! The texts of things, as far as they are looked at.

use std::borrow::Cow;

use rollout_trace::model::{BodyPart, ConversationItem, ItemId, TerminalOperation, TerminalRequest};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    columns::PayloadName,
    things::{Kind, Thing},
    view::View,
};

/// The texts of things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Texts {
    /// One for each thing that was asked for, in the same order.
    pub texts: Vec<Text>,
}

/// The text of a thing: an item, a terminal operation, a code cell, or a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Text {
    /// The thing.
    pub of: Thing,
    /// Its parts, in order.
    pub parts: Vec<TextPart>,
}

/// A part of a thing's text, or a range of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TextPart {
    /// What the part is.
    pub kind: TextKind,
    /// The language of source code, the field of a sealed text, or the kind of other content.
    pub label: Option<String>,
    /// The bytes of the whole part in UTF-8. Of a sealed part, those that only the provider can read.
    pub bytes: u64,
    /// Where the text begins in the part, in bytes.
    pub from: u64,
    /// The text, or as much of it as was asked for. It ends between two characters.
    pub text: String,
    /// The payload that holds the part, if the text is not all there is: of images and other content.
    pub payload: Option<PayloadName>,
    /// The place of the image in its payload, which `image` takes, if it is an image that can be shown.
    pub image: Option<u32>,
}

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// Text.
    Text,
    /// A summary of reasoning.
    Summary,
    /// Text that only the provider can read. It is not sent.
    Sealed,
    /// JSON: the arguments of a call, or an output.
    Json,
    /// Source code.
    Code,
    /// Content that only the payload has.
    Other,
    /// The command of a terminal operation.
    Command,
    /// Text that was written to a terminal.
    Stdin,
    /// Standard output, or all output of a terminal.
    Stdout,
    /// Standard error.
    Stderr,
    /// The output as it was formatted for the model.
    Formatted,
}

/// How much of a thing's text is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// One part, or all.
    pub(crate) part: Option<usize>,
    /// Where to begin in each part, in bytes.
    pub(crate) from: usize,
    /// The most bytes of each part.
    pub(crate) limit: usize,
}

impl Text {
    /// Returns the text of a thing, or `None` if there is no such thing, or it has no text of its own.
    pub(crate) fn of(view: &View<'_, '_>, thing: Thing, wanted: Wanted) -> Option<Self> {
        let place = thing.1 as usize;
        let parts = match thing.0 {
            Kind::Item => view.graph().conversation_items.get(&ItemId(thing.1)).map(|item| of_item(view, item)),
            Kind::Operation => view.things.operation(thing.1).map(of_operation),
            Kind::Cell => {
                view.things.cell(thing.1).map(|cell| vec![Whole::new(TextKind::Code, cell.source_js.as_str())])
            }
            Kind::Definition => {
                let definition = view.rollout.facts().definitions().get(place);
                definition.map(|definition| vec![Whole::new(TextKind::Text, definition.text.as_str())])
            }
            _ => None,
        }?;
        let parts = parts.into_iter().enumerate().filter(|(part, _)| wanted.part.is_none_or(|wanted| wanted == *part));
        Some(Self { of: thing, parts: parts.map(|(_, part)| part.cut(wanted)).collect() })
    }
}

/// A whole part.
struct Whole<'a> {
    kind: TextKind,
    label: Option<String>,
    text: Cow<'a, str>,
    /// The bytes of text that is not sent.
    sealed: Option<usize>,
    payload: Option<PayloadName>,
    image: Option<u32>,
}

impl<'a> Whole<'a> {
    fn new(kind: TextKind, text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, label: None, text: text.into(), sealed: None, payload: None, image: None }
    }

    fn cut(self, wanted: Wanted) -> TextPart {
        let from = boundary(&self.text, wanted.from);
        let to = boundary(&self.text, from.saturating_add(wanted.limit));
        TextPart {
            kind: self.kind,
            label: self.label,
            bytes: self.sealed.unwrap_or(self.text.len()) as u64,
            from: from as u64,
            text: self.text[from..to].to_owned(),
            payload: self.payload,
            image: self.image,
        }
    }
}

/// Returns the last start of a character at or before a place.
fn boundary(text: &str, place: usize) -> usize {
    let mut place = place.min(text.len());
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

/// Returns the parts of an item, each by itself: the joined text, whose size counts, would run them together.
fn of_item<'a>(view: &View<'_, 'a>, item: &'a ConversationItem) -> Vec<Whole<'a>> {
    // The graph has JSON only in part. The facts have the whole.
    if item.body.parts.iter().any(|part| matches!(part, BodyPart::Json { .. })) {
        return vec![Whole::new(TextKind::Json, arguments(view, item).into_owned())];
    }
    let of = |(place, part): (usize, &'a BodyPart)| match part {
        BodyPart::Text { text } => Whole::new(TextKind::Text, text.as_str()),
        BodyPart::Summary { text } => Whole::new(TextKind::Summary, text.as_str()),
        BodyPart::Encoded { label, value } => {
            Whole { label: Some(label.clone()), sealed: Some(value.len()), ..Whole::new(TextKind::Sealed, "") }
        }
        BodyPart::Json { summary, .. } => Whole::new(TextKind::Json, summary.as_str()),
        BodyPart::Code { language, source } => {
            Whole { label: Some(language.clone()), ..Whole::new(TextKind::Code, source.as_str()) }
        }
        BodyPart::PayloadRef { label, raw_payload_id, .. } => Whole {
            label: Some(label.clone()),
            payload: Some(PayloadName::of(raw_payload_id)),
            image: view.images.place(item.item_id, place),
            ..Whole::new(TextKind::Other, "")
        },
    };
    item.body.parts.iter().enumerate().map(of).collect()
}

/// Returns the readable text of an item without the name of the tool that it calls.
pub(crate) fn arguments<'a>(view: &View<'a, '_>, item: &'a ConversationItem) -> Cow<'a, str> {
    let name = item.name.as_deref().unwrap_or_default();
    match view.rollout.facts().text(item) {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(name).unwrap_or(text)),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix(name).unwrap_or(&text).to_owned()),
    }
}

fn of_operation(operation: &TerminalOperation) -> Vec<Whole<'_>> {
    let mut parts = vec![match &operation.request {
        TerminalRequest::ExecCommand { display_command, cwd, .. } => {
            Whole { label: Some(cwd.clone()), ..Whole::new(TextKind::Command, display_command.as_str()) }
        }
        TerminalRequest::WriteStdin { stdin, .. } => Whole::new(TextKind::Stdin, stdin.as_str()),
    }];
    if let Some(result) = &operation.result {
        parts.push(Whole::new(TextKind::Stdout, result.stdout.as_str()));
        if !result.stderr.is_empty() {
            parts.push(Whole::new(TextKind::Stderr, result.stderr.as_str()));
        }
        let formatted = result.formatted_output.iter();
        parts.extend(formatted.map(|text| Whole::new(TextKind::Formatted, text.as_str())));
    }
    parts
}
