//! The tools of servers and their results.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schema;

/// A tool of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct McpTool {
    /// The tool's name, unique within the server.
    pub name: String,
    /// A description for the model, empty if the server provides none.
    pub description: String,
    /// The JSON Schema of the arguments, in a form that providers accept: of the type `object`, with `properties`.
    pub input_schema: Map<String, Value>,
}

impl McpTool {
    /// Reads a tool from a server's list.
    ///
    /// # Errors
    ///
    /// Returns the tool's name, if it has one, and why it cannot be used.
    pub(crate) fn read(tool: &Value) -> Result<Self, String> {
        let name = match &tool["name"] {
            Value::String(name) if !name.is_empty() => name.clone(),
            _ => return Err("a tool without a name".to_owned()),
        };
        let input_schema =
            schema::usable(tool.get("inputSchema")).map_err(|problem| format!("the tool {name}: {problem}"))?;
        Ok(Self { name, description: tool["description"].as_str().unwrap_or_default().to_owned(), input_schema })
    }
}

/// The result of a call, in the form of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpToolResult {
    /// Blocks of content, such as `{"type": "text", "text": …}`. A block may be of a kind that the protocol does not
    /// have.
    pub content: Vec<Value>,
    /// The result as one value, if the tool returns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// Whether the tool ran and failed.
    pub is_error: bool,
    /// Metadata that is not meant for the model.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

impl McpToolResult {
    /// Reads a server's answer to a call. Whatever is not as the protocol says becomes a text with the same content.
    ///
    /// # Errors
    ///
    /// Returns an error if the answer only announces a result.
    pub(crate) fn read(answer: Value) -> Result<Self, &'static str> {
        let text = |text: String| json!({"type": "text", "text": text});
        let mut fields = match answer {
            Value::Object(fields) => fields,
            Value::String(answer) => Map::from_iter([("content".to_owned(), text(answer))]),
            Value::Null => Map::new(),
            other => Map::from_iter([("content".to_owned(), text(other.to_string()))]),
        };
        let present = |fields: &mut Map<String, Value>, key| fields.remove(key).filter(|value| !value.is_null());
        let meta = present(&mut fields, "_meta");
        let is_error = present(&mut fields, "isError").is_some_and(|value| value == true || value == "true");
        let structured_content = present(&mut fields, "structuredContent");
        let content = match present(&mut fields, "content") {
            Some(Value::Array(content)) => content,
            Some(block) => vec![block],
            None if structured_content.is_some() || fields.is_empty() => Vec::new(),
            None if fields.get("task").is_some_and(Value::is_object) || fields.contains_key("inputRequests") => {
                return Err("it requests more input, or offers the result later");
            }
            None => vec![text(Value::Object(fields).to_string())],
        };
        let content = content.into_iter().map(|block| match block {
            Value::Object(_) => block,
            Value::String(block) => text(block),
            other => text(other.to_string()),
        });
        Ok(Self { content: content.collect(), structured_content, is_error, meta })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(answer: Value) -> Value {
        McpToolResult::read(answer).unwrap().content.into()
    }

    #[test]
    fn a_result_is_read_as_far_as_it_goes() {
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        let strange = json!([{"type": "text", "text": "a"}, {"type": "video", "data": "AA"}]);
        assert_eq!(content(json!({"content": strange})), strange);
        assert_eq!(content(json!({"content": {"type": "text", "text": "a"}})), text("a"));
        assert_eq!(content(json!({"content": "a"})), text("a"));
        assert_eq!(content(json!({"content": ["a", 1]})), json!([text("a")[0], text("1")[0]]));
        assert_eq!(content(json!("a")), text("a"));
        assert_eq!(content(json!({"toolResult": 1})), text(r#"{"toolResult":1}"#));
        assert_eq!(content(json!({"content": null, "structuredContent": {"a": 1}})), json!([]));
        assert_eq!(content(json!({})), json!([]));
        assert_eq!(content(Value::Null), json!([]));
        assert!(McpToolResult::read(json!({"content": [], "isError": true})).unwrap().is_error);
        assert!(!McpToolResult::read(json!({"content": [], "isError": null})).unwrap().is_error);
        assert!(McpToolResult::read(json!({"task": {"taskId": "1"}})).is_err());
    }
}
