//! What of an exchange may be written down.

use rollout_trace_wires::Value;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Headers;

/// What replaces a text that must not be written.
const MARK: &str = "[redacted]";

/// The headers of a request that are recorded. All others are not, since any may be a credential.
const REQUEST_HEADERS: [&str; 29] = [
    "user-agent",
    "content-type",
    "content-encoding",
    "x-claude-code-session-id",
    "x-claude-code-agent-id",
    "x-claude-code-parent-agent-id",
    "x-app",
    "anthropic-beta",
    "anthropic-version",
    "x-stainless-retry-count",
    "session-id",
    "thread-id",
    "originator",
    "x-codex-turn-metadata",
    "x-codex-parent-thread-id",
    "x-codex-window-id",
    "x-codex-inference-call-id",
    "x-codex-beta-features",
    "x-openai-subagent",
    "x-client-request-id",
    "openai-beta",
    "x-session-id",
    "x-parent-session-id",
    "x-session-affinity",
    "x-opencode-session",
    "x-opencode-request",
    "x-opencode-project",
    "x-opencode-client",
    "x-goog-api-client",
];

/// The headers of an answer that are recorded.
const RESPONSE_HEADERS: [&str; 7] = [
    "request-id",
    "x-request-id",
    "content-type",
    "content-encoding",
    "retry-after",
    "x-should-retry",
    "openai-processing-ms",
];

/// The beginnings of further headers of an answer that are recorded.
const RESPONSE_HEADER_STARTS: [&str; 2] = ["anthropic-ratelimit-", "x-ratelimit-"];

/// The fields of a query whose values are keys.
const SECRET_QUERY: [&str; 3] = ["key", "api_key", "access_token"];

/// The fields of metadata that name a person or a machine.
const PERSONAL: [&str; 3] = ["device_id", "account_uuid", "installation_id"];

/// Whether texts that name a person or a machine are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redact {
    /// Common secrets, and what names a person or a machine.
    Common,
    /// Nothing in bodies. Headers and queries are filtered in any case.
    Nothing,
}

/// Returns the headers of a request that are recorded, with names in lower case.
pub(crate) fn request_headers(headers: &Headers, redact: Redact) -> Vec<(String, String)> {
    kept(headers, |name| REQUEST_HEADERS.contains(&name), redact)
}

/// Returns the headers of an answer that are recorded, with names in lower case.
pub(crate) fn response_headers(headers: &Headers, redact: Redact) -> Vec<(String, String)> {
    let is_kept = |name: &str| {
        RESPONSE_HEADERS.contains(&name) || RESPONSE_HEADER_STARTS.iter().any(|start| name.starts_with(start))
    };
    kept(headers, is_kept, redact)
}

fn kept(headers: &Headers, is_kept: impl Fn(&str) -> bool, redact: Redact) -> Vec<(String, String)> {
    let named = headers.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value?.to_owned())));
    let kept = named.filter(|(name, _)| is_kept(name));
    kept.map(|(name, value)| {
        let impersonal = (redact == Redact::Common).then(|| impersonal_text(&value)).flatten();
        (name, impersonal.unwrap_or(value))
    })
    .collect()
}

/// Returns a target without the keys in its query.
pub(crate) fn without_keys(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let fields = query.split('&').map(|field| match field.split_once('=') {
        Some((name, _)) if SECRET_QUERY.iter().any(|secret| name.eq_ignore_ascii_case(secret)) => {
            format!("{name}={MARK}")
        }
        _ => field.to_owned(),
    });
    format!("{path}?{}", fields.collect::<Vec<_>>().join("&"))
}

