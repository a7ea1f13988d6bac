//! What can be asked, and the arguments of each tool.

use rollout_trace::schema::visible::visible_line;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::{
    error::ToolError,
    page::{FEWEST_TOKENS, MOST_TOKENS, USUAL_TOKENS, Wanted},
};

/// A name of something, such as an id, which models also write as a number.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(with = "String")]
pub(crate) struct Word(pub(crate) String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) => Ok(Self(word)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("a name must be a string")),
        }
    }
}

/// No arguments of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What is shown.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Show {
    /// A part of the rollout: an item's number such as 12, an agent such as /root/reader, a request such as inference-3,
    /// or the id of a turn, tool call, terminal operation, code cell or compaction. Without it, the whole rollout is
    /// drawn, which can be long.
    #[serde(default)]
    pub(crate) part: Option<Word>,
}

/// What is explained.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// The thing whose causes are wanted: an item's number, or the id or name of a request, tool call, process, agent,
    /// turn or compaction.
    pub(crate) what: Word,
    /// A request, such as inference-3. If `what` is an item, the answer says whether this request contained it, and if
    /// not, why.
    #[serde(default)]
    pub(crate) at: Option<Word>,
}

/// A request, and one to compare it with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// The request: its number, such as 3 or inference-3, or the beginning of its id.
    pub(crate) request: Word,
    /// Another request, or "previous" for the one before. The answer then says what changed from it to `request`, why,
    /// and what that did to the provider's cache.
    #[serde(default)]
    pub(crate) compare_with: Option<Word>,
}

/// How the context is divided.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blame {
    /// What the parts are added up by: source (default), item, tool, server, agent, file, turn, section or thread.
    #[serde(default)]
    pub(crate) by: Option<Word>,
    /// Count only the requests of one agent, given by its name or its thread's id.
    #[serde(default)]
    pub(crate) agent: Option<Word>,
}

/// What is searched for, and where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grep {
    /// A regular expression (no look-around, no back-references). It is compared with single lines.
    pub(crate) pattern: String,
    /// Search only what belongs to one agent, given by its name or its thread's id.
    #[serde(default)]
    pub(crate) agent: Option<Word>,
    /// Search only one kind, such as message, function_call or function_call_output.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Search only items with one role: user, assistant, developer, system or tool.
    #[serde(default)]
    pub(crate) role: Option<String>,
    /// Search only what belongs to one tool, given by its name.
    #[serde(default)]
    pub(crate) tool: Option<String>,
    /// Search only one class of texts: item (what models saw or said), command, output (whole outputs of commands,
    /// including what no model saw) or source (of code cells).
    #[serde(default, rename = "where")]
    pub(crate) place: Option<String>,
}

/// Another rollout, and how it is compared.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diff {
    /// The rollout to compare with, which is B in the answer: its id or the beginning of it, the path of its bundle as
    /// list shows it, or latest.
    pub(crate) with: Word,
    /// What does not count as a difference. "input" takes what persons wrote for a condition, and compares what comes
    /// after it.
    #[serde(default)]
    pub(crate) ignore: Option<Word>,
}

/// A payload.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payload {
    /// The payload's name as an answer prints it, such as payload 12, or its id or number.
    pub(crate) id: Word,
}

/// A question about one rollout.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "tool", content = "arguments", rename_all = "snake_case")]
pub(crate) enum Question {
    Overview(Nothing),
    Show(Show),
    Why(Why),
    Context(Context),
    Blame(Blame),
    Diff(Diff),
    Unseen(Nothing),
    Findings(Nothing),
    Grep(Grep),
    Payload(Payload),
}

impl Question {
    /// Returns the other rollout that the question is about.
    pub(crate) fn other(&self) -> Option<&str> {
        match self {
            Self::Diff(args) => Some(&args.with.0),
            _ => None,
        }
    }
}

/// A tool of the server.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    properties: fn() -> Map<String, Value>,
}

/// The tool that needs no rollout.
pub(crate) const LIST: &str = "list";

