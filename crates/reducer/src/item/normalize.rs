//! Turns a model item's JSON into a [`Sighting`].
//!
//! Source: reduction, section 4.

use rollout_trace_model::{AgentMessage, Body, BodyPart, Channel, InferredProducer, ItemKind, Role};
use rollout_trace_schema::{ModelVisibleCallId, RawPayloadId, ResponsesItemId};
use sha2::{Digest, Sha256};

use super::{
    Shown, Sighting,
    arguments::Errand,
    body::{self, Comparing, PartContent},
    shown::is_placeholder,
};
use crate::{
    fingerprint::{Fingerprint, Fingerprinter},
    json::Json,
    rules::Rules,
};

/// The field that an agent core attaches to an item for its own use. Not every payload that shows the item has it.
const ATTACHED: &str = "internal_chat_message_metadata_passthrough";

/// The number of bytes to which the summary of a JSON part is cut.
const SUMMARY_BYTES: usize = 240;

/// Normalizes an item that a document shows. Returns `None` if the item is missing or not part of a conversation.
pub(crate) fn normalize(item: &Json<'_>, shown: &Shown<'_>) -> Option<Sighting> {
    if shown.missing_part(item).is_some() {
        return None;
    }
    // Some agent cores leave out the type of messages.
    let kind = item.text("type").or_else(|| item.text("role").map(|_| "message")).unwrap_or_default();
    // Most items have one part.
    let mut parts = Parts::new(shown);
    let mut agent_message = None;
    let mut unknown_type = None;
    let (role, channel, item_kind) = match kind {
        "message" => {
            parts.content(item.get("content"));
            let role = item.text("role").map_or(Role::from("unknown"), Role::from);
            (role, phase(item), ItemKind::Message)
        }
        "agent_message" => {
            parts.content_of_agent_message(item.get("content"));
            agent_message = Some(AgentMessage {
                author: item.text("author").unwrap_or_default().to_owned(),
                recipient: item.text("recipient").unwrap_or_default().to_owned(),
            });
            (Role::Assistant, Some(Channel::Analysis), ItemKind::Message)
        }
        "reasoning" => {
            parts.reasoning(item);
            (Role::Assistant, Some(Channel::Analysis), ItemKind::Reasoning)
        }
        "function_call" => {
            parts.arguments(item.get("arguments"));
            (Role::Assistant, Some(Channel::Commentary), ItemKind::FunctionCall)
        }
        "custom_tool_call" => {
            match item.get("input") {
                Some(Json::String(source)) if item.text("name") == Some("exec") => {
                    parts.push(BodyPart::Code { language: "javascript".to_owned(), source: source.to_string() });
                }
                Some(Json::String(input)) => parts.text(input),
                _ => parts.whole_item(item),
            }
            (Role::Assistant, Some(Channel::Commentary), ItemKind::CustomToolCall)
        }
        "function_call_output" => {
            parts.output(item.get("output"));
            (Role::Tool, Some(Channel::Commentary), ItemKind::FunctionCallOutput)
        }
        "custom_tool_call_output" => {
            parts.output(item.get("output"));
            (Role::Tool, Some(Channel::Commentary), ItemKind::CustomToolCallOutput)
        }
        "local_shell_call" | "web_search_call" | "image_generation_call" | "tool_search_call" => {
            parts.whole_item(item);
            (Role::Assistant, Some(Channel::Commentary), ItemKind::FunctionCall)
        }
        "tool_search_output" | "mcp_tool_call_output" => {
            parts.whole_item(item);
            (Role::Tool, Some(Channel::Commentary), ItemKind::FunctionCallOutput)
        }
        "compaction" | "compaction_summary" | "context_compaction" => {
            parts.encrypted(item);
            (Role::Assistant, Some(Channel::Summary), ItemKind::Message)
        }
        "additional_tools" => return None,
        "configuration_update" if shown.rules.configuration_updates_are_skipped() => return None,
        _ => {
            unknown_type = Some(if kind.is_empty() { "(none)".to_owned() } else { kind.to_owned() });
            parts.whole_item(item);
            (item.text("role").map_or(Role::from("unknown"), Role::from), None, ItemKind::UnknownItem)
        }
    };
    let has_call_id = !matches!(item_kind, ItemKind::Message | ItemKind::Reasoning);
    let call_id = item.text("call_id").filter(|_| has_call_id).map(ModelVisibleCallId::from);
    let (parts, contents) = parts.into_parts();
    let body = Body { parts };
    let content = body::content(&body, &contents);
    let head = (&role, channel.as_ref(), &item_kind);
    let of_agents = (call_id.as_deref(), agent_message.as_ref());
    let identity = body::identity(head, of_agents, (&body, content), Comparing::Items);
    let is_kept_whole = matches!(body.parts.as_slice(), [BodyPart::Json { .. }]) && !has_arguments(kind);
    let id_counts = shown.rules.items_have_ids() || is_kept_whole;
    Some(Sighting {
        provenance: provenance(item, &role),
        name: item.text("name").filter(|_| is_call(&item_kind)).map(str::to_owned),
        role,
        channel,
        kind: item_kind,
        call_id,
        agent_message,
        body,
        identity,
        lacks: lacks(item, kind),
        content,
        own_id: item.text("id").filter(|_| id_counts).map(ResponsesItemId::from),
        unknown_type,
        errand: shown.rules.agents_are_unobserved().then(|| errand(item)).flatten(),
        block: None,
    })
}

