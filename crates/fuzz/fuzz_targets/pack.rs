//! A damaged pack: documents that do not depend on the damaged bytes are read as they were written, and no other
//! document is taken for sound.

#![no_main]

use std::{collections::BTreeSet, fs, path::Path};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rollout_trace_bundle::{Limits, PayloadBuffer, PayloadError, PayloadPack, PayloadSource};
use rollout_trace_fuzz::{Damage, PackPlan, in_folder};
use rollout_trace_schema::{PayloadKind, PayloadRef, packed::PACK_FILE};

#[derive(Arbitrary, Debug)]
enum Input {
    /// A pack and its damage.
    Damaged { plan: PackPlan, damage: Damage, order: Vec<u8> },
    /// A file of any bytes.
    Any(Vec<u8>),
}

fn reference(number: u64) -> PayloadRef {
    PayloadRef::at_path(format!("raw_payload:{number}"), PayloadKind::InferenceRequest, format!("payloads/{number}.json"))
}

/// Loads a document into a buffer. Returns `None` if it cannot be read as it was written.
fn load(source: &mut PayloadPack, number: u64, buffer: &mut PayloadBuffer) -> Option<Vec<u8>> {
    let before = buffer.bytes().to_vec();
    let loaded: Result<(), PayloadError> = source.load(&reference(number), buffer);
    if loaded.is_err() {
        assert_eq!(buffer.bytes(), before, "a failure leaves the buffer as it was");
        return None;
    }
    let (prefix, suffix) = (buffer.unchanged_prefix(), buffer.unchanged_suffix());
    let after = buffer.bytes();
    assert!(prefix + suffix <= before.len().min(after.len()));
    assert_eq!(before[..prefix], after[..prefix]);
    assert_eq!(before[before.len() - suffix..], after[after.len() - suffix..]);
    if !buffer.holes().is_empty() {
        serde_json::from_slice::<serde_json::Value>(after).expect("a document with marks is JSON");
        return None;
    }
    Some(after.to_vec())
}

fn open(folder: &Path, bytes: &[u8]) -> Option<PayloadPack> {
    fs::write(folder.join(PACK_FILE), bytes).expect("a temporary folder can be written");
    PayloadPack::open(folder, &Limits { max_payload_bytes: 1 << 20, ..Limits::default() }).ok()
}

fuzz_target!(|input: Input| {
    in_folder(|folder| match input {
        Input::Any(bytes) => {
            let Some(mut source) = open(folder, &bytes) else { return };
            let mut buffer = PayloadBuffer::default();
            for number in source.numbers().expect("the file can be read") {
                load(&mut source, number, &mut buffer);
            }
            assert!(source.unsound_bytes().expect("the file can be read") <= bytes.len() as u64);
        }
        Input::Damaged { plan, damage, order } => {
            let mut pack = plan.build();
            let sound: BTreeSet<u64> = damage.apply(&mut pack);
            let Some(mut source) = open(folder, &pack.bytes) else {
                assert!(sound.is_empty(), "sound documents cannot be read: {sound:?}");
                return;
            };
            // The documents are read in any order, each into a buffer that contains another one, and also into an empty
            // one.
            let mut buffer = PayloadBuffer::default();
            let any = order.iter().filter_map(|at| pack.documents.get(usize::from(*at)));
            for document in any.chain(&pack.documents) {
                let read = load(&mut source, document.number, &mut buffer);
                let alone = load(&mut source, document.number, &mut PayloadBuffer::default());
                assert_eq!(read, alone, "document {}", document.number);
                match read {
                    Some(bytes) => assert!(bytes == document.bytes, "document {} differs", document.number),
                    None => assert!(!sound.contains(&document.number), "document {} is lost", document.number),
                }
            }
        }
    });
});
