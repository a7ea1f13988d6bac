//! One shard: its records, and how it ends.

use std::{collections::HashMap, ops::Range};

use super::decompress::{Decompressed, Decompressor, FrameEnd};

/// The number of bytes before a record's id, which are the lengths of the id and of the document.
const HEADER_BYTES: usize = 2 + 8;

/// The records of one shard, decompressed.
#[derive(Debug)]
pub(crate) struct Shard {
    bytes: Vec<u8>,
    documents: HashMap<Box<[u8]>, Range<usize>>,
    pub(crate) state: ShardState,
}

/// What is wrong or unfinished about a shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShardState {
    /// What is damaged. The records before it were read.
    pub(crate) damage: Option<String>,
    /// The last frame does not end.
    pub(crate) is_open: bool,
    /// The decompressed bytes of an open shard stop within a record.
    pub(crate) is_torn: bool,
    /// Why records were skipped.
    pub(crate) skipped: Vec<String>,
    /// The ids that several, different records have.
    pub(crate) contradictions: Vec<String>,
}

impl Shard {
    /// Reads the bytes of a shard's file.
    pub(super) fn read(decompressor: &mut Decompressor, compressed: &[u8], limit: usize) -> Self {
        let Decompressed { bytes, end } = decompressor.decompress(compressed, limit);
        let mut state = ShardState::default();
        let (documents, is_torn) = index(&bytes, &mut state);
        match end {
            FrameEnd::Whole if is_torn => state.damage = Some("it ends within a record".to_owned()),
            FrameEnd::Whole => {}
            FrameEnd::Open => (state.is_open, state.is_torn) = (true, is_torn),
            FrameEnd::Damaged(reason) => state.damage = Some(reason),
        }
        Self { bytes, documents, state }
    }

    /// Returns the memory of the shard.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns what the shard holds for a payload.
    pub(crate) fn document(&self, id: &str) -> Option<&[u8]> {
        self.documents.get(id.as_bytes()).map(|range| &self.bytes[range.clone()])
    }

    /// Returns the payloads with what the shard holds for each, in the order of the records.
    pub(crate) fn records(&self) -> Vec<(&str, &[u8])> {
        let mut records: Vec<_> = self.documents.iter().collect();
        records.sort_unstable_by_key(|(_, range)| range.start);
        let text = |id| str::from_utf8(id).expect("other records are skipped");
        records.into_iter().map(|(id, range)| (text(id), &self.bytes[range.clone()])).collect()
    }

    /// Returns how many bytes the documents have.
    pub(crate) fn document_bytes(&self) -> u64 {
        self.documents.values().map(|range| range.len() as u64).sum()
    }

    /// Returns whether the shard consists of whole records of different payloads.
    pub(crate) fn is_plain(&self) -> bool {
        let ShardState { damage, is_open: _, is_torn, skipped, contradictions } = &self.state;
        damage.is_none() && !is_torn && skipped.is_empty() && contradictions.is_empty()
    }

    /// Returns how many bytes the shard takes in memory, apart from its index.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Finds the records. Also returns whether the bytes stop within one.
fn index(bytes: &[u8], state: &mut ShardState) -> (HashMap<Box<[u8]>, Range<usize>>, bool) {
    let mut documents: HashMap<Box<[u8]>, Range<usize>> = HashMap::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some((id, document)) = record(bytes, at) else { return (documents, true) };
        at = document.end;
        let id = &bytes[id];
        let Ok(name) = str::from_utf8(id) else {
            state.skipped.push(format!("the id of a record, {}, is not UTF-8", String::from_utf8_lossy(id)));
            continue;
        };
        match documents.get(id) {
            None => _ = documents.insert(id.into(), document),
            Some(first) if bytes[first.clone()] == bytes[document] => {
                state.skipped.push(format!("{name} occurs twice"));
            }
            Some(_) => state.contradictions.push(name.to_owned()),
        }
    }
    (documents, false)
}

/// Returns where the id and the document of the record at `at` are, or `None` if the bytes stop within it.
///
/// The lengths may claim anything, so they are not used before they have been compared with the bytes.
fn record(bytes: &[u8], at: usize) -> Option<(Range<usize>, Range<usize>)> {
    let (header, _) = bytes.get(at..)?.split_first_chunk::<HEADER_BYTES>()?;
    let [a, b, document_len @ ..] = *header;
    let id = at + HEADER_BYTES..at + HEADER_BYTES + usize::from(u16::from_le_bytes([a, b]));
    let document_len = usize::try_from(u64::from_le_bytes(document_len)).ok()?;
    let document = id.end..id.end.checked_add(document_len)?;
    (document.end <= bytes.len()).then_some((id, document))
}