/// The tools, in the order in which an agent needs them.
pub(crate) const TOOLS: [Tool; 11] = [
    Tool {
        name: LIST,
        description: "Lists the recorded rollouts (sessions of coding agents), the newest first, with the ids that the \
            other tools take.",
        properties: schema::<Nothing>,
    },
    Tool {
        name: "overview",
        description: "The first thing to ask about a rollout: its status, numbers, how complete the evidence is, where \
            the time went, its agents and turns, and what a reviewer would want to know.",
        properties: schema::<Nothing>,
    },
    Tool {
        name: "findings",
        description: "What went wrong or is worth knowing: failed turns, failed or repeated calls, results that never \
            arrived, lost caches. Each finding names the things that are concerned.",
        properties: schema::<Nothing>,
    },
    Tool {
        name: "show",
        description: "Shows a rollout or a part of it: what was said, called and answered, when and for how long, with \
            ids, and where evidence is lost. An item is shown with its whole text, a request with its context too, and \
            everything but items and agents with all recorded facts as JSON.",
        properties: schema::<Show>,
    },
    Tool {
        name: "why",
        description: "What brought something about, cause by cause back to its root, each with its evidence and how \
            certain it is.",
        properties: schema::<Why>,
    },
    Tool {
        name: "context",
        description: "What a model saw in one request, part by part with sizes; or what changed between two requests.",
        properties: schema::<Context>,
    },
    Tool {
        name: "grep",
        description: "Searches the texts of a rollout line by line, including outputs that no model saw, and says where \
            each match is.",
        properties: schema::<Grep>,
    },
    Tool {
        name: "unseen",
        description: "What happened but was shown to no model, such as cut outputs and lost results.",
        properties: schema::<Nothing>,
    },
    Tool {
        name: "blame",
        description: "Who fills the contexts: estimated tokens of each part, times the requests that carried it.",
        properties: schema::<Blame>,
    },
    Tool {
        name: "diff",
        description: "Where two rollouts part: the first request, call or input that differs, and the different \
            conditions (model, tools, instructions, settings) before it. For comparing a failure with a success.",
        properties: schema::<Diff>,
    },
    Tool {
        name: "payload",
        description: "A recorded document as it is: a request, an answer of the provider, or what went to or came from a \
            tool. Ids of payloads are in show and why.",
        properties: schema::<Payload>,
    },
];

impl Tool {
    /// Returns the JSON Schema of the arguments.
    pub(crate) fn schema(&self) -> Map<String, Value> {
        let mut schema = (self.properties)();
        let mut properties = Map::new();
        let mut required = Vec::new();
        if self.name != LIST {
            let rollout =
                "The rollout: its id or the beginning of it, the path of its bundle as list shows it, or latest.";
            properties.insert("rollout".into(), json!({"type": "string", "description": rollout}));
            required.push(json!("rollout"));
        }
        if let Some(Value::Object(own)) = schema.remove("properties") {
            properties.extend(own);
        }
        let of_page = [
            (
                "max_tokens",
                json!({
                    "type": "integer", "minimum": FEWEST_TOKENS, "maximum": MOST_TOKENS, "default": USUAL_TOKENS,
                    "description": "About how many tokens the answer may have. A longer one is cut, and has a cursor.",
                }),
            ),
            (
                "cursor",
                json!({
                    "type": "string",
                    "description": "Where to continue: the cursor of the page before, with the same other arguments.",
                }),
            ),
        ];
        properties.extend(of_page.map(|(name, schema)| (name.to_owned(), schema)));
        if let Some(Value::Array(own)) = schema.remove("required") {
            required.extend(own);
        }
        schema.insert("type".into(), json!("object"));
        schema.insert("properties".into(), properties.into());
        schema.insert("required".into(), required.into());
        schema.insert("additionalProperties".into(), json!(false));
        schema
    }
}

/// Returns the schema of a tool's own arguments.
fn schema<T: JsonSchema>() -> Map<String, Value> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = std::mem::take(schema.ensure_object());
    schema.remove("title");
    schema.remove("description");
    for property in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        // An argument that can be left out need not be null: not every provider knows lists of types.
        if let Some(Value::Array(types)) = property.get("type") {
            property["type"] = types[0].clone();
        }
        if let Some(property) = property.as_object_mut() {
            property.remove("default");
        }
    }
    schema
}