/// Returns what a call says about an agent that it may spawn.
fn errand(item: &Json<'_>) -> Option<Box<Errand>> {
    let arguments = item.get("arguments")?;
    match arguments.as_str() {
        Some(text) => Errand::of(&Json::parse_arguments(text)?),
        None => Errand::of(arguments),
    }
}

/// Returns the values of a list that are items of a conversation, and their sightings.
pub(crate) fn sightings<'a, 'j>(values: &'a [Json<'j>], shown: &Shown<'_>) -> (Vec<&'a Json<'j>>, Vec<Sighting>) {
    values.iter().filter_map(|value| Some((value, normalize(value, shown)?))).unzip()
}

fn is_call(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::FunctionCall | ItemKind::CustomToolCall)
}

/// Returns whether a JSON part of an item of this type holds only the item's arguments or output, not the whole item.
fn has_arguments(kind: &str) -> bool {
    matches!(kind, "function_call" | "function_call_output" | "custom_tool_call_output")
}

/// Returns the first field that items of this type must have and this one lacks.
fn lacks(item: &Json<'_>, kind: &str) -> Option<&'static str> {
    let fields: &[&str] = match kind {
        "message" => &["role"],
        "agent_message" => &["author", "recipient"],
        "function_call" => &["arguments"],
        "custom_tool_call" => &["input"],
        _ => &[],
    };
    fields.iter().copied().find(|field| item.get(field).is_none())
}

fn phase(item: &Json<'_>) -> Option<Channel> {
    match item.text("phase")? {
        "commentary" => Some(Channel::Commentary),
        "final_answer" => Some(Channel::Final),
        "summary" => Some(Channel::Summary),
        _ => None,
    }
}

/// Returns the producers that the item itself indicates, by the metadata that the agent core attached to it, else by
/// its role.
///
/// Source: reduction, section 13.5.
fn provenance(item: &Json<'_>, role: &Role) -> Vec<InferredProducer> {
    let metadata = item.get(ATTACHED);
    let parts = metadata.and_then(|metadata| metadata.get("content_item_metadata")?.as_array()).unwrap_or_default();
    let mut producers = Vec::new();
    for provenance in parts.iter().filter_map(|part| part.get("provenance")) {
        let producer = match provenance.text("type") {
            Some("user") => InferredProducer::UserInput,
            Some("harness") => InferredProducer::Harness { source: provenance.text("hook").map(str::to_owned) },
            Some("skills") => InferredProducer::Harness { source: Some("skills".to_owned()) },
            _ => continue,
        };
        if !producers.contains(&producer) {
            producers.push(producer);
        }
    }
    if producers.is_empty() && matches!(role, Role::System | Role::Developer) {
        producers.push(InferredProducer::Harness { source: None });
    }
    producers
}

/// Returns the text of a tool's output as its terminal would have shown it.
///
/// Source: reduction, section 10.3.
pub(crate) fn output_text(output: &Json<'_>) -> String {
    match output {
        Json::String(text) => text.to_string(),
        Json::Array(parts) => {
            let texts: Option<Vec<_>> = parts.iter().map(text_part).collect();
            texts.map_or_else(|| output.to_text(), |texts| texts.join("\n"))
        }
        other => other.to_text(),
    }
}

/// Returns the text of an output item, or `None` if it has none. Of an array of parts, only the text parts are used.
pub(crate) fn item_text(item: &Json<'_>) -> Option<String> {
    match item.get("output")? {
        Json::Null => None,
        Json::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(text_part).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        output => Some(output_text(output)),
    }
}

pub(super) fn text_part<'a>(part: &'a Json<'_>) -> Option<&'a str> {
    match part.text("type")? {
        "input_text" | "output_text" | "text" => part.text("text"),
        _ => None,
    }
}

/// The parts of a body under construction.
pub(crate) struct Parts<'a> {
    shown: &'a Shown<'a>,
    parts: Vec<BodyPart>,
    contents: Vec<PartContent>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(shown: &'a Shown<'a>) -> Self {
        Self { shown, parts: Vec::with_capacity(1), contents: Vec::with_capacity(1) }
    }

    pub(super) fn into_parts(self) -> (Vec<BodyPart>, Vec<PartContent>) {
        (self.parts, self.contents)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn payload(&self) -> &'a RawPayloadId {
        self.shown.payload
    }

    pub(super) fn rules(&self) -> Rules {
        self.shown.rules
    }
}

