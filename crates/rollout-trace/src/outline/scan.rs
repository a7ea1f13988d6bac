//! A quick look at a log that is as writers leave it.

use std::io::{ErrorKind, Read};

use memchr::{memchr, memmem::Finder};
use rollout_trace_bundle::Bundle;
use rollout_trace_schema::{InferenceStarted, Manifest, RolloutEnded, ThreadId, ThreadStarted, UnixMillis};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use super::Events;

/// How much is read at once.
const BLOCK: usize = 64 << 10;

/// The part of an event that an outline needs.
#[derive(Deserialize)]
struct Event<T> {
    wall_time_unix_ms: UnixMillis,
    payload: T,
}

/// Scans logs. Its buffers are used again and again.
#[derive(Debug)]
pub(super) struct Scanner {
    buffer: Vec<u8>,
    /// Finds the type of an event. In a string the quotes would be escaped.
    kind: Finder<'static>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { buffer: vec![0; BLOCK], kind: Finder::new(b"\"payload\":{\"type\":\"") }
    }
}

impl Scanner {
    /// Takes from the log what an outline needs, and parses no other events. Returns `None` if the log is not as writers
    /// leave it: a whole object on each line that begins with the schema version and the next seq, and nothing after the
    /// end marker. What is damaged within a line is not noticed.
    pub(super) fn scan(&mut self, bundle: &Bundle) -> Option<Events> {
        let header = bundle.header();
        let mut log = bundle.open_file(Manifest::RAW_EVENT_LOG).ok()?;
        let mut lines = Lines {
            prefix: format!("{{\"schema_version\":{},\"seq\":", header.stated_schema?).into_bytes(),
            seq: 1,
            events_left: bundle.limits().max_events,
            has_ended: false,
            last: Vec::new(),
            events: Events::default(),
        };
        let mut filled = 0;
        loop {
            match log.read(&mut self.buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return None,
            }
            let (mut start, mut last) = (0, 0..0);
            while let Some(length) = memchr(b'\n', &self.buffer[start..filled]) {
                last = start..start + length;
                lines.take(&self.buffer[last.clone()], &self.kind, header.root_thread_id.as_ref())?;
                start += length + 1;
            }
            // Of the lines so far, only the last one may be needed again.
            if !last.is_empty() {
                lines.last.clear();
                lines.last.extend_from_slice(&self.buffer[last]);
            }
            self.buffer.copy_within(start..filled, 0);
            filled -= start;
            if filled == self.buffer.len() {
                if filled > bundle.limits().max_line_bytes {
                    return None;
                }
                self.buffer.resize(2 * filled, 0);
            }
        }
        if filled > 0 || lines.seq == 1 {
            return None;
        }
        if lines.events.status.is_none() {
            let last: Event<IgnoredAny> = serde_json::from_slice(&lines.last).ok()?;
            lines.events.ended_at = Some(last.wall_time_unix_ms);
        }
        Some(lines.events)
    }
}

/// The lines that were scanned so far.
struct Lines {
    /// How each line begins.
    prefix: Vec<u8>,
    /// The seq of the next line.
    seq: u64,
    events_left: u64,
    has_ended: bool,
    last: Vec<u8>,
    events: Events,
}

impl Lines {
    fn take(&mut self, line: &[u8], kind: &Finder<'_>, root: Option<&ThreadId>) -> Option<()> {
        let rest = line.strip_prefix(self.prefix.as_slice())?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seq: u64 = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        let is_whole = rest.get(digits) == Some(&b',') && line.ends_with(b"}}");
        if seq != self.seq || !is_whole || self.has_ended || self.events_left == 0 {
            return None;
        }
        self.seq += 1;
        self.events_left -= 1;
        let after = &rest[kind.find(rest)? + kind.needle().len()..];
        let kind = &after[..memchr(b'"', after)?];
        let events = &mut self.events;
        match kind {
            b"codex_turn_started" => events.turns += 1,
            b"thread_started" => {
                events.agents += 1;
                if events.metadata.is_none() {
                    let ThreadStarted { thread_id, metadata_payload, .. } = payload(line)?;
                    events.take_thread(&thread_id, metadata_payload, root);
                }
            }
            b"inference_started" if events.request.is_none() => {
                let InferenceStarted { thread_id, model, request_payload, .. } = payload(line)?;
                events.take_request(&thread_id, model, request_payload, root);
            }
            b"rollout_ended" => {
                let event: Event<RolloutEnded> = serde_json::from_slice(line).ok()?;
                (events.status, events.ended_at) = (Some(event.payload.status), Some(event.wall_time_unix_ms));
            }
            b"recording_completed" => self.has_ended = true,
            _ => {}
        }
        Some(())
    }
}

fn payload<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    serde_json::from_slice::<Event<T>>(line).ok().map(|event| event.payload)
}
