//! What an item means, without the noise that differs from run to run.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem;
use regex::Regex;
use rollout_trace_model::{ConversationItem, ItemKind};

use crate::Rollout;

/// A text that differs between runs that do the same.
struct Noise {
    pattern: LazyLock<Regex>,
    /// What replaces it. A group keeps what is before the noise.
    with: &'static str,
    /// Whether a text may contain it. Most contain none, and this is much cheaper than the pattern.
    may_be_in: fn(&str) -> bool,
}

impl Noise {
    const fn new(pattern: fn() -> Regex, with: &'static str, may_be_in: fn(&str) -> bool) -> Self {
        Self { pattern: LazyLock::new(pattern), with, may_be_in }
    }
}

/// Source: questions, section 7.
static NOISE: [Noise; 5] = [
    Noise::new(
        || regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        "<id>",
        has_hyphen_after_four_digits,
    ),
    Noise::new(
        || regex(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
        "<time>",
        has_hyphen_after_four_digits,
    ),
    Noise::new(|| regex("(Chunk ID:? )[0-9a-f]+"), "${1}<id>", |text| has(&WORDS[..1], text)),
    Noise::new(|| regex("(Wall time:? )[0-9.]+"), "${1}<time>", |text| has(&WORDS[1..2], text)),
    Noise::new(
        || regex(r#"(session ID |cell ID |"session_id": ?|"cell_id": ?"?)\d+"#),
        "${1}<id>",
        |text| has(&WORDS[2..], text),
    ),
];

/// What is before noise.
static WORDS: LazyLock<[memmem::Finder<'_>; 6]> = LazyLock::new(|| {
    ["Chunk ID", "Wall time", "session ID ", "cell ID ", "\"session_id\"", "\"cell_id\""].map(memmem::Finder::new)
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are valid")
}

fn has(words: &[memmem::Finder<'_>], text: &str) -> bool {
    words.iter().any(|word| word.find(text.as_bytes()).is_some())
}

/// Returns whether a hyphen comes after four bytes that may belong to digits of any script, or to hexadecimal ones.
fn has_hyphen_after_four_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let may_be_digit = |byte: &u8| byte.is_ascii_hexdigit() || !byte.is_ascii();
    memchr::memchr_iter(b'-', bytes).any(|at| at >= 4 && bytes[at - 4..at].iter().all(may_be_digit))
}

/// What an item means. Items that differ in nothing but noise mean the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Meaning {
    kind: String,
    role: String,
    pub(crate) text: String,
}

impl Meaning {
    pub(crate) fn of(rollout: &Rollout<'_>, item: &ConversationItem) -> Self {
        let text = rollout.facts().text(item);
        let name = item.name.as_deref().unwrap_or_default();
        let text = match text.strip_prefix(name).filter(|_| item.kind == ItemKind::FunctionCall) {
            Some(arguments) => Cow::Owned(format!("{name}{}", sorted_arguments(arguments))),
            None => text,
        };
        let cwd = rollout.graph().threads.get(&item.thread_id).and_then(|thread| thread.cwd.as_deref());
        let text = without_noise(&text, cwd).into_owned();
        Self { kind: item.kind.to_string(), role: item.role.to_string(), text }
    }
}

/// Returns a text with its noise replaced, without blanks around it. `cwd` is the folder in which the agent works.
pub(crate) fn without_noise<'a>(text: &'a str, cwd: Option<&str>) -> Cow<'a, str> {
    let mut text = match cwd.filter(|cwd| cwd.chars().nth(1).is_some() && text.contains(*cwd)) {
        Some(cwd) => Cow::Owned(text.replace(cwd, "<cwd>")),
        None => Cow::Borrowed(text),
    };
    for Noise { pattern, with, may_be_in } in &NOISE {
        if may_be_in(&text)
            && let Cow::Owned(replaced) = pattern.replace_all(&text, *with)
        {
            text = Cow::Owned(replaced);
        }
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Returns the arguments of a call, if they are JSON, as compact JSON with sorted keys.
pub(crate) fn sorted_arguments(arguments: &str) -> Cow<'_, str> {
    match serde_json::from_str::<serde_json::Value>(arguments) {
        // Without the feature that keeps the order of keys, they are sorted.
        Ok(value) => Cow::Owned(value.to_string()),
        Err(_) => Cow::Borrowed(arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_replaced() {
        for (text, expected) in [
            ("ran in /work/repo/src", "ran in <cwd>/src"),
            ("thread 01a1fb8f-3265-7392-899d-4d946e4e681d ended", "thread <id> ended"),
            ("at 2026-11-29T22:52:10.123Z, on 2026-11-29", "at <time>, on <time>"),
            ("Chunk ID: 5f5ca2\nWall time: 0.0000 seconds", "Chunk ID: <id>\nWall time: <time> seconds"),
            ("Process running with session ID 71612", "Process running with session ID <id>"),
            (r#"{"session_id": 12, "cell_id":"7"}"#, r#"{"session_id": <id>, "cell_id":"<id>"}"#),
            ("  plain 5f5ca2 0.1 \n", "plain 5f5ca2 0.1"),
        ] {
            assert_eq!(without_noise(text, Some("/work/repo")), expected);
        }
        assert_eq!(without_noise("/a /b", Some("/")), "/a /b");
    }

    #[test]
    fn keys_of_arguments_are_sorted() {
        assert_eq!(sorted_arguments(r#"{"b": 1, "a": {"d": "é", "c": 2}}"#), r#"{"a":{"c":2,"d":"é"},"b":1}"#);
        assert_eq!(sorted_arguments("ls -l"), "ls -l");
    }
}
