//! A damaged shard: everything before the damage is read as it was written, and assembling any references does not panic.

#![no_main]

use std::{collections::BTreeMap, fs, path::Path};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rollout_trace_bundle::{Limits, PayloadBuffer, PayloadShards, PayloadSource};
use rollout_trace_fuzz::in_folder;
use rollout_trace_schema::{Capture, PayloadKind, PayloadPlace, PayloadRef, shard_path};

#[derive(Arbitrary, Debug)]
struct Input {
    shard: Shard,
    references: Vec<Reference>,
}

#[derive(Arbitrary, Debug)]
enum Shard {
    /// Records, each in a block of its own, and what happened to the last ones.
    Records { records: Vec<(u8, Vec<u8>)>, is_ended: bool, damage: Option<(u16, u8)> },
    /// A file of any bytes.
    Any(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Reference {
    id: u8,
    capture: u8,
    parts: Vec<Reference>,
}

impl Reference {
    fn build(&self, depth: usize) -> PayloadRef {
        let parts = self.parts.iter().filter(|_| depth < 32).map(|part| part.build(depth + 1)).collect();
        let len = u64::from(self.capture / 4);
        let (capture, shard) = match self.capture % 4 {
            0 => (Capture::Truncated { original_bytes: len + 1, retained_bytes: len }, Some(1)),
            1 => (Capture::Omitted { original_bytes: len }, None),
            _ => (Capture::Complete, Some(1)),
        };
        PayloadRef { capture, parts, place: PayloadPlace::Shard(shard), ..reference(self.id) }
    }
}

fn reference(id: u8) -> PayloadRef {
    PayloadRef::in_shard(id.to_string(), PayloadKind::ModelItem, 1)
}

/// The bytes of a frame of uncompressed blocks, and where each record ends.
fn frame(records: &[(u8, Vec<u8>)], is_ended: bool) -> (Vec<u8>, Vec<usize>) {
    // A magic number, no flags, and a window of 1 MiB.
    let mut bytes = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50];
    let mut ends = Vec::new();
    for (id, document) in records {
        let id = id.to_string();
        let record =
            [&(id.len() as u16).to_le_bytes()[..], &(document.len() as u64).to_le_bytes(), id.as_bytes(), document]
                .concat();
        bytes.extend_from_slice(&((record.len() as u32) << 3).to_le_bytes()[..3]);
        bytes.extend_from_slice(&record);
        ends.push(bytes.len());
    }
    if is_ended {
        bytes.extend_from_slice(&[1, 0, 0]);
    }
    (bytes, ends)
}

fn write(folder: &Path, bytes: &[u8]) {
    fs::create_dir_all(folder.join("payloads")).expect("a temporary folder can be written");
    fs::write(folder.join(shard_path(1)), bytes).expect("a temporary folder can be written");
}

fuzz_target!(|input: Input| {
    in_folder(|folder| {
        let mut sound: BTreeMap<u8, &[u8]> = BTreeMap::new();
        match &input.shard {
            Shard::Any(bytes) => write(folder, bytes),
            Shard::Records { records, is_ended, damage } => {
                let (mut bytes, ends) = frame(records, *is_ended);
                let mut damaged_from = usize::MAX;
                if let Some((at, change)) = damage {
                    let at = usize::from(*at) % bytes.len();
                    bytes[at] ^= change;
                    damaged_from = if *change == 0 { usize::MAX } else { at };
                }
                for ((id, document), end) in records.iter().zip(ends) {
                    if end <= damaged_from && damaged_from >= 6 {
                        sound.entry(*id).or_insert(document);
                    }
                }
                write(folder, &bytes);
            }
        }
        let mut source = PayloadShards::new(folder, &Limits { max_payload_bytes: 1 << 16, ..Limits::default() });
        let mut buffer = PayloadBuffer::default();
        for (id, document) in sound {
            source.load(&reference(id), &mut buffer).expect("its record is before the damage");
            assert!(buffer.bytes() == document, "document {id} is another one");
        }
        for reference in &input.references {
            let reference = reference.build(0);
            let before = buffer.bytes().to_vec();
            let is_json = source.is_json(&reference, 512);
            match source.load(&reference, &mut buffer) {
                Ok(()) if is_json => {
                    serde_json::from_slice::<serde_json::Value>(buffer.bytes()).expect("it was said to be JSON");
                }
                Ok(()) => {}
                Err(error) => {
                    assert!(!is_json, "{error}");
                    assert_eq!(buffer.bytes(), before, "a failure leaves the buffer as it was");
                }
            }
        }
    });
});
