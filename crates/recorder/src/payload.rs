//! Payload documents that are ready to be written.

use rollout_trace_schema::{Manifest, PayloadKind, PayloadRef, packed::SealedRecord};

use crate::{
    compare_slot::CompareLease,
    walk::{NextBase, Scratch},
};

/// A payload document that has its number and its bytes, but has not been written.
#[derive(Debug)]
pub(crate) struct PreparedPayload {
    pub(crate) number: u64,
    pub(crate) kind: PayloadKind,
    pub(crate) bytes: PayloadBytes,
}

/// The bytes that a payload adds to the bundle, by layout.
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and it lives for one call on the stack"
)]
pub(crate) enum PayloadBytes {
    /// A record of the pack.
    Record(PackedRecord),
    /// A file of its own, or a document in a shard.
    File(Vec<u8>),
    /// Nothing, and the reference says how large the document would have been (schema 3).
    Omitted(u64),
    /// Nothing: its event will not be written either.
    Nothing,
}

/// A record of the pack, and what the packer learns after it is written.
pub(crate) struct PackedRecord {
    pub(crate) sealed: SealedRecord,
    pub(crate) scratch: Scratch,
    pub(crate) next_base: NextBase,
    pub(crate) lease: Option<CompareLease>,
}

impl PreparedPayload {
    /// Returns the reference by which events name the payload.
    pub(crate) fn reference(&self) -> PayloadRef {
        PayloadRef::at_path(format!("raw_payload:{}", self.number), self.kind.clone(), payload_path(self.number))
    }
}

impl std::fmt::Debug for PayloadBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Record(record) => f.debug_tuple("Record").field(&record.sealed).finish(),
            Self::File(text) => f.debug_tuple("File").field(&text.len()).finish(),
            Self::Omitted(bytes) => f.debug_tuple("Omitted").field(bytes).finish(),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}

/// Returns a payload's path in the bundle. Events refer to a packed payload by such a path, too.
pub(crate) fn payload_path(number: u64) -> String {
    format!("{}/{number}.json", Manifest::PAYLOADS_DIR)
}
