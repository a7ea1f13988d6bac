//! Skipping what a request repeats of the one before it changes nothing: the graph is the same as if each request were
//! read completely.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rollout_trace_bundle::{BundleHeader, Evidence, Limits, LocatedEvent, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_fuzz::{Forgetful, ITEMS, check, fill};
use rollout_trace_reducer::Reducer;
use rollout_trace_schema::{PayloadRef, RawEvent, SchemaVersion};
use serde_json::json;

/// Three requests: the first one, and the changes that make each of the others from the one before.
#[derive(Arbitrary, Debug)]
struct Requests {
    schema_1: bool,
    max_nesting: bool,
    first: Vec<Piece>,
    edits: [Edit; 2],
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Nothing,
    /// Replaces a range of bytes by others.
    Splice {
        at: u16,
        cut: u16,
        pieces: Vec<Piece>,
    },
    /// Does the same, counted from the end.
    SpliceBehind {
        at: u16,
        cut: u16,
        pieces: Vec<Piece>,
    },
    /// Replaces the whole request.
    Other(Vec<Piece>),
}

/// A piece of a request's text.
#[derive(Arbitrary, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Token(u8),
    Item {
        item: u8,
        gaps: [u8; 4],
    },
    /// A whole request with these items, which most inputs should begin with.
    Request {
        before: u8,
        items: Vec<(u8, [u8; 4])>,
        spaced: bool,
        after: u8,
    },
}

const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\"input\":",
    "\"input\":[",
    "\"in\\u0070ut\":",
    "\"previous_response_id\":",
    "\"r1\"",
    "\"model\":\"m\"",
    "\"a\":",
    "1",
    "12",
    "null",
    "true",
    "\"",
    "\\",
    "\u{FEFF}",
    "]}",
    "]}]}",
    "{}",
    "[[[[[[]]]]]]",
    "\"\\ud83d\"",
];

const BEFORE: &[&str] =
    &["", "\"model\":\"m\",", "\"previous_response_id\":null,", "\"input\":\"text\",", " \"x\":[1, 2] ,"];

const AFTER: &[&str] = &[
    "",
    ",\"model\":\"m\"",
    ",\"previous_response_id\":null",
    ",\"previous_response_id\":\"r1\"",
    ",\"input\":\"text\"",
    ",\"input\":[]",
    ", \"x\" : {\"input\":[]} ",
    ",\"tail\":\"2\"",
];

fn write(bytes: &mut Vec<u8>, pieces: &[Piece]) {
    let item =
        |item: u8, gaps: &[u8; 4]| fill(ITEMS[usize::from(item) % ITEMS.len()], &mut gaps.iter().copied()).into_bytes();
    for piece in pieces {
        match piece {
            Piece::Bytes(raw) => bytes.extend_from_slice(raw),
            Piece::Token(token) => bytes.extend_from_slice(TOKENS[usize::from(*token) % TOKENS.len()].as_bytes()),
            Piece::Item { item: number, gaps } => bytes.extend(item(*number, gaps)),
            Piece::Request { before, items, spaced, after } => {
                bytes.push(b'{');
                bytes.extend_from_slice(BEFORE[usize::from(*before) % BEFORE.len()].as_bytes());
                bytes.extend_from_slice(b"\"input\":[");
                let comma: &[u8] = if *spaced { b" ,\n  " } else { b"," };
                let items: Vec<_> = items.iter().map(|(number, gaps)| item(*number, gaps)).collect();
                bytes.extend(items.join(comma));
                bytes.push(b']');
                bytes.extend_from_slice(AFTER[usize::from(*after) % AFTER.len()].as_bytes());
                bytes.push(b'}');
            }
        }
    }
}

impl Edit {
    fn apply(&self, before: &[u8]) -> Vec<u8> {
        let mut bytes = before.to_vec();
        let mut other = Vec::new();
        match self {
            Self::Nothing => {}
            Self::Splice { at, cut, pieces } => {
                write(&mut other, pieces);
                let at = usize::from(*at).min(bytes.len());
                let end = (at + usize::from(*cut)).min(bytes.len());
                bytes.splice(at..end, other);
            }
            Self::SpliceBehind { at, cut, pieces } => {
                write(&mut other, pieces);
                let end = bytes.len() - usize::from(*at).min(bytes.len());
                let at = end - usize::from(*cut).min(end);
                bytes.splice(at..end, other);
            }
            Self::Other(pieces) => {
                write(&mut other, pieces);
                bytes = other;
            }
        }
        bytes
    }
}

struct Memory(Vec<Vec<u8>>);

impl PayloadSource for Memory {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let number: usize = reference.to_string().parse().expect("the paths are numbers");
        buffer.replace(&reference.raw_payload_id, &mut self.0[number].clone());
        Ok(())
    }
}

fn reduce(version: SchemaVersion, limits: Limits, payloads: &mut dyn PayloadSource) -> String {
    let header = BundleHeader {
        schema_version: version,
        stated_schema: Some(version.number()),
        trace_id: None,
        rollout_id: None,
        root_thread_id: None,
        started_at_unix_ms: None,
        observed: None,
        evidence: None,
    };
    let mut reducer = Reducer::new(header, limits);
    let request = |number: usize| {
        json!({"type": "inference_started", "inference_call_id": format!("i{number}"), "thread_id": "T",
            "codex_turn_id": "U", "model": "m", "provider_name": "p", "request_payload":
            {"raw_payload_id": format!("p{number}"), "kind": {"type": "inference_request"}, "path": number.to_string()}})
    };
    let response = json!({"type": "inference_completed", "inference_call_id": "i0", "response_id": "r1",
        "response_payload": {"raw_payload_id": "r", "kind": {"type": "inference_response"}, "path": "3"}});
    for (seq, payload) in (1..).zip([request(0), response, request(1), request(2)]) {
        let event: RawEvent = serde_json::from_value(json!({"schema_version": version.number(), "seq": seq,
            "wall_time_unix_ms": 1000, "rollout_id": "R", "thread_id": "T", "codex_turn_id": "U", "payload": payload}))
        .expect("it is an event");
        let located = LocatedEvent { line: seq, newline_terminated: true, event };
        reducer.apply(&Evidence::Event(located), payloads);
    }
    check(&reducer.finish())
}

fuzz_target!(|requests: Requests| {
    let mut first = Vec::new();
    write(&mut first, &requests.first);
    let second = requests.edits[0].apply(&first);
    let third = requests.edits[1].apply(&second);
    let response = br#"{"output_items":[{"type":"message","id":"m1","role":"assistant","content":[{"type":"output_text","text":"hello"}]}]}"#;
    let payloads = vec![first, second, third, response.to_vec()];
    let version = if requests.schema_1 { SchemaVersion::V1 } else { SchemaVersion::V2 };
    let limits = Limits { max_nesting: if requests.max_nesting { 4 } else { 512 }, ..Limits::default() };
    let compared = reduce(version, limits, &mut Memory(payloads.clone()));
    let whole = reduce(version, limits, &mut Forgetful(Memory(payloads)));
    assert_eq!(compared, whole);
});
