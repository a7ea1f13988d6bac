//! Writes shards and reads them with the Zstandard library alone.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use proptest::prelude::*;
use rollout_trace_schema::shards::{SHARD_BYTES, SHARD_END_BYTES, ShardError, ShardSink, ShardWriter};

/// Shards in memory, of which each may have a maximum length.
struct Memory {
    files: BTreeMap<u64, Vec<u8>>,
    limit: u64,
}

impl Memory {
    fn new() -> Self {
        Self { files: BTreeMap::new(), limit: u64::MAX }
    }

    fn len(&self, shard: u64) -> u64 {
        self.files.get(&shard).map_or(0, |file| file.len() as u64)
    }

    /// Returns the records of a shard and whether its frame is ended.
    fn records(&self, shard: u64) -> (Vec<(String, Vec<u8>)>, bool) {
        let (mut bytes, mut records) = (Vec::new(), Vec::new());
        let mut decoder = zstd::Decoder::new(&self.files[&shard][..]).expect("the decoder can be made");
        decoder.window_log_max(23).expect("the window is a legal one");
        let is_ended = decoder.read_to_end(&mut bytes).is_ok();
        let mut rest = &bytes[..];
        while let Some((&[a, b, document_len @ ..], after)) = rest.split_first_chunk::<10>() {
            let (id, after) = after.split_at(usize::from(u16::from_le_bytes([a, b])));
            let (document, after) = after.split_at(u64::from_le_bytes(document_len) as usize);
            records.push((String::from_utf8_lossy(id).into_owned(), document.to_vec()));
            rest = after;
        }
        assert_eq!(rest, b"", "the records of a shard are whole");
        (records, is_ended)
    }

    fn ids(&self, shard: u64) -> (String, bool) {
        let (records, is_ended) = self.records(shard);
        let ids: Vec<String> = records.into_iter().map(|(id, _)| id).collect();
        (ids.join(" "), is_ended)
    }
}

impl ShardSink for Memory {
    fn append(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        assert!(self.files.keys().next_back().is_none_or(|last| *last <= shard), "shards are used in order");
        if self.len(shard) + bytes.len() as u64 + SHARD_END_BYTES > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.files.entry(shard).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, shard: u64, bytes: &[u8]) -> io::Result<()> {
        if self.len(shard) + bytes.len() as u64 > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.files.entry(shard).or_default().extend_from_slice(bytes);
        Ok(())
    }
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn flushed_records_are_readable_before_the_shard_is_ended() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    assert_eq!(shards.write(&mut memory, "a", b"[1]").unwrap(), 1);
    assert_eq!(memory.ids(1), ("a".to_owned(), false));
    assert_eq!(shards.write(&mut memory, "b", b"").unwrap(), 1);
    assert_eq!(memory.ids(1), ("a b".to_owned(), false));
    shards.end(&mut memory).unwrap();
    shards.end(&mut memory).unwrap();
    assert_eq!(memory.records(1), (vec![("a".to_owned(), b"[1]".to_vec()), ("b".to_owned(), Vec::new())], true));
    assert_eq!(shards.write(&mut memory, "c", b"{}").unwrap(), 2);
}

#[test]
fn frames_have_a_checksum_no_length_and_a_window_of_8_mib() {
    for level in [1, 3, 19, 22] {
        let (mut shards, mut memory) = (ShardWriter::new().level(level), Memory::new());
        shards.write(&mut memory, "a", b"[1]").unwrap();
        // Magic number; checksum flag only; a window of 2 to the power of 10 + 13.
        assert_eq!(memory.files[&1][..6], [0x28, 0xb5, 0x2f, 0xfd, 0b100, 13 << 3], "level {level}");
    }
}

#[test]
fn text_repeated_from_megabytes_before_takes_no_space() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    let document = noise(3 << 20);
    shards.write(&mut memory, "a", &document).unwrap();
    let first = memory.len(1);
    shards.write(&mut memory, "b", &document).unwrap();
    assert!(memory.len(1) - first < 4096, "{} bytes more", memory.len(1) - first);
}

