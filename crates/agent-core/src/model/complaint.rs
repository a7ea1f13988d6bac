//! What a provider says went wrong, wherever it says it.

use std::{fmt, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Map, Value};

use super::duration;
use crate::lenient;

/// How deep complaints are looked for in one another, including JSON in texts.
const MAX_DEPTH: usize = 6;

/// The longest message that people see.
const MAX_CHARS: usize = 500;

/// What a provider says went wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Complaint {
    /// The provider's words, on one line and shortened, since some providers return whole pages.
    pub(super) message: String,
    /// The code of the error.
    pub(super) code: Option<String>,
    /// Other names of the kind of error, such as its `type`.
    pub(super) kinds: Vec<String>,
    /// The HTTP status that the words mention, where the answer has a different one.
    pub(super) status: Option<u16>,
    /// How long the provider asks to wait.
    pub(super) retry_after: Option<Duration>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.message.is_empty() { "no reason given" } else { &self.message })
    }
}

impl Complaint {
    /// Reads the body of an error. Any body is a complaint: at worst, its whole text is the message.
    pub(super) fn of_body(text: &str) -> Self {
        let found = lenient::parse(text).and_then(|document| Self::of_value(&document));
        found.unwrap_or_else(|| Self::of_words(text))
    }

    /// Finds a complaint in a JSON document of any shape. Returns `None` if it contains no words.
    pub(super) fn of_value(document: &Value) -> Option<Self> {
        let mut found = find(document, MAX_DEPTH)?;
        found.retry_after = stated_delay(document, MAX_DEPTH).or_else(|| duration::spoken(&found.message));
        found.message = shortened(&found.message);
        Some(found)
    }

    /// Finds a complaint in an event or document that need not be one: only what is marked as an error counts.
    pub(super) fn marked_in(document: &Value) -> Option<Self> {
        let is_error = |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("");
        match document {
            Value::Object(fields) => {
                let nested = ["error", "errors"].iter().any(|name| fields.get(*name).is_some_and(is_error));
                let failed = is_error(&document["response"]["error"]);
                // Some gateways send their own words without a mark, but with a code, a status or in a field for errors.
                let plain = document["type"].is_null() && has_code_or_detail(fields) || document["type"] == "error";
                if nested || failed || plain { Self::of_value(document) } else { None }
            }
            Value::Array(elements) => elements.iter().find_map(Self::marked_in),
            _ => None,
        }
    }

    /// Creates a complaint from words without any structure.
    pub(super) fn of_words(words: &str) -> Self {
        Self { message: shortened(words), retry_after: duration::spoken(words), ..Self::default() }
    }

    /// Adds the delay that headers ask for, which takes precedence over the one in the words, except that the headers
    /// about limits, which other answers have too, come last.
    pub(super) fn with_headers(mut self, headers: &HeaderMap, status: StatusCode) -> Self {
        self.retry_after = super::retry::asked_delay(headers).or(self.retry_after);
        // An answer that announced success may say otherwise in its body.
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(status);
        let names = self.code.iter().chain(&self.kinds);
        let is_limit = names.map(|name| name.to_ascii_lowercase()).any(|name| name.contains("rate_limit"));
        if is_limit || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            self.retry_after = self.retry_after.or_else(|| super::retry::limit_reset(headers));
        }
        self
    }

    /// Returns whether the same request will never succeed, or not before somebody pays, although the answer's status
    /// says that it may.
    pub(super) fn is_final(&self) -> bool {
        self.code.as_deref().is_some_and(|code| is_permanent(code) || is_of_request(code))
            || self.kinds.iter().any(|kind| is_permanent(kind))
    }

    /// Returns whether the same request will never succeed, for a complaint without a status of HTTP.
    pub(super) fn is_final_without_status(&self) -> bool {
        match self.status.map(StatusCode::from_u16) {
            Some(Ok(status)) => self.is_final() || !is_transient_status(status),
            _ => {
                let passes = self.code.as_deref().is_some_and(is_passing);
                self.is_final() || !passes && self.kinds.iter().any(|kind| is_of_request(kind))
            }
        }
    }
}

/// Returns whether a document without a type is that of an error.
fn has_code_or_detail(fields: &Map<String, Value>) -> bool {
    let status = ["status", "code", "statuscode"].iter().filter_map(|name| field(fields, &[name]));
    let is_refusal = status.clone().any(|value| http_status(value).is_some());
    let is_failure = || {
        let is_named = status.clone().any(|value| value.as_str().is_some_and(|name| name != "ok" && name != "success"));
        is_named || ["success", "ok"].iter().any(|name| fields.get(*name) == Some(&Value::Bool(false)))
    };
    let has_words = || field(fields, &["message", "msg"]).is_some_and(Value::is_string);
    is_refusal || fields.contains_key("detail") || has_words() && is_failure()
}