/// Returns a request's body without what names a person or a machine in its metadata, or `None` if it has nothing of the
/// kind. All other bytes stay.
pub(crate) fn impersonal_body(body: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Request<'b> {
        #[serde(borrow)]
        metadata: Option<&'b RawValue>,
        #[serde(borrow)]
        client_metadata: Option<&'b RawValue>,
    }
    let text = str::from_utf8(body).ok()?;
    let request: Request<'_> = serde_json::from_str(text).ok()?;
    let mut replaced = Vec::new();
    for raw in [request.metadata, request.client_metadata].into_iter().flatten() {
        let mut value: Value = serde_json::from_str(raw.get()).ok()?;
        if take_personal(&mut value) {
            let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
            replaced.push((start..start + raw.get().len(), value));
        }
    }
    if replaced.is_empty() {
        return None;
    }
    replaced.sort_by_key(|(range, _)| range.start);
    let (mut out, mut end) = (Vec::with_capacity(text.len()), 0);
    for (range, value) in replaced {
        out.extend_from_slice(&body[end..range.start]);
        serde_json::to_writer(&mut out, &value).expect("a value has a JSON text, and memory takes it");
        end = range.end;
    }
    out.extend_from_slice(&body[end..]);
    Some(out)
}

/// Replaces what names a person or a machine. Returns whether there was something.
fn take_personal(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match impersonal_text(text) {
            Some(impersonal) => {
                *text = impersonal;
                true
            }
            None => false,
        },
        Value::Array(values) => values.iter_mut().fold(false, |any, value| take_personal(value) | any),
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, value)| {
            let is_personal = PERSONAL.contains(&name.as_str())
                && !matches!(value, Value::Null)
                && value.as_str().is_none_or(|text| !text.is_empty() && text != MARK);
            if is_personal {
                *value = Value::String(MARK.to_owned());
            }
            is_personal || take_personal(value) | any
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns a text without what names a person or a machine, if there is something: in JSON that it holds, or in an id of
/// the form `user_<hash>_account_<uuid>_session_<uuid>`.
fn impersonal_text(text: &str) -> Option<String> {
    if text.starts_with(['{', '[']) {
        let mut value: Value = serde_json::from_str(text).ok()?;
        return take_personal(&mut value).then(|| serde_json::to_string(&value).expect("a value has a JSON text"));
    }
    let (_, session) = text.strip_prefix("user_")?.split_once("_session_")?;
    let impersonal = format!("user_{MARK}_account_{MARK}_session_{session}");
    (impersonal != text).then_some(impersonal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_queries_are_replaced() {
        assert_eq!(
            without_keys("/v1/x?alt=sse&key=abc&API_KEY=d&b"),
            "/v1/x?alt=sse&key=[redacted]&API_KEY=[redacted]&b"
        );
        assert_eq!(without_keys("/v1/key=x"), "/v1/key=x");
    }

    #[test]
    fn metadata_names_nobody() {
        let body = |body: &str| impersonal_body(body.as_bytes()).map(|body| String::from_utf8(body).expect("text"));
        assert_eq!(
            body(r#"{ "metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s\"}"}, "x" : 1.50}"#),
            Some(r#"{ "metadata":{"user_id":"{\"device_id\":\"[redacted]\",\"account_uuid\":\"\",\"session_id\":\"s\"}"}, "x" : 1.50}"#.to_owned())
        );
        let twice = r#"{"x":{"device_id":"d"},"client_metadata":{"device_id":"d"},"metadata":{"device_id":"d"}}"#;
        let expected = r#"{"x":{"device_id":"d"},"client_metadata":{"device_id":"[redacted]"},"metadata":{"device_id":"[redacted]"}}"#;
        assert_eq!(body(twice), Some(expected.to_owned()), "only metadata changes");
        assert_eq!(
            body(r#"{"metadata":{"user_id":"user_0a_account_1b_session_2c"}}"#),
            Some(r#"{"metadata":{"user_id":"user_[redacted]_account_[redacted]_session_2c"}}"#.to_owned())
        );
        assert_eq!(
            body(r#"{"client_metadata":{"x-codex-turn-metadata":"{\"installation_id\":\"i\",\"turn_id\":\"t\"}","installation_id":"i"}}"#),
            Some(r#"{"client_metadata":{"x-codex-turn-metadata":"{\"installation_id\":\"[redacted]\",\"turn_id\":\"t\"}","installation_id":"[redacted]"}}"#.to_owned())
        );
        for unchanged in
            [r#"{"messages":[{"device_id":"d"}]}"#, r#"{"metadata":{"a":"b"}}"#, r#"{"metadata":null}"#, "{", "[]"]
        {
            assert_eq!(body(unchanged), None, "{unchanged}");
        }
    }
}