#[test]
fn shards_end_at_8_mib() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    let document = vec![b' '; (SHARD_BYTES / 2) as usize - 11];
    for (id, shard) in [("a", 1), ("b", 1), ("c", 2)] {
        assert_eq!(shards.write(&mut memory, id, &document).unwrap(), shard);
    }
    let large = vec![b' '; SHARD_BYTES as usize + 1];
    for (id, document, shard) in [("d", &large, 3), ("e", &document, 4)] {
        assert_eq!(shards.write(&mut memory, id, document).unwrap(), shard);
    }
    let ids: Vec<(String, bool)> = (1..=4).map(|shard| memory.ids(shard)).collect();
    let expected = [("a b", true), ("c", true), ("d", true), ("e", false)].map(|(ids, ended)| (ids.to_owned(), ended));
    assert_eq!(ids, expected);
}

#[test]
fn a_shard_that_takes_no_more_is_ended_and_followed_by_another_one() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    memory.limit = 3000;
    for (id, shard) in [("a", 1), ("b", 1), ("c", 2)] {
        assert_eq!(shards.write(&mut memory, id, &noise(900 + id.len())).unwrap(), shard, "{id}");
        memory.limit = if id == "b" { memory.len(1) + SHARD_END_BYTES } else { memory.limit };
    }
    assert_eq!((memory.ids(1), memory.ids(2)), (("a b".to_owned(), true), ("c".to_owned(), false)));
}

#[test]
fn a_document_that_fits_nowhere_is_the_only_one_lost() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    memory.limit = 1000;
    assert_eq!(shards.write(&mut memory, "a", b"1").unwrap(), 1);
    let error = shards.write(&mut memory, "b", &noise(2000)).unwrap_err();
    assert!(matches!(error, ShardError::Write { shard: 2, .. }), "{error:?}");
    assert_eq!(shards.write(&mut memory, "c", b"2").unwrap(), 2);
    shards.end(&mut memory).unwrap();
    assert_eq!((memory.ids(1), memory.ids(2)), (("a".to_owned(), true), ("c".to_owned(), true)));
}

#[test]
fn a_shard_that_cannot_be_ended_is_ended_later() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    shards.write(&mut memory, "a", b"1").unwrap();
    memory.limit = memory.len(1);
    assert!(shards.write(&mut memory, "b", b"2").is_err());
    assert!(shards.end(&mut memory).is_err());
    assert_eq!(memory.ids(1), ("a".to_owned(), false));
    memory.limit = u64::MAX;
    assert_eq!(shards.write(&mut memory, "c", b"3").unwrap(), 2);
    assert_eq!((memory.ids(1), memory.ids(2)), (("a".to_owned(), true), ("c".to_owned(), false)));
}

#[test]
fn id_that_is_too_long() {
    let (mut shards, mut memory) = (ShardWriter::new(), Memory::new());
    let id = "a".repeat(usize::from(u16::MAX) + 1);
    assert!(matches!(shards.write(&mut memory, &id, b"1"), Err(ShardError::Id { bytes: 65536 })));
    assert_eq!(shards.write(&mut memory, &id[1..], b"1").unwrap(), 1);
}

proptest! {
    #[test]
    fn documents_come_back(documents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20),
                           refused in prop::collection::vec(0..20_usize, 0..4)) {
        let (mut shards, mut memory) = (ShardWriter::new().level(1), Memory::new());
        let mut places = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            memory.limit = if refused.contains(&index) { 0 } else { u64::MAX };
            if let Ok(shard) = shards.write(&mut memory, &index.to_string(), document) {
                places.push((shard, (index.to_string(), document.clone())));
            }
        }
        memory.limit = u64::MAX;
        shards.end(&mut memory).unwrap();
        let mut found = Vec::new();
        for shard in memory.files.keys() {
            let (records, is_ended) = memory.records(*shard);
            prop_assert!(is_ended);
            found.extend(records.into_iter().map(|record| (*shard, record)));
        }
        prop_assert_eq!(places, found);
    }
}
