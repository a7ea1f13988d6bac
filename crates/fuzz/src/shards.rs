//! Bundles of schema 3, with documents that are made of parts.

use std::{fs, path::Path};

use arbitrary::Arbitrary;
use rollout_trace_schema::shard_path;
use serde_json::{Value, json};

use crate::{
    folder::{Document, write},
    line::{Line, write_log},
    template::{ITEMS, fill},
};

/// What is stored for the payloads 0 to 5 of an event log, and for the parts that they share.
#[derive(Arbitrary, Debug)]
pub struct Shards {
    lines: Vec<Line>,
    newline_at_end: bool,
    documents: [Stored; 6],
    parts: [Part; 6],
    /// References that differ from the others to the same payload, by their place in the log.
    odd: Vec<(u8, Capture)>,
    frames: u8,
    damage: Damage,
}

/// A document.
#[derive(Arbitrary, Debug)]
enum Stored {
    Whole(Document),
    /// One whose items are parts.
    InParts {
        shape: u8,
        parts: Vec<u8>,
        fragments: u8,
    },
}

/// A part of documents.
#[derive(Arbitrary, Debug)]
struct Part {
    item: (u8, [u8; 4]),
    capture: Capture,
    /// Whether it is itself made of the part after it.
    is_nested: bool,
    is_broken: bool,
}

/// How much of a document is said to be recorded.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Capture {
    Absent,
    Complete,
    Omitted,
    OmittedInShard,
    Truncated(u8),
    Null,
    OtherShard,
}

/// Damage to a shard.
#[derive(Arbitrary, Debug)]
enum Damage {
    None,
    Flip { at: u16, bits: u8 },
    FlipRecords { at: u16, bits: u8 },
    Cut { at: u16 },
    CutRecords { at: u16 },
    Double { at: u16, len: u8 },
    Missing,
}

