//! What a request says about the conversation that it continues, on every API.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use rollout_trace_wires::Value;

use crate::CallApi;

/// A request of a model as far as it tells conversations apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestView {
    pub(crate) model: Option<String>,
    pub(crate) has_tools: bool,
    /// The session that the body names.
    pub(crate) session: Option<String>,
    /// The items of the conversation in their order, without those that clients drop or add at will.
    pub(crate) items: Vec<ItemView>,
    /// The same with the reminders of the client, which may wake the model.
    pub(crate) items_with_reminders: Vec<ItemView>,
    /// The texts of the user's first message.
    pub(crate) first_user_texts: Vec<String>,
    /// How many items there are up to the end of the user's first message.
    pub(crate) first_user_end: usize,
}

/// One item of a conversation: who it is of, and what identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ItemView {
    pub(crate) kind: ItemKind,
    /// A hash of what identifies it: of a call its name, of an output its text.
    key: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ItemKind {
    /// A message of the user.
    User,
    /// A message of the model.
    Assistant,
    /// A message of anyone else, and what is none of the others.
    Other,
    /// A call of a tool.
    Call,
    /// The output of a tool.
    Output,
}

/// What an answer adds to the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerView {
    pub(crate) items: Vec<ItemView>,
    /// Its texts.
    pub(crate) text: String,
}

impl ItemView {
    fn new(kind: ItemKind, identity: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (kind, identity).hash(&mut hasher);
        Self { kind, key: hasher.finish() }
    }

    /// Returns what decides whether two items are the same.
    pub(crate) fn identity(self) -> u64 {
        self.key
    }

    pub(crate) fn is_of_model(self) -> bool {
        matches!(self.kind, ItemKind::Assistant | ItemKind::Call)
    }
}

/// Collects items.
#[derive(Default)]
struct Collector {
    items: Vec<ItemView>,
    with_reminders: Vec<ItemView>,
    texts: Vec<String>,
}

impl Collector {
    /// Adds a text. Those that consist of a reminder of the client come and go.
    fn text(&mut self, kind: ItemKind, text: &str) {
        let trimmed = text.trim();
        let is_reminder = trimmed.starts_with("<system-reminder>") && trimmed.ends_with("</system-reminder>");
        if trimmed.is_empty() {
            return;
        }
        let item = ItemView::new(kind, trimmed);
        self.with_reminders.push(item);
        if !is_reminder {
            self.items.push(item);
            self.texts.push(text.to_owned());
        }
    }

    fn add(&mut self, kind: ItemKind, identity: &str) {
        let item = ItemView::new(kind, identity);
        self.with_reminders.push(item);
        self.items.push(item);
    }
}

impl RequestView {
    /// Reads a request's body.
    pub(crate) fn read(api: CallApi, target: &str, body: &Value) -> Self {
        // Code Assist wraps the request.
        let inner = body.get("request").filter(|inner| inner.get("contents").is_some()).unwrap_or(body);
        let model = body.get("model").and_then(Value::as_str).map(str::to_owned).or_else(|| model_in(target));
        let has_tools = list(inner.get("tools")).iter().next().is_some();
        let mut view = Self { model, has_tools, session: session_of(body, inner), ..Self::default() };
        let conversation = match api {
            CallApi::Messages | CallApi::ChatCompletions => inner.get("messages"),
            CallApi::Responses | CallApi::ResponsesCompact => inner.get("input"),
            CallApi::GenerateContent => inner.get("contents"),
        };
        if let Some(Value::String(text)) = conversation {
            view.add_message(true, |collector| collector.text(ItemKind::User, text));
        }
        for element in list(conversation) {
            // Codex gives its tools to some models so.
            view.has_tools |= str_of(element, "type") == "additional_tools" && !list(element.get("tools")).is_empty();
            let is_user = str_of(element, "role") == "user";
            view.add_message(is_user, |collector| collect(api, element, collector));
        }
        view
    }

    /// Puts the conversation of an earlier request and its answer before this one, which sent only what is new.
    pub(crate) fn continues(&mut self, before: &Self, answer: &AnswerView) {
        let with_before = |before: &[ItemView], own: &[ItemView]| [before, &answer.items, own].concat();
        if before.first_user_end > 0 {
            self.first_user_end = before.first_user_end;
            self.first_user_texts.clone_from(&before.first_user_texts);
        } else if self.first_user_end > 0 {
            self.first_user_end += before.items.len() + answer.items.len();
        }
        self.items = with_before(&before.items, &self.items);
        self.items_with_reminders = with_before(&before.items_with_reminders, &self.items_with_reminders);
        self.has_tools |= before.has_tools;
    }

    /// Adds the items of one message, which may be the user's first.
    fn add_message(&mut self, is_user: bool, collect: impl FnOnce(&mut Collector)) {
        let mut collector = Collector::default();
        collect(&mut collector);
        let has_text = collector.items.iter().any(|item| item.kind == ItemKind::User);
        self.items.append(&mut collector.items);
        self.items_with_reminders.append(&mut collector.with_reminders);
        if is_user && has_text && self.first_user_end == 0 {
            self.first_user_end = self.items.len();
            self.first_user_texts = collector.texts;
        }
    }
}

