//! Finding out which program wrote a session file.

use std::{io::Read, path::Path};

use rollout_trace_evidence::Limits;

use crate::{
    lines::{Line, Lines},
    object::Object,
    sources,
};

/// How many bytes of a file are looked at, after decompression.
const HEAD_BYTES: u64 = 64 << 10;

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
}

impl Format {
    /// Returns the format's name in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Codex => "codex-rollout-jsonl",
            Self::ClaudeCode => "claude-code-jsonl",
            Self::Pi => "pi-jsonl",
            Self::Gemini => "gemini-cli-jsonl",
        }
    }

    /// Returns the name of the program that writes the format.
    pub fn producer(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::ClaudeCode => "claude-code",
            Self::Pi => "pi",
            Self::Gemini => "gemini-cli",
        }
    }
}

/// Returns the format of a file by its content. Returns `None` if it is not a session file, or cannot be read.
///
/// No version is refused: one that is newer than any seen is read by the same rules.
pub fn detect(path: &Path) -> Option<Format> {
    let head = head(path);
    head.first().and_then(|first| of_first(first)).or_else(|| head.iter().find_map(|record| of_any(record)))
}

/// Returns the first records of a file, no more of it than its head.
pub(crate) fn head(path: &Path) -> Vec<String> {
    let Ok(file) = sources::open(path) else { return Vec::new() };
    let limits = Limits { max_archive_bytes: HEAD_BYTES, ..Limits::default() };
    let Ok(lines) = Lines::new(file.take(HEAD_BYTES), limits) else { return Vec::new() };
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