impl Parts<'_> {
    pub(super) fn push(&mut self, part: BodyPart) {
        self.parts.push(part);
        self.contents.push(PartContent::Held);
    }

    /// Adds a part that does not count in comparisons.
    pub(super) fn push_ignored(&mut self, part: BodyPart) {
        self.parts.push(part);
        self.contents.push(PartContent::Ignored);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.push(BodyPart::Text { text: text.to_owned() });
    }

    fn encoded(&mut self, value: &str) {
        self.push(BodyPart::Encoded { label: "encrypted_content".to_owned(), value: value.to_owned() });
    }

    fn encrypted(&mut self, item: &Json<'_>) {
        if let Some(value) = item.text("encrypted_content") {
            self.encoded(value);
        }
    }

    pub(super) fn json(&mut self, value: &Json<'_>, content: Fingerprint) {
        self.parts.push(BodyPart::Json { summary: summary(value), raw_payload_id: self.shown.payload.clone() });
        self.contents.push(PartContent::Represented(content));
    }

    pub(crate) fn value(&mut self, value: &Json<'_>) {
        self.json(value, Fingerprinter::default().json(value).finish());
    }

    /// Adds the item itself, without what the agent core attached to it. Its id does not contribute to its identity.
    ///
    /// Source: reduction, sections 4.7 and 5.3.
    fn whole_item(&mut self, item: &Json<'_>) {
        let item = item.without(ATTACHED);
        self.json(&item, Fingerprinter::default().json(&item.without("id")).finish());
    }

    pub(super) fn payload_ref(&mut self, label: &str, content: Option<&Json<'_>>) {
        self.payload_ref_to(self.shown.payload, label, content);
    }

    fn payload_ref_to(&mut self, payload: &RawPayloadId, label: &str, content: Option<&Json<'_>>) {
        let (label, raw_payload_id) = (label.to_owned(), payload.clone());
        self.parts.push(BodyPart::PayloadRef { label, raw_payload_id, content_sha256: None });
        self.contents.push(match content {
            Some(content) => PartContent::Represented(Fingerprinter::default().json(content).finish()),
            None => PartContent::Held,
        });
    }

    /// Adds a part that is not text.
    ///
    /// Source: reduction, section 4.10; bundle 3, section 4.2.
    fn other_part(&mut self, part: &Json<'_>) {
        let missing = part.get("image_url").and_then(|url| self.shown.missing_part(url));
        let payload = missing.unwrap_or(self.shown.payload);
        self.attachment_in(payload, part.text("type").unwrap_or("content"), part);
    }

    /// Adds content that only the payload holds.
    pub(super) fn attachment(&mut self, label: &str, value: &Json<'_>) {
        self.attachment_in(self.shown.payload, label, value);
    }

    fn attachment_in(&mut self, payload: &RawPayloadId, label: &str, part: &Json<'_>) {
        self.payload_ref_to(payload, label, Some(part));
        if self.shown.rules.content_is_hashed()
            && let Some(BodyPart::PayloadRef { content_sha256, .. }) = self.parts.last_mut()
        {
            *content_sha256 = Some(sha256(part));
        }
    }

    /// Adds the part that represents an empty array in schema 1. Later schemas leave the body empty.
    fn no_parts(&mut self) {
        if !self.shown.rules.content_is_hashed() {
            self.payload_ref("empty_content", None);
        }
    }

    fn content(&mut self, content: Option<&Json<'_>>) {
        match content {
            Some(Json::String(text)) => self.text(text),
            Some(Json::Array(parts)) => self.content_parts(parts),
            other => self.payload_ref("content", other),
        }
    }

    fn content_parts(&mut self, parts: &[Json<'_>]) {
        if parts.is_empty() {
            self.no_parts();
        }
        for part in parts {
            match text_part(part) {
                Some(text) => self.text(text),
                None if self.lacks_text(part) => {}
                None => self.other_part(part),
            }
        }
    }

    fn content_of_agent_message(&mut self, content: Option<&Json<'_>>) {
        let Some(Json::Array(parts)) = content else { return self.content(content) };
        if parts.is_empty() {
            self.no_parts();
        }
        for part in parts {
            match (text_part(part), part.text("encrypted_content")) {
                (Some(text), _) => self.text(text),
                (None, Some(value)) => self.encoded(value),
                (None, None) if self.lacks_text(part) => {}
                (None, None) => self.other_part(part),
            }
        }
    }

    /// Returns whether a text part has a placeholder instead of a text, and adds a reference to the missing text. If
    /// what looks like a placeholder is data, nothing is added, because the part has no text either way.
    ///
    /// Source: bundle 3, section 4.2.
    fn lacks_text(&mut self, part: &Json<'_>) -> bool {
        let is_text = matches!(part.text("type"), Some("input_text" | "output_text" | "text"));
        let Some(text) = part.get("text").filter(|text| is_text && is_placeholder(text)) else { return false };
        if !self.shown.rules.documents_may_be_partial() {
            return false;
        }
        self.missing_text("text", text);
        true
    }

    pub(super) fn missing_text(&mut self, label: &str, text: &Json<'_>) {
        if let Some(missing) = self.shown.missing_part(text) {
            self.payload_ref_to(missing, label, Some(text));
        }
    }

    fn reasoning(&mut self, item: &Json<'_>) {
        let texts = |field: &str| item.get(field).and_then(Json::as_array).unwrap_or_default();
        for text in texts("content").iter().filter_map(|part| part.get("text")) {
            match text {
                Json::String(text) => self.text(text),
                other => self.missing_text("content", other),
            }
        }
        for text in texts("summary").iter().filter_map(|part| part.get("text")) {
            match text {
                Json::String(text) => self.push(BodyPart::Summary { text: text.to_string() }),
                other => self.missing_text("summary", other),
            }
        }
        self.encrypted(item);
    }

    fn arguments(&mut self, arguments: Option<&Json<'_>>) {
        match arguments {
            Some(Json::String(text)) => match Json::parse_arguments(text) {
                Some(value) => self.value(&value),
                None => self.text(text),
            },
            Some(value) => self.value(value),
            None => self.payload_ref("payload", None),
        }
    }

    pub(super) fn output(&mut self, output: Option<&Json<'_>>) {
        match output {
            Some(Json::String(text)) => self.text(text),
            Some(Json::Array(parts)) => self.content_parts(parts),
            Some(value) => self.value(value),
            None => self.payload_ref("tool_output", None),
        }
    }
}

/// Returns the SHA-256 of the compact text with sorted keys, in hexadecimal digits.
fn sha256(value: &Json<'_>) -> String {
    let hash = Sha256::digest(value.to_sorted_text());
    hash.iter().fold(String::with_capacity(64), |digits, byte| digits + &format!("{byte:02x}"))
}

/// Returns the compact text, cut at a character boundary.
///
/// Source: reduction, section 4.11.
fn summary(value: &Json<'_>) -> String {
    let mut text = Bounded { text: Vec::with_capacity(SUMMARY_BYTES + 16), limit: SUMMARY_BYTES };
    let whole = value.write(&mut text).is_ok();
    let mut text = String::from_utf8_lossy(&text.text).into_owned();
    if !whole {
        let cut = (0..=SUMMARY_BYTES).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(cut.expect("0 is a character boundary"));
        text.push_str("...");
    }
    text
}

/// A writer that keeps what it is given and fails as soon as that is more than the limit.
struct Bounded {
    text: Vec<u8>,
    limit: usize,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.len() > self.limit { Err(std::io::Error::other("enough")) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
