//! Finding common secrets in text. `docs/redaction.md` lists what is found.

mod credentials;
mod names;
mod prefixes;
mod private_key;
mod scanner;
mod surroundings;
mod values;
mod view;

use std::ops::Range;

pub(crate) use names::Named;
pub(crate) use surroundings::{Container, Place, Surroundings};

use scanner::Scanner;
use values::Written;
use view::View;

/// A secret and where it is in a view.
#[derive(Clone, Copy, Debug)]
struct Found {
    start: usize,
    end: usize,
    kind: Kind,
}

/// The kinds of secrets, which their marks name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ApiKey,
    BearerToken,
    Credentials,
    Password,
    PrivateKey,
    Token,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::BearerToken => "bearer_token",
            Self::Credentials => "credentials",
            Self::Password => "password",
            Self::PrivateKey => "private_key",
            Self::Token => "token",
        }
    }

    fn of(named: Named) -> Self {
        match named {
            Named::Authorization | Named::Cookie | Named::Registry => Self::Credentials,
            Named::Password => Self::Password,
            Named::Key => Self::ApiKey,
            Named::Token => Self::Token,
        }
    }
}

/// What looking at a text has found.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// The text with marks in place of secrets; `None` if there are none.
    pub(crate) replaced: Option<String>,
    /// A private key begins in the text and does not end in it.
    pub(crate) begins_key: bool,
}

/// Replaces each secret in a text by a mark with the hash of the secret.
pub(crate) fn replace(text: &str, hash: impl Fn(&[u8]) -> u64) -> Looked {
    let view = View::new(text);
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut scanner = Scanner::new(&view);
    for Found { start, end, kind } in &mut scanner {
        let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
        let range = whole_characters(text, view.source_start(start)..view.source_end(end));
        let Some(between) = text.get(copied..range.start) else { continue };
        out.push_str(between);
        push_mark(out, kind, hash(&view.bytes()[start..end]));
        copied = range.end;
    }
    let replaced = out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    });
    Looked { replaced, begins_key: scanner.begins_key() }
}

/// Replaces the secrets in a text whose place says what it is.
pub(crate) fn replace_at(place: Place, text: &str, hash: impl Fn(&[u8]) -> u64) -> Looked {
    let bytes = text.as_bytes();
    let (range, kind) = match place {
        Place::InKey if !text.is_empty() => (0..text.len(), Kind::PrivateKey),
        Place::ValueOf(named) => match value_range(named, bytes) {
            Some(range) => (range, Kind::of(named)),
            None => return replace(text, hash),
        },
        Place::InKey | Place::Anywhere => return replace(text, hash),
    };
    let mut out = String::new();
    let range = whole_characters(text, range);
    out.push_str(&text[..range.start]);
    push_mark(&mut out, kind, hash(&bytes[range.clone()]));
    out.push_str(&text[range.end..]);
    Looked { replaced: Some(out), begins_key: false }
}

/// Returns which part of the value of a name is secret.
fn value_range(named: Named, value: &[u8]) -> Option<Range<usize>> {
    const LEAST_HEADER: usize = 6;
    match named {
        Named::Authorization if value.len() >= LEAST_HEADER => {
            let (start, end) = credentials::in_header(value)?;
            Some(start..end)
        }
        Named::Cookie if value.len() >= LEAST_HEADER => Some(0..value.len()),
        _ => values::is_secret(named, value, Written::Quoted).then_some(0..value.len()),
    }
}

fn push_mark(out: &mut String, kind: Kind, hash: u64) {
    out.push_str(&format!("[redacted:{}:{:08x}]", kind.name(), hash as u32));
}

/// Extends a range to the characters that it is in.
fn whole_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}

#[cfg(test)]
mod tests;