/// Returns whether a status means that the same request may succeed later.
pub(super) fn is_transient_status(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY)
        || status.is_server_error()
}

/// Returns whether a name of an error means that it depends on the request or the account, and on nothing that passes.
fn is_permanent(name: &str) -> bool {
    matches!(
        name,
        "authentication_error"
            | "billing_error"
            | "billing_hard_limit_reached"
            | "content_filter"
            | "content_policy_violation"
            | "context_length_exceeded"
            | "empty_image_file"
            | "insufficient_quota"
            | "model_not_found"
            | "permission_error"
            | "request_too_large"
            | "string_above_max_length"
            | "usage_not_included"
    )
}

/// Returns whether a name of an error blames the request. It counts for less than a status: some providers use such
/// a name for errors that pass.
fn is_of_request(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["invalid_", "unsupported_", "image_"].iter().any(|start| name.starts_with(start))
        || matches!(
            name.as_str(),
            "failed_precondition" | "not_found" | "not_found_error" | "permission_denied" | "unauthenticated"
        )
}

/// Returns whether a name of an error means that it passes.
fn is_passing(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["rate_limit", "overloaded", "server_", "internal", "unavailable", "timeout", "resource_exhausted"]
        .iter()
        .any(|part| name.contains(part))
}

fn find(value: &Value, depth: usize) -> Option<Complaint> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => {
            // Gateways put the document of the provider behind them into a text of their own.
            let inner = text.trim_start().starts_with(['{', '[']).then(|| lenient::parse(text)).flatten();
            let inner = inner.and_then(|inner| find(&inner, depth));
            Some(inner.unwrap_or_else(|| Complaint { message: text.clone(), ..Complaint::default() }))
        }
        Value::Array(elements) => {
            let mut found = elements.iter().filter_map(|element| find(element, depth));
            let mut first = found.next()?;
            for other in found.filter(|other| !other.message.is_empty()).take(8) {
                first.message.push_str("; ");
                first.message.push_str(&other.message);
            }
            Some(first)
        }
        Value::Object(fields) => find_in_object(fields, depth),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn find_in_object(fields: &Map<String, Value>, depth: usize) -> Option<Complaint> {
    let words = |names: &[&str]| names.iter().find_map(|name| find(field(fields, &[name])?, depth));
    let own =
        words(&["message", "msg", "detail", "errormessage", "errordescription", "description", "reason", "title"]);
    let nested = words(&["error", "errors", "err", "response", "statusdetails", "fault", "faultstring"]);
    let mut found = match (nested, own) {
        // A short name, and the words that explain it.
        (Some(nested), Some(own))
            if nested.code.is_none() && field(fields, &["error"]).is_some_and(Value::is_string) =>
        {
            Complaint { message: format!("{}: {}", nested.message, own.message), code: Some(nested.message), ..own }
        }
        (Some(nested), _) => nested,
        (None, Some(own)) => own,
        (None, None) => {
            // An error may be nothing but a code.
            let named = field(fields, &["code"]).is_some_and(Value::is_string)
                || field(fields, &["type"])
                    .and_then(Value::as_str)
                    .is_some_and(|kind| kind != "error" && !kind.starts_with("response."));
            let message = Value::from(fields.clone()).to_string();
            named.then(|| Complaint { message, ..Complaint::default() })?
        }
    };
    if let Some(raw) = fields.get("metadata").and_then(|metadata| find(&metadata["raw"], depth)) {
        found.message = format!("{}: {}", found.message, raw.message);
    }
    match field(fields, &["code"]) {
        Some(Value::String(code)) => found.code = found.code.or_else(|| Some(code.clone())),
        Some(code) => found.status = found.status.or_else(|| http_status(code)),
        None => {}
    }
    for name in ["type", "status", "statuscode"] {
        match field(fields, &[name]) {
            Some(Value::String(kind)) => found.kinds.push(kind.clone()),
            Some(number) => found.status = found.status.or_else(|| http_status(number)),
            None => {}
        }
    }
    // A code may be the status as a text.
    if let Some(status) = found.code.as_ref().and_then(|code| http_status(&Value::from(code.as_str()))) {
        found.status = found.status.or(Some(status));
        found.code = None;
    }
    Some(found)
}

/// Returns the first field with words whose name is among the names, which are compared without case and underscores.
fn field<'f>(fields: &'f Map<String, Value>, names: &[&str]) -> Option<&'f Value> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let find = |wanted: &&str| fields.iter().find(|(name, value)| !value.is_null() && plain(name) == **wanted);
    names.iter().find_map(find).map(|(_, value)| value)
}

