//! What requests hold besides the items of their conversations.

use std::{borrow::Cow, sync::Arc};

use rollout_trace_model::map::HashMap;
use rollout_trace_reducer::{Json, ReadRequest};
use rollout_trace_schema::{
    InferenceCallId, ThreadId,
    json_text::{Cursor, Nesting},
};
use serde_json::Value;

use super::Sizes;

/// Names a definition within the facts of a rollout. Equal definitions have one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionId(u32);

impl DefinitionId {
    /// Returns its place among all definitions.
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

/// The definition of a tool, instructions or an output format, which many requests may carry.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The name of the tool, or else its type.
    pub name: String,
    /// The names that the model can call: of the tool, and of the tools in it if it is a namespace.
    pub offers: Vec<String>,
    /// Its text.
    pub text: String,
    /// The sizes of its text.
    pub sizes: Sizes,
}

/// What a request holds besides the items of the conversation.
///
/// Source: questions, section 3.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// The tools, in order, with those that the input adds.
    pub tools: Vec<DefinitionId>,
    /// The instructions, unless there are none or they are empty.
    pub instructions: Option<DefinitionId>,
    /// The format that the answer must have.
    pub output_format: Option<DefinitionId>,
    /// Everything else that can change the answer.
    pub settings: Vec<(Arc<str>, Arc<Value>)>,
    /// Which cache of the provider to use.
    pub cache_key: Option<Arc<Value>>,
    /// How many items of the conversation the payload contains.
    pub items_in_payload: usize,
    /// Whether the request continues a response instead of repeating the conversation.
    pub is_incremental: bool,
    /// The response that it continues.
    pub previous_response_id: Option<Arc<Value>>,
    /// Whether the answer is to come as a stream, if the request says that.
    pub stream: Option<bool>,
}

impl RequestFacts {
    /// Returns how much the model is asked to reason, if the request says that.
    pub fn reasoning_effort(&self) -> Option<&str> {
        let setting = |name: &str| self.settings.iter().find(|(own, _)| &**own == name).map(|(_, value)| &**value);
        let of_responses = setting("reasoning").and_then(|reasoning| reasoning.get("effort"));
        of_responses.or_else(|| setting("reasoning_effort"))?.as_str()
    }
}

/// The fields that are shown nowhere: they do not change the answer, or the graph has them.
const UNSHOWN: [&str; 5] = ["model", "store", "include", "metadata", "client_metadata"];

/// The requests of a rollout.
#[derive(Debug, Default)]
pub(super) struct Requests {
    by_call: HashMap<InferenceCallId, RequestFacts>,
    definitions: Vec<Definition>,
    by_text: HashMap<(Kind, Arc<str>), DefinitionId>,
    last: HashMap<ThreadId, Last>,
}

/// What a text defines. Equal texts of two kinds are two definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Tool,
    Instructions,
    OutputFormat,
}

/// The last request of a thread, with which the next one is compared.
#[derive(Debug, Default)]
struct Last {
    fields: Vec<Field>,
    /// The tools that elements of the input add, with the place of the element.
    added: Vec<(usize, DefinitionId)>,
}

/// A field of a request besides the input.
#[derive(Clone, Debug)]
struct Field {
    /// Its text, from the quote that opens its name to the end of its value.
    text: Box<[u8]>,
    name: Arc<str>,
    meaning: Meaning,
}

/// What a field says.
#[derive(Clone, Debug)]
enum Meaning {
    Tools(Arc<[DefinitionId]>),
    Instructions(Option<DefinitionId>),
    /// `text`, with the output format in it.
    Text(Arc<Value>, Option<DefinitionId>),
    Setting(Arc<Value>),
    CacheKey(Arc<Value>),
    Continues(Option<Arc<Value>>),
    Stream(bool),
    Nothing,
}

impl Requests {
    pub(super) fn of(&self, call: &InferenceCallId) -> Option<&RequestFacts> {
        self.by_call.get(call)
    }

