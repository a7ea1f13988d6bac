//! Replacing texts that must not be written.

use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use memchr::memchr;
use rollout_trace_schema::json_text::strings;
use serde::de::IgnoredAny;

use crate::secrets::{self, Looked, Place, Surroundings};

/// Looks at every string before it is written for the first time, and can replace it.
///
/// It sees the values in payload documents and events, and the keys of maps in payload documents. In JSON text, and in
/// what is recorded as files, a map looks like a struct, so there it sees the names of fields, too. It sees a body that
/// is not JSON as a whole. The same string must always get the same replacement: what has not changed since the last
/// request is not looked at again.
///
/// ```
/// use rollout_trace_recorder::{Redactor, TraceOptions};
///
/// let redactor = Redactor::new(|text| text.contains("hunter2").then(|| text.replace("hunter2", "[redacted]")));
/// let options = TraceOptions::new().redactor(redactor);
/// ```
#[derive(Clone)]
#[must_use = "a redactor does nothing until it is passed to `TraceOptions::redactor`"]
pub struct Redactor {
    how: How,
}

/// Returns the replacement for a text, if it needs one.
type Hook = dyn Fn(&str) -> Option<String> + Send + Sync;

/// How a redactor finds what it replaces.
#[derive(Clone)]
enum How {
    Hook(Arc<Hook>),
    /// By [`secrets`], with marks that are hashed with this key.
    CommonSecrets(RandomState),
}

impl Redactor {
    /// Makes a redactor. The hook returns `None` for a text that may be written unchanged.
    pub fn new(hook: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { how: How::Hook(Arc::new(hook)) }
    }

    /// Replaces common secrets: keys and tokens with a known beginning, private keys, credentials in headers and
    /// addresses, and the values of names such as `client_secret` and `DB_PASSWORD`.
    ///
    /// Escapes and color codes around them make no difference, and neither does the document around a string: the names
    /// of its fields, and the lines of a key as an array. `docs/redaction.md` lists what is found and what cannot be.
    ///
    /// Each becomes `[redacted:KIND:HASH]`. The hash is keyed with a secret of this redactor, so equal secrets stay
    /// comparable within its traces, and no secret can be found by guessing.
    ///
    /// ```
    /// use rollout_trace_recorder::{Redactor, TraceOptions};
    ///
    /// let options = TraceOptions::new().redactor(Redactor::common_secrets());
    /// ```
    pub fn common_secrets() -> Self {
        Self { how: How::CommonSecrets(RandomState::new()) }
    }

    /// Looks at a text in this place.
    fn look_at(&self, place: Place, text: &str) -> Looked {
        match &self.how {
            How::Hook(hook) => Looked { replaced: hook(text), begins_key: false },
            How::CommonSecrets(key) => secrets::replace_at(place, text, |secret| key.hash_one(secret)),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// A rollout's redactor, which counts its replacements.
#[derive(Debug)]
pub(crate) struct Redaction {
    redactor: Redactor,
    count: AtomicU64,
}

/// Which strings of a JSON text a redactor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strings {
    Values,
    ValuesAndNames,
}

impl Redaction {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self { redactor, count: AtomicU64::new(0) }
    }

    /// Returns how many texts were replaced.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns the replacement for a text without surroundings, or `None` if the text may be written.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        self.counted(self.redactor.look_at(Place::Anywhere, text).replaced)
    }

    /// Returns the replacement for the name of a field.
    pub(crate) fn apply_to_name(&self, name: &str, surroundings: &mut Surroundings) -> Option<String> {
        surroundings.name(name);
        self.apply(name)
    }

    /// Returns the replacement for a string in a document.
    pub(crate) fn apply_to_string(&self, text: &str, surroundings: &mut Surroundings) -> Option<String> {
        let place = surroundings.place(text);
        let Looked { replaced, begins_key } = self.redactor.look_at(place, text);
        surroundings.string(text, begins_key);
        self.counted(replaced)
    }

    fn counted(&self, replaced: Option<String>) -> Option<String> {
        self.count.fetch_add(u64::from(replaced.is_some()), Ordering::Relaxed);
        replaced
    }

    /// Replaces string values in the JSON text of an event. The names of its fields are the recorder's own and stay.
    pub(crate) fn apply_to_event(&self, json: &mut Vec<u8>) {
        self.apply_to_strings(json, 0, Strings::Values);
    }

    /// Replaces strings in bytes that should be JSON text, beginning at `from`.
    pub(crate) fn apply_to_json(&self, json: &mut Vec<u8>, from: usize) {
        self.apply_to_strings(json, from, Strings::ValuesAndNames);
        // If the bytes are not JSON, a secret may be anywhere in them.
        if serde_json::from_slice::<IgnoredAny>(&json[from..]).is_err()
            && let Some(replaced) = self.apply(&String::from_utf8_lossy(&json[from..]))
        {
            json.truncate(from);
            json.extend_from_slice(replaced.as_bytes());
        }
    }