/// Returns the status of an HTTP error that a value is.
fn http_status(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

/// Finds a field that says how long to wait.
fn stated_delay(value: &Value, depth: usize) -> Option<Duration> {
    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Array(elements) => elements.iter().find_map(|element| stated_delay(element, depth)),
        Value::String(text) if text.trim_start().starts_with('{') => stated_delay(&lenient::parse(text)?, depth),
        Value::Object(fields) => {
            let stated = |names: &[&str], unit: Duration| match field(fields, names)? {
                Value::Number(number) => duration::stated_number(number.as_f64()?, unit),
                Value::String(text) => duration::stated(text, unit),
                _ => None,
            };
            stated(&["retryafterms", "retryaftermilliseconds", "retrydelayms"], MILLISECOND)
                .or_else(|| stated(&["retryafter", "retryafterseconds", "retrydelay", "resetsinseconds"], SECOND))
                .or_else(|| fields.values().find_map(|nested| stated_delay(nested, depth)))
        }
        _ => None,
    }
}

/// Returns a message on one line, and shortened.
fn shortened(message: &str) -> String {
    let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = message.char_indices().nth(MAX_CHARS) {
        message.truncate(cut);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_in_any_shape() {
        for (body, message) in [
            (r#"{"error": {"message": "why"}}"#, "why"),
            (r#"[{"error": {"message": "why"}}]"#, "why"),
            (r#"{"error": "why"}"#, "why"),
            (r#"{"errors": [{"message": "one"}, {"message": "two"}]}"#, "one; two"),
            (r#"{"detail": "why"}"#, "why"),
            (r#"{"detail": [{"loc": ["body"], "msg": "why"}]}"#, "why"),
            (r#"{"Message": "why", "__type": "Throttling"}"#, "why"),
            (r#"{"errorMessage": "why"}"#, "why"),
            (r#"{"error": true, "message": "why"}"#, "why"),
            (r#"{"error": "invalid_token", "error_description": "it expired"}"#, "invalid_token: it expired"),
            (r#"{"error": {"message": "{\"error\": {\"message\": \"why\"}}"}}"#, "why"),
            (r#"{"error": {"message": "bad", "metadata": {"raw": "{\"error\": \"why\"}"}}}"#, "bad: why"),
            (r#"{"error": {"code": "overloaded"}}"#, r#"{"code":"overloaded"}"#),
            (r#"{"error": {"message": "half \ud83d"}}"#, "half \u{fffd}"),
            (r#""why""#, "why"),
            ("upstream  connect\nerror", "upstream connect error"),
            ("503", "503"),
            ("true", "true"),
            ("null", "null"),
            ("[]", "[]"),
            ("{}", "{}"),
            ("", ""),
            (r#"{"error": {}}"#, r#"{"error": {}}"#),
        ] {
            assert_eq!(Complaint::of_body(body).message, message, "{body}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = format!("{}\"why\"{}", "{\"error\":".repeat(100), "}".repeat(100));
        assert!(Complaint::of_body(&nested).message.starts_with("{\"error\":"));
    }

    #[test]
    fn the_delay_is_found_in_fields_and_words() {
        let delay = |body: &str| Complaint::of_body(body).retry_after.map(|delay| delay.as_millis());
        assert_eq!(delay(r#"{"error": {"message": "slow", "retry_after": 2}}"#), Some(2000));
        assert_eq!(delay(r#"{"error": {"message": "slow"}, "retryAfterMs": "250"}"#), Some(250));
        let of_google = r#"[{"error": {"code": 429, "message": "slow", "details": [{"retryDelay": "34s"}]}}]"#;
        assert_eq!(delay(of_google), Some(34_000));
        assert_eq!(delay(r#"{"error": {"message": "Try again in 3 seconds."}}"#), Some(3000));
        assert_eq!(delay("Retry after 3 seconds"), Some(3000));
        assert_eq!(delay(r#"{"error": {"message": "slow", "retry_after": null}}"#), None);
    }

    #[test]
    fn only_what_is_marked_as_an_error_is_one() {
        let is_marked = |text: &str| Complaint::marked_in(&serde_json::from_str(text).unwrap()).is_some();
        for text in [
            r#"{"error": {"message": "m"}}"#,
            r#"{"error": "m"}"#,
            r#"{"type": "x", "response": {"error": {"code": "c"}}}"#,
            r#"{"code": 503, "message": "m"}"#,
            r#"{"detail": "m"}"#,
            r#"[{"error": "m"}]"#,
            r#"{"code": "rate_limited", "message": "m"}"#,
            r#"{"status": "error", "message": "m"}"#,
            r#"{"success": false, "message": "m"}"#,
            r#"{"type": "error", "message": "m"}"#,
        ] {
            assert!(is_marked(text), "{text}");
        }
        for text in [
            "{}",
            "null",
            "7",
            "[]",
            r#"{"error": null}"#,
            r#"{"message": "ping"}"#,
            r#"{"status": "ok", "message": "ping"}"#,
            r#"{"type": "response.created", "response": {"error": null, "status": "in_progress"}}"#,
            r#"{"type": "x", "status": 500}"#,
        ] {
            assert!(!is_marked(text), "{text}");
        }
    }
}