impl AnswerView {
    /// Reads a response object.
    pub(crate) fn read(api: CallApi, response: &Value) -> Self {
        let mut collector = Collector::default();
        match api {
            CallApi::Messages => collect_message(ItemKind::Assistant, response, &mut collector),
            CallApi::ChatCompletions => {
                if let Some(message) = list(response.get("choices")).first().and_then(|choice| choice.get("message")) {
                    collect(api, message, &mut collector);
                }
            }
            CallApi::Responses | CallApi::ResponsesCompact => {
                let output = response.get("output_items").or_else(|| response.get("output"));
                list(output).iter().for_each(|item| collect(api, item, &mut collector));
            }
            CallApi::GenerateContent => {
                if let Some(content) = list(response.get("candidates")).first().and_then(|first| first.get("content")) {
                    collect_parts(ItemKind::Assistant, content, &mut collector);
                }
            }
        }
        Self { items: collector.items, text: collector.texts.join("\n") }
    }
}

/// Collects the items of one element of a conversation.
fn collect(api: CallApi, element: &Value, collector: &mut Collector) {
    let kind = match str_of(element, "role") {
        "user" => ItemKind::User,
        "assistant" | "model" => ItemKind::Assistant,
        _ => ItemKind::Other,
    };
    match api {
        CallApi::Messages => collect_message(kind, element, collector),
        CallApi::ChatCompletions => collect_chat(kind, element, collector),
        CallApi::Responses | CallApi::ResponsesCompact => collect_response_item(kind, element, collector),
        CallApi::GenerateContent => collect_parts(kind, element, collector),
    }
}

fn collect_message(kind: ItemKind, message: &Value, collector: &mut Collector) {
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        collector.text(kind, text);
    }
    for block in list(message.get("content")) {
        match str_of(block, "type") {
            "text" => collector.text(kind, str_of(block, "text")),
            "thinking" | "redacted_thinking" => {}
            "tool_use" | "server_tool_use" | "mcp_tool_use" => collector.add(ItemKind::Call, str_of(block, "name")),
            "tool_result" => collector.add(ItemKind::Output, &text_of(block.get("content"))),
            other if other.ends_with("_tool_result") => collector.add(ItemKind::Output, &identity_of(block)),
            _ => collector.add(kind, &identity_of(block)),
        }
    }
}

fn collect_chat(kind: ItemKind, message: &Value, collector: &mut Collector) {
    if matches!(str_of(message, "role"), "tool" | "function") {
        return collector.add(ItemKind::Output, &text_of(message.get("content")));
    }
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        collector.text(kind, text);
    }
    for part in list(message.get("content")) {
        match str_of(part, "type") {
            "text" => collector.text(kind, str_of(part, "text")),
            "thinking" | "redacted_thinking" | "reasoning" => {}
            _ => collector.add(kind, &identity_of(part)),
        }
    }
    let calls = list(message.get("tool_calls")).iter();
    let named = calls.filter_map(|call| call.get("function").or_else(|| call.get("custom")));
    for call in named.chain(message.get("function_call").filter(|call| call.get("name").is_some())) {
        collector.add(ItemKind::Call, str_of(call, "name"));
    }
}

fn collect_response_item(kind: ItemKind, item: &Value, collector: &mut Collector) {
    match str_of(item, "type") {
        "message" | "" => {
            if let Some(text) = item.get("content").and_then(Value::as_str) {
                collector.text(kind, text);
            }
            for part in list(item.get("content")) {
                match part.get("text").and_then(Value::as_str) {
                    Some(text) => collector.text(kind, text),
                    None => collector.add(kind, &identity_of(part)),
                }
            }
        }
        "reasoning" => {}
        other if other.ends_with("_output") => collector.add(ItemKind::Output, &text_of(item.get("output"))),
        other if other.ends_with("_call") => {
            let name = item.get("name").and_then(Value::as_str).unwrap_or(other);
            collector.add(ItemKind::Call, name);
        }
        // Messages of other agents begin a turn as a user's do.
        "agent_message" => collector.add(ItemKind::User, &text_of(item.get("content"))),
        _ => collector.add(ItemKind::Other, &identity_of(item)),
    }
}

fn collect_parts(kind: ItemKind, content: &Value, collector: &mut Collector) {
    for part in list(content.get("parts")) {
        if part.get("thought") == Some(&Value::Bool(true)) {
            continue;
        }
        if let Some(call) = part.get("functionCall") {
            collector.add(ItemKind::Call, str_of(call, "name"));
        } else if let Some(response) = part.get("functionResponse") {
            collector.add(ItemKind::Output, &response.get("response").map(identity_of).unwrap_or_default());
        } else if let Some(text) = part.get("text").and_then(Value::as_str) {
            collector.text(kind, text);
        } else {
            collector.add(kind, &identity_of(part));
        }
    }
}

/// Returns the elements of an array, or none.
fn list(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(values)) => values,
        _ => &[],
    }
}

