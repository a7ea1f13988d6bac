//! The text with which a person began a rollout.

use memchr::memmem;
use rollout_trace_answers::first_chars;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// How many characters of a prompt are kept.
const KEPT: usize = 200;

/// The part of a request that holds the conversation, by the names that different wires give it.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, alias = "messages", alias = "contents")]
    input: &'a RawValue,
}

/// The parts of an item that say who wrote it, and what.
#[derive(Deserialize)]
struct Item {
    role: Value,
    #[serde(alias = "parts")]
    content: Value,
}

/// Returns how the last message of a user in a request begins, in one line. A message that begins with a tag was written
/// by the harness, unless there are no others.
///
/// No more is parsed than it takes: a list shows many rollouts, and a request is the longest that is read of each.
pub(super) fn first_prompt(request: &[u8]) -> Option<String> {
    let request: Request<'_> = serde_json::from_slice(request).ok()?;
    let input = request.input.get();
    if let Ok(text) = serde_json::from_str::<String>(input) {
        return Some(first_chars(&text, KEPT));
    }
    let items: Vec<&RawValue> = serde_json::from_str(input).ok()?;
    let mut of_harness = None;
    for text in items.into_iter().rev().filter_map(user_text) {
        if !begins_with_tag(&text) {
            return Some(first_chars(&text, KEPT));
        }
        of_harness.get_or_insert(text);
    }
    of_harness.map(|text| first_chars(&text, KEPT))
}

/// Returns the text of a message if a user wrote it: its content is a text, or parts with texts.
fn user_text(item: &RawValue) -> Option<String> {
    // Most items are no messages of users. The rest of them is not parsed.
    memmem::find(item.get().as_bytes(), b"\"user\"")?;
    let Item { role, content } = serde_json::from_str(item.get()).ok()?;
    let text = match content {
        Value::String(text) => text,
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => return None,
    };
    (role == "user" && !text.trim().is_empty()).then_some(text)
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
        // What is no message is passed over.
        let odd = r#"{"input":[{"role":"user","content":"Hello"},{"role":"user"},{"role":"user","content":" "},
            {"role":"assistant","content":"say \"user\""},{"user":1},["user"],"user",null]}"#;
        assert_eq!(first_prompt(odd.as_bytes()).as_deref(), Some("Hello"));
        let of_harness = r#"{"input":[{"role":"user","content":"<a>"},{"role":"user","content":"<b>"}]}"#;
        assert_eq!(first_prompt(of_harness.as_bytes()).as_deref(), Some("<b>"));
        assert_eq!(first_prompt(b"{"), None);
    }
}
