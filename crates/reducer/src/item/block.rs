//! Items that are content blocks of messages.
//!
//! Source: wires, section 2.

use rollout_trace_model::{Body, BodyPart, Channel, InferredProducer, ItemKind, Role};
use rollout_trace_schema::{ModelVisibleCallId, ResponsesItemId};

use super::{
    Shown, Sighting,
    arguments::{Arguments, Errand},
    body::{self, Comparing},
    normalize::{Parts, text_part},
};
use crate::{fingerprint::Fingerprinter, json::Json, wire::Sighted};

/// The mark of a block for the provider's cache, which agent cores move from request to request.
const CACHE_MARK: &str = "cache_control";

/// An item under construction, as a content block shows it.
pub(crate) struct Block<'a> {
    role: Role,
    channel: Option<Channel>,
    kind: ItemKind,
    pub(crate) parts: Parts<'a>,
    call_id: Option<ModelVisibleCallId>,
    /// The tool that a call is for, or that an output says it is from.
    tool: Option<String>,
    arguments: Option<Arguments>,
    errand: Option<Box<Errand>>,
    unknown_type: Option<String>,
    /// Whether a tool's output says that the tool failed.
    pub(crate) is_failed: bool,
}

impl<'a> Block<'a> {
    pub(crate) fn new(shown: &'a Shown<'a>, role: Role, channel: Option<Channel>, kind: ItemKind) -> Self {
        Self {
            role,
            channel,
            kind,
            parts: Parts::new(shown),
            call_id: None,
            tool: None,
            arguments: None,
            errand: None,
            unknown_type: None,
            is_failed: false,
        }
    }

    pub(crate) fn message(shown: &'a Shown<'a>, role: Role) -> Self {
        Self::new(shown, role, None, ItemKind::Message)
    }

    pub(crate) fn reasoning(shown: &'a Shown<'a>) -> Self {
        Self::new(shown, Role::Assistant, Some(Channel::Analysis), ItemKind::Reasoning)
    }

    pub(crate) fn call(shown: &'a Shown<'a>, tool: Option<&str>, id: Option<&str>) -> Self {
        let item = Self::new(shown, Role::Assistant, Some(Channel::Commentary), ItemKind::FunctionCall);
        Self { tool: tool.map(str::to_owned), call_id: call_id(id), ..item }
    }

    pub(crate) fn output(shown: &'a Shown<'a>, id: Option<&str>) -> Self {
        let item = Self::new(shown, Role::Tool, Some(Channel::Commentary), ItemKind::FunctionCallOutput);
        Self { call_id: call_id(id), ..item }
    }

    /// Makes the item of a block whose type is not known, or known not to be read.
    pub(crate) fn unknown(shown: &'a Shown<'a>, role: Role, value: &Json<'_>, kind: &str, is_expected: bool) -> Self {
        let mut item = Self::new(shown, role, None, ItemKind::UnknownItem);
        item.whole(value);
        item.unknown_type = (!is_expected).then(|| if kind.is_empty() { "(none)".to_owned() } else { kind.to_owned() });
        item
    }

    /// Makes a call one with free text.
    pub(crate) fn custom(mut self) -> Self {
        self.kind = ItemKind::CustomToolCall;
        self
    }

