//! Decoding lines into events.

use memchr::memmem;
use rollout_trace_schema::{
    CodexTurnId, EventPayload, RawEvent, RolloutId, Seq, ThreadId, UnixMillis,
    json_text::{Cursor, Nesting, check_nesting},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use twox_hash::XxHash3_64;

use crate::{BundleHeader, Limits, LocatedEvent, LogLine, Problem, lenient_json, line::Line, sequencer::usable};

/// The text with which writers begin an event.
const EVENT_START: &[u8] = b"{\"schema_version\":";

/// Reads events from lines and fills in what an envelope lacks.
#[derive(Debug)]
pub(crate) struct EventDecoder {
    max_nesting: usize,
    schema_version: u32,
    rollout_id: Option<RolloutId>,
    wall_time: UnixMillis,
}

impl EventDecoder {
    pub(crate) fn new(header: &BundleHeader, limits: &Limits) -> Self {
        Self {
            max_nesting: limits.max_nesting,
            schema_version: header.schema_version.number(),
            rollout_id: header.rollout_id.clone(),
            wall_time: header.started_at_unix_ms.unwrap_or_default(),
        }
    }

    /// Passes the line to `push` as one [`LogLine`], preceded by its problems.
    pub(crate) fn decode(&mut self, line: &Line<'_>, limit: usize, mut push: impl FnMut(LogLine)) {
        let number = line.number;
        let Some(text) = line.text else {
            push(LogLine::Lost { problem: Problem::LineTooLong { line: number, limit }, seq: None });
            return;
        };
        let mut faults = Vec::new();
        match self.read(text, &mut faults) {
            Ok((event, seq)) => {
                for fault in faults {
                    push(LogLine::Problem(match fault {
                        Fault::NotUtf8 => Problem::InvalidUtf8 { line: number },
                        Fault::Fields(reason) => Problem::EnvelopeField { line: number, reason },
                    }));
                }
                self.wall_time = event.wall_time_unix_ms;
                self.rollout_id.get_or_insert_with(|| event.rollout_id.clone());
                push(LogLine::Event {
                    event: LocatedEvent { line: number, newline_terminated: line.newline_terminated, event },
                    seq,
                    fingerprint: fingerprint(text),
                });
            }
            Err(NoEvent::NotJson(_)) if self.decode_shared(line, text, &mut push) => {}
            Err(NoEvent::NotJson(_)) if !line.newline_terminated => {
                push(LogLine::Lost { problem: Problem::TornLine { line: number, bytes: text.len() }, seq: None });
            }
            Err(NoEvent::NotJson(reason)) => {
                push(LogLine::Lost { problem: Problem::UnparsableLine { line: number, reason }, seq: None });
            }
            Err(NoEvent::NoEnvelope { reason, seq }) => {
                let reason = reason.to_owned();
                push(LogLine::Lost { problem: Problem::UnparsableLine { line: number, reason }, seq });
            }
        }
    }

    /// Passes on the events of a line that was several lines before its newlines were damaged, or that begins with the
    /// rest of a torn line. Returns whether it has any.
    fn decode_shared(&mut self, line: &Line<'_>, text: &[u8], push: &mut impl FnMut(LogLine)) -> bool {
        let starts: Vec<usize> = memmem::find_iter(text, EVENT_START).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let parts = starts.iter().zip(ends).map(|(start, end)| &text[*start..end]);
        let events: Vec<(RawEvent, &[u8])> = parts
            .filter_map(|part| {
                let part = &part[Cursor::new(part, 0).value(Nesting::new(self.max_nesting)).ok()?];
                let mut deserializer = serde_json::Deserializer::from_slice(part);
                // The nesting is checked above.
                deserializer.disable_recursion_limit();
                let event = RawEvent::deserialize(&mut deserializer).ok()?;
                usable(&event.seq).then_some((event, part))
            })
            .collect();
        if events.is_empty() {
            return false;
        }
        let problem = Problem::SharedLine { line: line.number, events: events.len() };
        let starts_torn = starts.first() != Some(&0);
        push(if starts_torn || events.len() < starts.len() {
            LogLine::Lost { problem, seq: None }
        } else {
            LogLine::Problem(problem)
        });
        for (event, part) in events {
            self.wall_time = event.wall_time_unix_ms;
            let seq = Some(event.seq);
            let newline_terminated = line.newline_terminated && text.ends_with(part);
            let event = LocatedEvent { line: line.number, newline_terminated, event };
            push(LogLine::Event { event, seq, fingerprint: fingerprint(part) });
        }
        true
    }

    fn read(&self, text: &[u8], faults: &mut Vec<Fault>) -> Result<(RawEvent, Option<Seq>), NoEvent> {
        if let Ok(event) = RawEvent::from_json(text)
            && usable(&event.seq)
            // Each level takes two brackets, so most lines are too short to nest too deeply.
            && (text.len() / 2 <= self.max_nesting || check_nesting(text, self.max_nesting).is_ok())
        {
            let seq = event.seq;
            return Ok((event, Some(seq)));
        }
        let lenient = lenient_json::parse(text, self.max_nesting).map_err(|error| NoEvent::not_json(&error))?;
        let Value::Object(mut object) = lenient.value else {
            return Err(NoEvent::NoEnvelope { reason: "it is JSON, but not an object", seq: None });
        };
        if lenient.not_utf8 {
            faults.push(Fault::NotUtf8);
        }
        let mut field_faults = Vec::new();
        let mut fields = Fields { object: &mut object, faults: &mut field_faults };
        let seq = fields.required::<Seq>("seq");
        let seq = seq.filter(usable).or_else(|| {
            fields.faults.extend(seq.map(|seq| format!("seq is {seq}, which no event can have")));
            None
        });
        let payload = match fields.object.remove("payload") {
            Some(payload @ Value::Object(_)) => payload,
            Some(_) => return Err(NoEvent::NoEnvelope { reason: "its payload is not an object", seq }),
            None => return Err(NoEvent::NoEnvelope { reason: "it has no payload", seq }),
        };
        let payload = EventPayload::deserialize(payload).map_err(|error| NoEvent::not_json(&error))?;
        let event = RawEvent {
            schema_version: fields.required("schema_version").unwrap_or(self.schema_version),
            seq: seq.unwrap_or_default(),
            wall_time_unix_ms: fields.required("wall_time_unix_ms").unwrap_or(self.wall_time),
            rollout_id: fields
                .required("rollout_id")
                .or_else(|| self.rollout_id.clone())
                .unwrap_or_else(|| RolloutId::new("")),
            thread_id: fields.optional::<ThreadId>("thread_id"),
            codex_turn_id: fields.optional::<CodexTurnId>("codex_turn_id"),
            payload,
            source: fields.lenient("source"),
            evidence: fields.lenient("evidence"),
        };
        // All faults in the fields of a line are one problem.
        faults.extend((!field_faults.is_empty()).then(|| Fault::Fields(field_faults.join("; "))));
        Ok((event, seq))
    }
}

/// Why a line has no event.
enum NoEvent {
    /// It is not JSON, because it is damaged or incomplete.
    NotJson(String),
    /// It is JSON of another shape, which may still contain the seq of the event.
    NoEnvelope { reason: &'static str, seq: Option<Seq> },
}

impl NoEvent {
    fn not_json(error: &dyn std::fmt::Display) -> Self {
        // The parser counts lines within the text. Its line 1 would be confused with the number of the line in the log.
        Self::NotJson(error.to_string().replace(" at line 1 column ", " at column "))
    }
}

/// What is wrong with a line whose event can be read nevertheless.
enum Fault {
    NotUtf8,
    Fields(String),
}

/// The fields of an envelope, read one by one.
struct Fields<'a> {
    object: &'a mut Map<String, Value>,
    faults: &'a mut Vec<String>,
}

impl Fields<'_> {
    fn required<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.object.remove(name) {
            None => {
                self.faults.push(format!("{name} is missing"));
                None
            }
            Some(value) => self.read(name, value),
        }
    }

    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.object.remove(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.read(name, value),
        }
    }

    /// Returns a field that other producers may use in another way. A value that does not fit counts as absent.
    fn lenient<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        serde_json::from_value(self.object.remove(name)?).ok()
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str, value: Value) -> Option<T> {
        serde_json::from_value(value).map_err(|error| self.faults.push(format!("{name}: {error}"))).ok()
    }
}

/// Returns a hash that distinguishes an exact repetition from another line with the same seq.
fn fingerprint(text: &[u8]) -> u64 {
    XxHash3_64::oneshot(text)
}