    fn apply_to_strings(&self, json: &mut Vec<u8>, from: usize, seen: Strings) {
        let mut out: Option<Vec<u8>> = None;
        let mut copied = from;
        let mut surroundings = Surroundings::default();
        let mut before = from;
        for string in strings(&json[from..]) {
            let (start, end) = (from + string.start, from + string.end);
            surroundings.brackets(&json[before..start]);
            before = end;
            let text = text_of(&json[start..end]);
            let is_name = json[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            let replaced = match (is_name, seen) {
                (false, _) => self.apply_to_string(&text, &mut surroundings),
                (true, Strings::ValuesAndNames) => self.apply_to_name(&text, &mut surroundings),
                (true, Strings::Values) => {
                    surroundings.name(&text);
                    None
                }
            };
            if let Some(replaced) = replaced {
                let out = out.get_or_insert_with(Vec::new);
                out.extend_from_slice(&json[copied..start]);
                serde_json::to_writer(&mut *out, &replaced).expect("a string has a JSON text, and memory takes it");
                copied = end;
            }
        }
        if let Some(mut out) = out {
            out.extend_from_slice(&json[copied..]);
            json.truncate(from);
            json.append(&mut out);
        }
    }
}

/// Returns the text of a string in JSON text.
///
/// Not every JSON string is valid Unicode (half a surrogate is not). Such a string is returned as it is written.
fn text_of(string: &[u8]) -> Cow<'_, str> {
    let written = &string[1..string.len() - 1];
    if memchr(b'\\', written).is_none()
        && let Ok(text) = str::from_utf8(written)
    {
        return Cow::Borrowed(text);
    }
    serde_json::from_slice(string).map_or_else(|_| String::from_utf8_lossy(written), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_in_json_are_replaced() {
        let redaction =
            Redaction::new(Redactor::new(|text| text.contains("secret").then(|| text.replace("secret", "\"?\""))));
        let check = |before: &str, after: &str| {
            let mut json = before.as_bytes().to_vec();
            redaction.apply_to_json(&mut json, 0);
            assert_eq!(String::from_utf8(json).expect("text"), after);
        };
        check(r#"{"secret" : "a secret","b":["secret",1]}"#, r#"{"\"?\"" : "a \"?\"","b":["\"?\"",1]}"#);
        check(r#"{"a":"s\u0065cret\\"}"#, r#"{"a":"\"?\"\\"}"#);
        assert_eq!(redaction.count(), 4);
        check("{\"a\":\"\\ud800 secret\"}", "{\"a\":\"\\\\ud800 \\\"?\\\"\"}");
    }

    #[test]
    fn texts_in_bytes_that_are_not_json_are_replaced_too() {
        let redaction =
            Redaction::new(Redactor::new(|text| text.contains("secret").then(|| text.replace("secret", "?"))));
        for (before, after) in [
            (&b"{\"a\":\"unfinished secret"[..], "{\"a\":\"unfinished ?"),
            (b"x\"{\"a\":\"secret\"}", "x\"{\"a\":\"?\"}"),
            (b"{'a':'secret'}", "{'a':'?'}"),
            (b"{\"a\":\"\xff secret\"}", "{\"a\":\"\u{fffd} ?\"}"),
            (b"{\"a\":\"a line\nsecret\"}", "{\"a\":\"a line\\n?\"}"),
            (b"\"s\\u0065cret", "\"s\\u0065cret"),
        ] {
            let mut json = [b"secret ", before].concat();
            redaction.apply_to_json(&mut json, 7);
            assert_eq!(String::from_utf8(json).expect("text"), format!("secret {after}"));
        }
    }

    #[test]
    fn names_of_an_events_fields_stay() {
        let redaction = Redaction::new(Redactor::new(|_| Some("?".to_owned())));
        let mut event = br#"{"type":"turn","n":1,"list":["a"]}"#.to_vec();
        redaction.apply_to_event(&mut event);
        assert_eq!(String::from_utf8(event).expect("text"), r#"{"type":"?","n":1,"list":["?"]}"#);
    }

    #[test]
    fn equal_secrets_have_equal_marks() {
        let redaction = Redaction::new(Redactor::common_secrets());
        let one = redaction.apply("a Bearer abcdefghijklmnop0123456789").expect("a secret");
        let again = redaction.apply("x Bearer abcdefghijklmnop0123456789").expect("a secret");
        let other = redaction.apply("x Bearer abcdefghijklmnop0123456788").expect("a secret");
        let mark = |text: &str| text[text.find('[').expect("a mark")..].to_owned();
        assert_eq!(mark(&one), mark(&again));
        assert_ne!(mark(&one), mark(&other));
        assert!(one.starts_with("a Bearer [redacted:bearer_token:"), "{one}");
    }
}