fn str_of<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the texts of an output: a string, or those of its blocks.
fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let text = |block: &Value| {
                block.get("text").and_then(Value::as_str).map_or_else(|| identity_of(block), str::to_owned)
            };
            blocks.iter().map(text).collect::<Vec<_>>().join("\n")
        }
        Some(Value::Null) | None => String::new(),
        Some(other) => identity_of(other),
    }
}

/// Returns the text of a value without what clients move from request to request.
fn identity_of(value: &Value) -> String {
    fn without(value: &Value) -> Value {
        match value {
            Value::Array(values) => Value::Array(values.iter().map(without).collect()),
            Value::Object(fields) => {
                let kept =
                    fields.iter().filter(|(name, _)| !matches!(name.as_str(), "cache_control" | "thoughtSignature"));
                let mut kept: Vec<_> = kept.map(|(name, value)| (name.clone(), without(value))).collect();
                kept.sort_by(|(one, _), (other, _)| one.cmp(other));
                Value::Object(kept)
            }
            other => other.clone(),
        }
    }
    serde_json::to_string(&without(value)).unwrap_or_default()
}

/// Returns the model in a path such as `/v1beta/models/MODEL:generateContent`.
fn model_in(target: &str) -> Option<String> {
    let path = target.split('?').next()?;
    let model = path.rsplit('/').next()?.split(':').next()?;
    (path.contains("/models/") && !model.is_empty()).then(|| model.to_owned())
}

/// Returns the session that a body names.
fn session_of(body: &Value, inner: &Value) -> Option<String> {
    let user = body.get("metadata").and_then(|metadata| metadata.get("user_id")).and_then(Value::as_str);
    let of_user = user.and_then(|user| match serde_json::from_str::<Value>(user) {
        Ok(user) => user.get("session_id").and_then(Value::as_str).map(str::to_owned),
        Err(_) => user.split_once("_session_").map(|(_, session)| session.to_owned()),
    });
    let named = [body.get("prompt_cache_key"), inner.get("session_id")].into_iter().flatten();
    let session = of_user.or_else(|| named.filter_map(Value::as_str).next().map(str::to_owned));
    session.filter(|session| !session.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(api: CallApi, body: &str) -> RequestView {
        RequestView::read(api, "/v1beta/models/m-1:generateContent?x", &serde_json::from_str(body).expect("JSON"))
    }

    fn kinds(view: &RequestView) -> Vec<ItemKind> {
        view.items.iter().map(|item| item.kind).collect()
    }

    #[test]
    fn the_four_apis_have_the_same_items() {
        use ItemKind::{Assistant, Call, Output, User};
        let views = [
            view(
                CallApi::Messages,
                r#"{"model":"m","tools":[{}],"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"a"},{"type":"tool_use","id":"1","name":"ls","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"out"}]},{"type":"text","text":"<system-reminder>r</system-reminder>"}]}]}"#,
            ),
            view(
                CallApi::ChatCompletions,
                r#"{"model":"m","tools":[{}],"messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":"a","reasoning":"t","tool_calls":[{"id":"1","function":{"name":"ls","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"out"}]}"#,
            ),
            view(
                CallApi::Responses,
                r#"{"model":"m","tools":[{}],"input":[{"role":"user","content":"q"},{"type":"reasoning"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},{"type":"function_call","name":"ls"},{"type":"function_call_output","output":"out"}]}"#,
            ),
        ];
        for view in &views {
            assert_eq!(kinds(view), [User, Assistant, Call, Output]);
            assert_eq!((&view.items, &view.first_user_texts), (&views[0].items, &views[0].first_user_texts));
        }
        let gemini = view(
            CallApi::GenerateContent,
            r#"{"tools":[{}],"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"t","thought":true},{"text":"a"},{"functionCall":{"name":"ls","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"ls","response":{"output":"out"}}}]}]}"#,
        );
        assert_eq!(kinds(&gemini), [User, Assistant, Call, Output]);
        assert_eq!(gemini.items[..3], views[0].items[..3]);
        assert_eq!(gemini.model.as_deref(), Some("m-1"));
    }

    #[test]
    fn sessions_are_found() {
        for (body, session) in [
            (r#"{"metadata":{"user_id":"{\"device_id\":\"d\",\"session_id\":\"s\"}"}}"#, Some("s")),
            (r#"{"metadata":{"user_id":"user_a_account_b_session_s"}}"#, Some("s")),
            (r#"{"prompt_cache_key":"s"}"#, Some("s")),
            (r#"{"request":{"contents":[],"session_id":"s"}}"#, Some("s")),
            (r#"{"metadata":{"user_id":"me"}}"#, None),
            (r#"{"session_id":""}"#, None),
        ] {
            assert_eq!(view(CallApi::Messages, body).session.as_deref(), session, "{body}");
        }
    }

    #[test]
    fn what_clients_move_does_not_identify() {
        let one = view(
            CallApi::Messages,
            r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"a":1,"b":2},"cache_control":{}}]}]}"#,
        );
        let other = view(
            CallApi::Messages,
            r#"{"messages":[{"role":"user","content":[{"source":{"b":2,"a":1},"type":"image"}]}]}"#,
        );
        assert_eq!(one, other);
    }
}
