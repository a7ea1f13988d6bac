//! Finding out which program wrote a session file.

use std::{io::Read, path::Path};

use rollout_trace_evidence::Limits;

use crate::{
    document_records::document_head,
    lines::{Line, Lines},
    object::Object,
    opencode, sources,
};

/// How many bytes of a file are looked at, after decompression.
const HEAD_BYTES: u64 = 64 << 10;

/// How many bytes of a file are looked at if its first record does not end before.
const FIRST_RECORD_BYTES: u64 = 8 << 20;

/// How many records of a file are looked at.
const HEAD_RECORDS: usize = 20;

/// A format of session files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Rollout files of Codex.
    Codex,
    /// Transcripts of Claude Code.
    ClaudeCode,
    /// Sessions of Pi.
    Pi,
    /// Chats of Gemini CLI.
    Gemini,
    /// Stores of opencode.
    OpenCode,
}

impl Format {
    /// Returns the format's name in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Codex => "codex-rollout-jsonl",
            Self::ClaudeCode => "claude-code-jsonl",
            Self::Pi => "pi-jsonl",
            Self::Gemini => "gemini-cli-jsonl",
            Self::OpenCode => "opencode-sqlite-v1",
        }
    }

    /// Returns the name of the program that writes the format.
    pub fn producer(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::ClaudeCode => "claude-code",
            Self::Pi => "pi",
            Self::Gemini => "gemini-cli",
            Self::OpenCode => "opencode",
        }
    }
}

/// Returns the format of a file by its content. Returns `None` if it is not a session file, or cannot be read. The path may
/// be that of a session in a store: `opencode.db#ID`.
///
/// No version is refused: one that is newer than any seen is read by the same rules.
pub fn detect(path: &Path) -> Option<Format> {
    if opencode::store_of(path).is_some() {
        return opencode::is_store(path).then_some(Format::OpenCode);
    }
    let head = head(path);
    head.first().and_then(|first| of_first(first)).or_else(|| head.iter().find_map(|record| of_any(record)))
}

/// Describes the first record of a file, for people: "its first record has the fields `a` and `b`".
pub fn first_record(path: &Path) -> String {
    /// How many fields are named.
    const FIELDS: usize = 6;
    if let Some(why) = opencode::why_not(path) {
        return why;
    }
    let file = match sources::open(path) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let head = head(path);
    let Some(record) = head.iter().find_map(|text| Object::parse(text)) else {
        let is_empty = matches!(file.take(1).read(&mut [0]), Ok(0));
        return if is_empty { "it is empty" } else { "none of its first lines is a JSON object" }.to_owned();
    };
    let names: Vec<String> = record.names().map(|name| format!("{name:?}")).collect();
    match &names[..] {
        [] => "its first record has no fields".to_owned(),
        [name] => format!("its first record has one field, {name}"),
        _ if names.len() > FIELDS => format!("its first record has the fields {}, …", names[..FIELDS].join(", ")),
        [first @ .., last] => format!("its first record has the fields {} and {last}", first.join(", ")),
    }
}

/// Returns the first records of a file, no more of it than its head. Of a file that is one JSON object with messages, this
/// is the object without them.
pub(crate) fn head(path: &Path) -> Vec<String> {
    let records = head_records(path, HEAD_BYTES);
    match records.first() {
        Some(first) if Object::parse(first).is_some() => records,
        // The first record may be longer.
        Some(_) => {
            let long = head_records(path, FIRST_RECORD_BYTES);
            if long.first().is_some_and(|first| Object::parse(first).is_some()) {
                return long;
            }
            let document = document_start(path).and_then(|text| document_head(&text, "messages"));
            document.map_or(records, |document| vec![document])
        }
        None => records,
    }
}

/// Returns whether a file is one JSON object on several lines, and not lines of which each is one.
pub(crate) fn is_document(path: &Path) -> bool {
    let text = document_start(path).unwrap_or_default();
    let first = text.trim_start_matches('\u{feff}').trim_start();
    first.starts_with('{') && first.lines().next().is_some_and(|line| line.trim_end() == "{")
}

fn document_start(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    sources::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn head_records(path: &Path, bytes: u64) -> Vec<String> {
    let Ok(file) = sources::open(path) else { return Vec::new() };
    let limits = Limits { max_archive_bytes: bytes, ..Limits::default() };
    let Ok(lines) = Lines::new(file.take(bytes), limits) else { return Vec::new() };
    let text = |line| match line {
        Line::Text { text, .. } => Some(text),
        Line::Unreadable { .. } | Line::Stopped { .. } => None,
    };
    lines.filter_map(text).filter(|text| text.starts_with('{')).take(HEAD_RECORDS).collect()
}

fn of_first(record: &str) -> Option<Format> {
    let object = Object::parse(record)?;
    let has = |name: &str| object.get(name).is_some();
    if has("sessionId") && has("projectHash") {
        return Some(Format::Gemini);
    }
    if object.text("type").as_deref() == Some("session") && has("version") && has("cwd") {
        return Some(Format::Pi);
    }
    if has("type") && has("payload") {
        return Some(Format::Codex);
    }
    (has("id") && has("timestamp") && !has("type") && !has("sessionId")).then_some(Format::Codex)
}

fn of_any(record: &str) -> Option<Format> {
    let object = Object::parse(record)?;
    let has = |name: &str| object.get(name).is_some();
    if has("sessionId") && (has("uuid") || has("type")) || has("leafUuid") && has("summary") {
        return Some(Format::ClaudeCode);
    }
    if object.get("payload").is_some() && has("type") && has("timestamp") {
        return Some(Format::Codex);
    }
    None
}
