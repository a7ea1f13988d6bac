//! Texts that must not be written.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::secrets;

type Hook = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Looks at every string before it is written for the first time, and says what is to be written instead.
///
/// It sees the values of payload documents and events, not the names of fields. The same string must always give the same answer:
/// what did not change since the last request is not looked at again.
#[derive(Clone)]
pub struct Redactor {
    hook: Arc<Hook>,
}

impl Redactor {
    /// Makes a redactor. The hook gives none for a text that may be written as it is.
    pub fn new(hook: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { hook: Arc::new(hook) }
    }

    /// Replaces common secrets: bearer tokens, API keys and private keys.
    ///
    /// In the place of each stands `[redacted:KIND:HASH]`. The hash is keyed with a secret of this redactor, so that equal secrets
    /// stay comparable within its traces and nobody can find a secret by trying.
    pub fn common_secrets() -> Self {
        let key = RandomState::new();
        Self::new(move |text| secrets::replace(text, |secret| key.hash_one(secret)))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// A rollout's redactor, which counts what it did.
#[derive(Debug)]
pub(crate) struct Redaction {
    redactor: Redactor,
    count: AtomicU64,
}

impl Redaction {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self { redactor, count: AtomicU64::new(0) }
    }

    /// How many texts were replaced.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// What is to be written instead of `text`, if not itself.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        let replaced = (self.redactor.hook)(text)?;
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(replaced)
    }

    /// Replaces string values in the JSON text from `from` on. Names of fields stay.
    pub(crate) fn apply_to_json(&self, json: &mut Vec<u8>, from: usize) {
        let mut out: Option<Vec<u8>> = None;
        let (mut copied, mut at) = (from, from);
        while let Some(start) = json[at..].iter().position(|&byte| byte == b'"').map(|found| at + found) {
            let Some(end) = string_end(json, start) else { break };
            at = end;
            let is_name = json[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            if is_name {
                continue;
            }
            let Ok(text) = serde_json::from_slice::<String>(&json[start..end]) else { continue };
            if let Some(replaced) = self.apply(&text) {
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

/// Where the JSON string that begins at `start` ends.
fn string_end(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_json_are_replaced_and_names_are_not() {
        let redaction =
            Redaction::new(Redactor::new(|text| text.contains("secret").then(|| text.replace("secret", "\"?\""))));
        let check = |before: &str, after: &str| {
            let mut json = before.as_bytes().to_vec();
            redaction.apply_to_json(&mut json, 0);
            assert_eq!(String::from_utf8(json).expect("text"), after);
        };
        check(r#"{"secret" : "a secret","b":["secret",1]}"#, r#"{"secret" : "a \"?\"","b":["\"?\"",1]}"#);
        check(r#"{"a":"s\u0065cret\\"}"#, r#"{"a":"\"?\"\\"}"#);
        check(r#"{"a":"unfinished secret"#, r#"{"a":"unfinished secret"#);
        check("{\"a\":\"\\ud800 secret\"}", "{\"a\":\"\\ud800 secret\"}");
        assert_eq!(redaction.count(), 3);
    }

    #[test]
    fn equal_secrets_have_equal_marks() {
        let hook = Redactor::common_secrets().hook;
        let one = hook("Authorization: Bearer abcdefghijklmnop0123456789").expect("a secret");
        let again = hook("x Bearer abcdefghijklmnop0123456789").expect("a secret");
        let other = hook("x Bearer abcdefghijklmnop0123456788").expect("a secret");
        let mark = |text: &str| text[text.find('[').expect("a mark")..].to_owned();
        assert_eq!(mark(&one), mark(&again));
        assert_ne!(mark(&one), mark(&other));
        assert!(one.starts_with("Authorization: Bearer [redacted:bearer_token:"), "{one}");
    }
}