/// A call of a tool, understood.
#[derive(Debug)]
pub(crate) struct Call {
    /// The rollout and the question, or `None` for the list.
    pub(crate) about: Option<(String, Question)>,
    pub(crate) wanted: Wanted,
}

impl Call {
    /// Reads the arguments of a tool.
    pub(crate) fn read(tool: &Tool, mut arguments: Map<String, Value>) -> Result<Self, ToolError> {
        // Some clients send null for what is left out.
        arguments.retain(|_, value| !value.is_null());
        let max_tokens = match arguments.remove("max_tokens") {
            None => USUAL_TOKENS,
            Some(value) => number(&value).ok_or_else(|| wrong(tool, "max_tokens must be a number"))?,
        };
        let mut word = |name: &str| {
            let value = arguments.remove(name).map(serde_json::from_value::<Word>);
            value.transpose().map_err(|_| wrong(tool, format!("{name} must be a string")))
        };
        let cursor = word("cursor")?.map(|word| word.0);
        let rollout = if tool.name == LIST { None } else { word("rollout")? };
        let wanted = Wanted { max_tokens, cursor };
        if tool.name == LIST {
            let about = None;
            return match arguments.keys().next() {
                None => Ok(Self { about, wanted }),
                Some(name) => Err(wrong(tool, format!("it has no argument {name:?}"))),
            };
        }
        let rollout = rollout.ok_or_else(|| wrong(tool, "the argument rollout is missing"))?;
        let question = serde_json::from_value(json!({"tool": tool.name, "arguments": arguments}));
        let question = question.map_err(|error| wrong(tool, error))?;
        Ok(Self { about: Some((rollout.0, question)), wanted })
    }
}

/// Reads a number that is not negative, also if it is written as 400.0 or "400".
fn number(value: &Value) -> Option<u64> {
    let as_float = || value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64);
    value.as_u64().or_else(as_float).or_else(|| value.as_str()?.trim().parse().ok())
}

fn wrong(tool: &Tool, what: impl std::fmt::Display) -> ToolError {
    let schema = tool.schema();
    let names = |key: &str| -> Vec<String> {
        match &schema[key] {
            Value::Object(names) => names.keys().cloned().collect(),
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let required = names("required");
    let mut next = format!("its arguments are {}", names("properties").join(", "));
    if !required.is_empty() {
        next += &format!("; {} must be given", required.join(" and "));
    }
    ToolError::new(format!("wrong arguments for {}: {}", tool.name, visible_line(&what.to_string())), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_understands_what_its_schema_requires() {
        for tool in &TOOLS {
            let schema = tool.schema();
            let required = schema["required"].as_array().unwrap();
            let arguments = required.iter().map(|name| (name.as_str().unwrap().to_owned(), json!("x"))).collect();
            let call = Call::read(tool, arguments).unwrap();
            assert_eq!(call.about.is_none(), tool.name == LIST);
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(property["type"].is_string(), "{} {name}: {property}", tool.name);
                assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{} {name}", tool.name);
            }
        }
    }

    #[test]
    fn arguments_as_models_write_them() {
        let tool = TOOLS.iter().find(|tool| tool.name == "why").unwrap();
        let read = |arguments: Value| {
            let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
            Call::read(tool, arguments).map_err(|error| error.to_string())
        };
        let call = read(json!({"rollout": 12, "what": 3, "at": null, "max_tokens": "500"})).unwrap();
        assert_eq!((call.about.unwrap().0.as_str(), call.wanted.max_tokens), ("12", 500));
        let error = read(json!({"rollout": "x", "what": "1", "deep": true})).unwrap_err();
        assert!(error.contains("unknown field `deep`") && error.contains("next: its arguments are at, cursor"));
        let error = read(json!({"what": "1"})).unwrap_err();
        assert!(error.contains("the argument rollout is missing"), "{error}");
        let error = read(json!({"rollout": "x"})).unwrap_err();
        assert!(error.contains("missing field `what`") && error.contains("rollout and what must be given"), "{error}");
        let error = read(json!({"rollout": ["x"], "what": "1"})).unwrap_err();
        assert!(error.contains("rollout must be a string"), "{error}");
    }
}