    /// Says from which tool an output is.
    pub(crate) fn of_tool(mut self, tool: Option<&str>) -> Self {
        self.tool = tool.map(str::to_owned);
        self
    }

    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.parts.text(text);
        self
    }

    /// Makes the item one that shows nothing.
    pub(crate) fn empty(mut self) -> Self {
        self.parts.payload_ref("empty_content", None);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds a text that may be a placeholder for a missing part of the document.
    pub(crate) fn text_or_missing(&mut self, text: Option<&Json<'_>>) {
        match text {
            Some(Json::String(text)) => self.parts.text(text),
            Some(other) => self.parts.missing_text("text", other),
            None => {}
        }
    }

    /// Adds what a thought says, unless it says nothing.
    pub(crate) fn thought(&mut self, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.parts.text(text);
        }
    }

    /// Adds a summary of thoughts, unless it says nothing.
    pub(crate) fn thought_summary(&mut self, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.parts.push(BodyPart::Summary { text: text.to_owned() });
        }
    }

    /// Adds a field that only the provider can read, unless it is empty.
    pub(crate) fn sealed(&mut self, value: &Json<'_>, field: &str) {
        if let Some(sealed) = value.text(field).filter(|sealed| !sealed.is_empty()) {
            self.parts.push(BodyPart::Encoded { label: field.to_owned(), value: sealed.to_owned() });
        }
    }

    /// Adds a field that only the provider can read and that does not count in comparisons.
    pub(crate) fn signature(&mut self, value: &Json<'_>, field: &str) {
        if let Some(sealed) = value.text(field).filter(|sealed| !sealed.is_empty()) {
            self.parts.push_ignored(BodyPart::Encoded { label: field.to_owned(), value: sealed.to_owned() });
        }
    }

    /// Adds a flag of the block that does not count in comparisons.
    pub(crate) fn flag(&mut self, name: &str) {
        let (summary, raw_payload_id) = (format!("{{\"{name}\":true}}"), self.parts.payload().clone());
        self.parts.push_ignored(BodyPart::Json { summary, raw_payload_id });
    }

    /// Adds the arguments of a call.
    pub(crate) fn arguments(&mut self, arguments: Option<&Json<'_>>) {
        let parsed = arguments.and_then(Json::as_str).and_then(Json::parse_arguments);
        match parsed.as_ref().or(arguments) {
            Some(Json::String(text)) => self.parts.text(text),
            Some(value) => {
                self.parts.value(value);
                self.arguments = Arguments::of(value);
                if self.parts.rules().agents_are_unobserved() {
                    self.errand = Errand::of(value);
                }
            }
            None => self.parts.payload_ref("payload", None),
        }
    }

    /// Adds what a tool gave back: a text or content blocks.
    pub(crate) fn tool_content(&mut self, content: Option<&Json<'_>>) {
        match content {
            Some(Json::Array(blocks)) if blocks.is_empty() => self.parts.payload_ref("empty_content", None),
            Some(Json::Array(blocks)) => blocks.iter().for_each(|block| match text_part(block) {
                Some(text) => self.parts.text(text),
                None if text_is_missing(block) => self.text_or_missing(block.get("text")),
                None => self.attachment(block.text("type").unwrap_or("content"), block),
            }),
            other => self.parts.output(other),
        }
    }

    /// Adds content that only the payload holds.
    pub(crate) fn attachment(&mut self, label: &str, value: &Json<'_>) {
        self.parts.attachment(label, &value.without(CACHE_MARK));
    }

    /// Adds the whole block.
    pub(crate) fn whole(&mut self, value: &Json<'_>) {
        let value = value.without(CACHE_MARK);
        self.parts.value(&value);
    }

    /// Adds the whole block, of which only `content` counts in comparisons.
    pub(crate) fn whole_by(&mut self, value: &Json<'_>, content: &Json<'_>) {
        self.parts.json(value, Fingerprinter::default().json(content).finish());
    }

    /// Returns the sighting of the item, beside the value that shows it.
    pub(crate) fn sighted<'v, 'j>(self, value: &'v Json<'j>) -> Sighted<'v, 'j> {
        (self.finish(), value)
    }

    fn finish(self) -> Sighting {
        let (parts, contents) = self.parts.into_parts();
        let body = Body { parts };
        let mut content = body::content(&body, &contents);
        if let Some(tool) = &self.tool {
            content = Fingerprinter::default().fingerprint(content).text(tool).finish();
        }
        let head = (&self.role, self.channel.as_ref(), &self.kind);
        // The id of a call counts like the own id of an item: it may be missing.
        let identity = body::identity(head, (None, None), (&body, content), Comparing::Blocks);
        let is_output = self.kind == ItemKind::FunctionCallOutput;
        let (name, from_tool) = if is_output { (None, self.tool) } else { (self.tool, None) };
        let is_rule = matches!(self.role, Role::System | Role::Developer);
        Sighting {
            provenance: if is_rule { vec![InferredProducer::Harness { source: None }] } else { Vec::new() },
            name,
            role: self.role,
            channel: self.channel,
            kind: self.kind,
            own_id: self.call_id.as_ref().map(|id| ResponsesItemId::from(id.as_str())),
            call_id: self.call_id,
            agent_message: None,
            body,
            identity,
            content,
            lacks: None,
            unknown_type: self.unknown_type,
            errand: self.errand,
            block: Some(Box::new(BlockFacts { from_tool, arguments: self.arguments, is_failed: self.is_failed })),
        }
    }
}

/// What matters of an item only if it is a content block.
#[derive(Clone, Debug)]
pub(crate) struct BlockFacts {
    /// The tool that an output says it is from.
    pub(crate) from_tool: Option<String>,
    /// The arguments of a call.
    pub(crate) arguments: Option<Arguments>,
    /// Whether a tool's output says that the tool failed.
    pub(crate) is_failed: bool,
}

fn call_id(id: Option<&str>) -> Option<ModelVisibleCallId> {
    id.filter(|id| !id.is_empty()).map(ModelVisibleCallId::from)
}

fn text_is_missing(block: &Json<'_>) -> bool {
    block.text("type") == Some("text") && block.get("text").is_some_and(Json::is_object)
}
