//! Documents where a stream of events was asked for.

use serde_json::{Deserializer, Value};

use super::{ModelError, complaint::Complaint};
use crate::lenient;

/// Returns the error that a document amounts to. `kind` is its content type.
pub(super) fn error_of(url: &str, kind: Option<&str>, text: &str) -> ModelError {
    let text = text.trim();
    let documents = documents(text);
    // Some gateways answer with a status of success and an error, at times after the first lines of an answer.
    if let Some(complaint) = documents.iter().find_map(Complaint::marked_in) {
        return ModelError::Failed(complaint);
    }
    let page = text.starts_with('<') || kind == Some("text/html");
    let kind = kind.unwrap_or(if page { "a page" } else { "a document" });
    match documents.first() {
        Some(Value::String(words)) => ModelError::Failed(Complaint::of_words(words)),
        Some(document) if is_answer(document) => ModelError::Unreadable(format!(
            "{url} returned a whole answer at once ({kind}) instead of a stream of events"
        )),
        // A page for people says little to them here.
        _ if page => ModelError::Unreadable(format!("{url} returned {kind} instead of a stream of events")),
        _ => {
            let words = Complaint::of_words(text);
            ModelError::Unreadable(format!("{url} returned {kind} instead of a stream of events: {words}"))
        }
    }
}

/// Parses a JSON document, or several in a row.
fn documents(text: &str) -> Vec<Value> {
    match lenient::parse(text) {
        Some(document) => vec![document],
        None => Deserializer::from_str(text).into_iter().map_while(Result::ok).collect(),
    }
}

/// Returns whether a document is an answer, of the Responses API or of another one.
fn is_answer(document: &Value) -> bool {
    let is_named =
        document["object"].as_str().is_some_and(|object| object.contains("response") || object.contains("chat"));
    is_named || ["output", "choices", "candidates", "content"].iter().any(|name| document[*name].is_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_came() {
        let message = |kind: Option<&str>, text: &str| error_of("URL", kind, text).to_string();
        let json = Some("application/json");
        let failed = "the model's provider failed: why";
        for text in [
            r#"{"error": {"message": "why"}}"#,
            r#"{"detail": "why"}"#,
            r#"[{"error": "why"}]"#,
            r#""why""#,
            r#"{"object": "response", "status": "failed", "error": {"message": "why"}, "output": []}"#,
            "{\"type\": \"response.created\"}\n{\"error\": \"why\"}\n",
        ] {
            assert_eq!(message(json, text), failed, "{text}");
        }
        let unreadable = "the answer of the model's provider cannot be read: URL returned";
        for (kind, text, end) in [
            (json, r#"{"object": "response", "output": []}"#, "a whole answer at once (application/json)"),
            (json, r#"{"choices": [{}]}"#, "a whole answer at once (application/json)"),
            (None, r#"{"output": [7]}"#, "a whole answer at once (a document)"),
            (Some("text/html"), "<html>", "text/html"),
            (None, "<html>", "a page"),
        ] {
            let expected = format!("{unreadable} {end} instead of a stream of events");
            assert_eq!(message(kind, text), expected, "{text}");
        }
        let other = format!("{unreadable} application/json instead of a stream of events: {{\"status\": \"ok\"}}");
        assert_eq!(message(json, r#"{"status": "ok"}"#), other);
        let cut = format!("{unreadable} application/json instead of a stream of events: {{\"status\": ");
        assert_eq!(message(json, r#"{"status":  "#).trim_end(), cut.trim_end());
    }
}