/// Texts around the items of a document.
const SHAPES: [(&str, &str); 4] = [
    (r#"{"input":["#, "]}"),
    (r#"{"output_items":["#, "]}"),
    (r#"{"input_history":["#, r#"],"replacement_history":[]}"#),
    (r#"{"previous_response_id":"r1","input":["#, "]}"),
];

impl Capture {
    fn apply(self, reference: &mut Value) {
        match self {
            Self::Absent => {}
            Self::Complete => reference["capture"] = json!({"status": "complete"}),
            Self::Omitted => {
                reference["capture"] = json!({"status": "omitted", "original_bytes": 9});
                reference["shard"] = Value::Null;
            }
            Self::OmittedInShard => reference["capture"] = json!({"status": "omitted", "original_bytes": 9}),
            Self::Truncated(len) => {
                reference["capture"] = json!({"status": "truncated", "original_bytes": 99, "retained_bytes": len});
            }
            Self::Null => reference["capture"] = Value::Null,
            Self::OtherShard => reference["shard"] = json!(2),
        }
    }
}

impl Shards {
    /// Writes the bundle into a folder, and removes the shards of an earlier one.
    pub fn write(&self, folder: &Path) {
        let manifest = json!({
            "schema_version": 3, "trace_id": "tr", "rollout_id": "R", "root_thread_id": "T",
            "started_at_unix_ms": 1000, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads",
        });
        write(&folder.join("manifest.json"), manifest.to_string().as_bytes());
        write(&folder.join("trace.jsonl"), &self.log());
        fs::create_dir_all(folder.join("payloads")).expect("a temporary folder can be written");
        let shard = folder.join(shard_path(1));
        match self.shard() {
            Some(bytes) => write(&shard, &bytes),
            None => _ = fs::remove_file(shard),
        }
    }

    /// Returns the log, with references to the shard instead of paths.
    fn log(&self) -> Vec<u8> {
        let log = write_log(3, &self.lines, self.newline_at_end);
        let needle = br#""path":"payloads/"#;
        let (mut text, mut rest, mut count) = (Vec::new(), &log[..], 0_u8);
        while let Some(at) = rest.windows(needle.len()).position(|window| window == needle) {
            let after = &rest[at + needle.len()..];
            let Some((number, after)) = after.split_first().filter(|(_, after)| after.starts_with(b".json\"")) else {
                break;
            };
            text.extend_from_slice(&rest[..at]);
            let mut reference = self.document_reference(usize::from(number.wrapping_sub(b'0')) % 6);
            if let Some((_, odd)) = self.odd.iter().find(|(place, _)| *place == count) {
                odd.apply(&mut reference);
            }
            let fields = reference.to_string();
            text.extend_from_slice(&fields.as_bytes()[1..fields.len() - 1]);
            rest = &after[b".json\"".len()..];
            count = count.wrapping_add(1);
        }
        text.extend_from_slice(rest);
        text
    }

    /// Returns what a reference to a document says besides its id and kind.
    fn document_reference(&self, number: usize) -> Value {
        let mut reference = json!({"shard": 1});
        if let Stored::InParts { parts, .. } = &self.documents[number] {
            let parts: Vec<_> = parts.iter().map(|part| self.part_reference(usize::from(part % 6), 0)).collect();
            reference["parts"] = parts.into();
        }
        reference
    }

    fn part_reference(&self, number: usize, depth: usize) -> Value {
        let part = &self.parts[number];
        let mut reference = json!({"raw_payload_id": format!("p{number}"), "kind": {"type": "model_item"}, "shard": 1});
        if part.is_nested && depth < 3 {
            reference["parts"] = json!([self.part_reference((number + 1) % 6, depth + 1)]);
        }
        part.capture.apply(&mut reference);
        reference
    }

    /// Returns the bytes of the shard, or `None` if it is missing.
    fn shard(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for (number, stored) in self.documents.iter().enumerate() {
            let document = match stored {
                Stored::Whole(document) => document.bytes(),
                Stored::InParts { shape, parts, fragments } => {
                    let (before, after) = SHAPES[usize::from(shape % 4)];
                    let mut texts = vec![before];
                    texts.extend((1..parts.len()).map(|_| ","));
                    match parts.len() {
                        0 => texts[0] = r#"{"input":[]}"#,
                        _ => texts.push(after),
                    }
                    texts.truncate(if *fragments < 8 { usize::from(*fragments) } else { texts.len() });
                    let is_plain = parts.is_empty();
                    Some(if is_plain { r#"{"input":[]}"#.into() } else { json!(texts).to_string().into_bytes() })
                }
            };
            if let Some(document) = document {
                record(&mut bytes, &format!("raw_payload:{number}"), &document);
            }
        }
        for (number, part) in self.parts.iter().enumerate() {
            let (item, gaps) = part.item;
            let text = fill(ITEMS[usize::from(item) % ITEMS.len()], &mut gaps.into_iter());
            let document = match (part.is_nested, part.is_broken) {
                (true, false) => json!([r#"{"type":"message","role":"user","content":["#, "]}"]).to_string(),
                (_, true) => text[..text.len() / 2].to_owned(),
                (false, false) => text,
            };
            record(&mut bytes, &format!("p{number}"), document.as_bytes());
        }
        match self.damage {
            Damage::FlipRecords { at, bits } => {
                let at = usize::from(at) % bytes.len();
                bytes[at] ^= bits;
            }
            Damage::CutRecords { at } => bytes.truncate(usize::from(at) % bytes.len()),
            _ => {}
        }
        let mut shard = frames(&bytes, self.frames);
        match self.damage {
            Damage::Flip { at, bits } => {
                let at = usize::from(at) % shard.len();
                shard[at] ^= bits;
            }
            Damage::Cut { at } => shard.truncate(usize::from(at) % shard.len()),
            Damage::Double { at, len } => {
                let at = usize::from(at) % shard.len();
                let end = shard.len().min(at + usize::from(len));
                let doubled = shard[at..end].to_vec();
                shard.splice(at..at, doubled);
            }
            Damage::Missing => return None,
            _ => {}
        }
        Some(shard)
    }
}

fn record(bytes: &mut Vec<u8>, id: &str, document: &[u8]) {
    bytes.extend_from_slice(&(id.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(document.len() as u64).to_le_bytes());
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(document);
}

/// Returns frames of uncompressed blocks. `layout` says how long the blocks are, and whether the last frame is ended.
fn frames(bytes: &[u8], layout: u8) -> Vec<u8> {
    // A magic number, no flags, and a window of 1 MiB.
    const HEADER: [u8; 6] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50];
    let mut shard = HEADER.to_vec();
    let block = 64 << (layout % 4);
    for (place, block) in bytes.chunks(block).enumerate() {
        if layout & 4 != 0 && place == 2 {
            shard.extend_from_slice(&[1, 0, 0]);
            shard.extend_from_slice(&HEADER);
        }
        shard.extend_from_slice(&((block.len() as u32) << 3).to_le_bytes()[..3]);
        shard.extend_from_slice(block);
    }
    if layout & 8 == 0 {
        shard.extend_from_slice(&[1, 0, 0]);
    }
    shard
}