    pub(super) fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    pub(super) fn definition(&self, id: DefinitionId) -> &Definition {
        &self.definitions[id.0 as usize]
    }

    /// Frees the memory of a thread's last request.
    pub(super) fn forget(&mut self, thread: &ThreadId) {
        self.last.remove(thread);
    }

    pub(super) fn read(&mut self, request: &ReadRequest<'_>) {
        let mut last = self.last.remove(request.thread).unwrap_or_default();
        last.added.retain(|(place, _)| *place < request.shared_elements);
        for (place, element) in request.elements.iter().enumerate() {
            if element.text("type") == Some("additional_tools") {
                let tools = element.get("tools").and_then(Json::as_array).unwrap_or_default();
                let place = request.shared_elements + place;
                last.added.extend(tools.iter().map(|tool| (place, self.tool(tool))));
            }
        }
        last.fields = self.fields(request, &last.fields);
        let mut facts = facts(&last.fields);
        facts.items_in_payload = request.items;
        facts.tools.extend(last.added.iter().map(|(_, tool)| *tool));
        self.by_call.insert(request.call.clone(), facts);
        self.last.insert(request.thread.clone(), last);
    }

    /// Reads the fields of a request. Those that are, letter by letter, the same as in the request before are not
    /// parsed.
    fn fields(&mut self, request: &ReadRequest<'_>, before: &[Field]) -> Vec<Field> {
        let text: &[u8] = &request.text;
        let mut cursor = Cursor::of_document(text);
        let mut fields: Vec<Field> = Vec::new();
        let mut next = 0;
        if !cursor.take(b'{') {
            return fields;
        }
        while cursor.peek() == Some(b'"') {
            let start = cursor.offset();
            // The fields nearly always come in the order of the request before.
            let ahead =
                before[next..].iter().take(LOOK_AHEAD).position(|field| begins_with(&text[start..], &field.text));
            if let Some(skipped) = ahead {
                let field = &before[next + skipped];
                next += skipped + 1;
                cursor.go_to(start + field.text.len());
                add(&mut fields, field.clone());
            } else {
                let Some(field) = self.field(request, &mut cursor) else { return fields };
                if let Some(field) = field {
                    next += usize::from(before.get(next).is_some_and(|old| old.name == field.name));
                    add(&mut fields, field);
                }
            }
            cursor.take(b',');
        }
        fields
    }

    /// Reads the next field, or steps over the input. Returns `None` if the text is not as the reducer read it.
    fn field(&mut self, request: &ReadRequest<'_>, cursor: &mut Cursor<'_>) -> Option<Option<Field>> {
        let start = cursor.offset();
        let name = cursor.string().ok()?;
        let name = Json::parse(&request.text[start..start + name.len()], 1).ok()?.0;
        let name: Arc<str> = name.as_str()?.into();
        cursor.expect(b':').ok()?;
        cursor.peek();
        if let Some(input) = &request.input
            && input.start == cursor.offset() + 1
        {
            cursor.go_to(input.end);
            cursor.expect(b']').ok()?;
            return Some(None);
        }
        let value = cursor.value(Nesting::new(request.max_nesting)).ok()?;
        let text = request.text[start..value.end].into();
        if &*name == "input" {
            return Some(None);
        }
        let (value, _) = Json::parse(&request.text[value], request.max_nesting).ok()?;
        let meaning = self.meaning(&name, &value);
        Some(Some(Field { text, name, meaning }))
    }

