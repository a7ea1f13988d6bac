//! The text with which a person began a rollout.

use rollout_trace::answers::first_chars;
use serde::Deserialize;
use serde_json::Value;

/// How many characters of a prompt are kept.
const KEPT: usize = 200;

/// The part of a request that holds the conversation, by the names that different wires give it.
#[derive(Deserialize)]
struct Request {
    #[serde(alias = "messages", alias = "contents")]
    input: Value,
}

/// Returns how the last message of a user in a request begins, in one line. A message that begins with a tag was written
/// by the harness, unless there are no others.
pub(super) fn first_prompt(request: &[u8]) -> Option<String> {
    let request: Request = serde_json::from_slice(request).ok()?;
    let text = match &request.input {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let mut texts: Vec<_> = items.iter().rev().filter(|item| item["role"] == "user").map(text).collect();
            texts.retain(|text| !text.trim().is_empty());
            let own = texts.iter().position(|text| !begins_with_tag(text)).unwrap_or_default();
            texts.into_iter().nth(own)?
        }
        _ => return None,
    };
    Some(first_chars(&text, KEPT))
}

/// Returns the text of a message: its content is a text, or parts with texts.
fn text(item: &Value) -> String {
    let content = item.get("content").or_else(|| item.get("parts"));
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn begins_with_tag(text: &str) -> bool {
    let Some(after) = text.trim_start().strip_prefix('<') else { return false };
    let is_named = after.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = after.trim_start_matches(|c: char| c.is_ascii_lowercase() || matches!(c, '_' | ' '));
    is_named && rest.starts_with('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_last_is_the_prompt() {
        let request = r#"{"tools":[],"input":[
            {"role":"developer","content":[{"type":"input_text","text":"Rules."}]},
            {"role":"user","content":[{"type":"input_text","text":"Why  does\n it fail?"}]},
            {"role":"user","content":[{"type":"input_text","text":"<environment_context>\n</environment_context>"}]}]}"#;
        assert_eq!(first_prompt(request.as_bytes()).as_deref(), Some("Why does it fail?"));
        let messages = r#"{"messages":[{"role":"user","content":"Hello"}]}"#;
        assert_eq!(first_prompt(messages.as_bytes()).as_deref(), Some("Hello"));
        let contents = r#"{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}"#;
        assert_eq!(first_prompt(contents.as_bytes()).as_deref(), Some("Hello"));
        assert_eq!(first_prompt(br#"{"input":"Hello"}"#).as_deref(), Some("Hello"));
        assert_eq!(first_prompt(br#"{"input":[{"role":"user","content":"<a b>"}]}"#).as_deref(), Some("<a b>"));
        assert_eq!(first_prompt(br#"{"input":[{"role":"assistant","content":"Hello"}]}"#), None);
        assert_eq!(first_prompt(b"{"), None);
    }
}