    fn meaning(&mut self, name: &str, value: &Json<'_>) -> Meaning {
        match name {
            "tools" => {
                let tools = value.as_array().unwrap_or_default();
                Meaning::Tools(tools.iter().map(|tool| self.tool(tool)).collect())
            }
            "instructions" => Meaning::Instructions(match value {
                Json::Null => None,
                Json::String(text) if text.is_empty() => None,
                Json::String(text) => Some(self.define(Kind::Instructions, text, Vec::new)),
                other => Some(self.define(Kind::Instructions, &other.to_spelled_text(), Vec::new)),
            }),
            "text" => {
                let format = value.get("format").filter(|format| **format != Json::Null);
                let format = format.map(|format| self.define(Kind::OutputFormat, &format.to_spelled_text(), Vec::new));
                Meaning::Text(setting(value), format)
            }
            "prompt_cache_key" => match value {
                Json::Null => Meaning::Nothing,
                value => Meaning::CacheKey(setting(value)),
            },
            "previous_response_id" => Meaning::Continues((*value != Json::Null).then(|| setting(value))),
            "stream" => match value {
                Json::Bool(stream) => Meaning::Stream(*stream),
                _ => Meaning::Nothing,
            },
            name if UNSHOWN.contains(&name) => Meaning::Nothing,
            _ => Meaning::Setting(setting(value)),
        }
    }

    fn tool(&mut self, tool: &Json<'_>) -> DefinitionId {
        self.define(Kind::Tool, &tool.to_spelled_text(), || {
            let name = tool.text("name").or_else(|| tool.text("type")).unwrap_or("?");
            std::iter::once(name.to_owned()).chain(names(tool)).collect()
        })
    }

    /// Returns the definition with this text. `names` are its name and the names that it offers.
    fn define(&mut self, kind: Kind, text: &str, names: impl FnOnce() -> Vec<String>) -> DefinitionId {
        let key = (kind, Arc::from(text));
        if let Some(id) = self.by_text.get(&key) {
            return *id;
        }
        let id = DefinitionId(u32::try_from(self.definitions.len()).unwrap_or(u32::MAX));
        let mut names = names().into_iter();
        let name = names.next().unwrap_or_default();
        let text = text.to_owned();
        self.definitions.push(Definition { name, offers: names.collect(), sizes: Sizes::of_text(&text), text });
        self.by_text.insert(key, id);
        id
    }
}

/// How many fields of the request before are compared with the next field.
const LOOK_AHEAD: usize = 4;

/// Returns whether a text begins with a field, and the field ends there.
fn begins_with(text: &[u8], field: &[u8]) -> bool {
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
    text.starts_with(field) && text.get(field.len()).is_some_and(ends)
}

/// Adds a field. Of fields with the same name the last value counts, at the place of the first.
fn add(fields: &mut Vec<Field>, field: Field) {
    match fields.iter_mut().find(|known| known.name == field.name) {
        Some(known) => *known = field,
        None => fields.push(field),
    }
}

fn facts(fields: &[Field]) -> RequestFacts {
    let mut facts = RequestFacts::default();
    for Field { name, meaning, .. } in fields {
        match meaning {
            Meaning::Tools(tools) => facts.tools = tools.to_vec(),
            Meaning::Instructions(instructions) => facts.instructions = *instructions,
            Meaning::Text(value, format) => {
                facts.output_format = *format;
                facts.settings.push((name.clone(), value.clone()));
            }
            Meaning::Setting(value) => facts.settings.push((name.clone(), value.clone())),
            Meaning::CacheKey(value) => facts.cache_key = Some(value.clone()),
            Meaning::Continues(response) => {
                facts.is_incremental = response.is_some();
                facts.previous_response_id = response.clone();
            }
            Meaning::Stream(stream) => facts.stream = Some(*stream),
            Meaning::Nothing => {}
        }
    }
    facts
}

fn setting(value: &Json<'_>) -> Arc<Value> {
    let text: Cow<'_, str> = value.to_spelled_text().into();
    Arc::new(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned())))
}

/// Returns the names under which a model can call a tool: its own, and those of the tools in a namespace.
pub(super) fn names(tool: &Json<'_>) -> Vec<String> {
    let own = tool.text("name").or_else(|| tool.text("type"));
    let inner = tool.get("tools").and_then(Json::as_array).unwrap_or_default();
    own.map(str::to_owned).into_iter().chain(inner.iter().flat_map(names)).collect()
}
