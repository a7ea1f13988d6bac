//! Where the records of a pack file are.

use std::{collections::BTreeMap, io};

use rollout_trace_schema::packed::{
    Checksums, FILE_HEADER_LEN, META_CHECKSUM_LEN, PACK_ROOM, RECORD_HEADER_LEN, RecordHeader, find_record_header,
};

use super::blocks::Blocks;

/// How many bytes are searched at a time for the next sound header.
const WINDOW: u64 = 64 << 10;

/// A record with a sound header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) header: RecordHeader,
    /// Whether the meta is complete and sound.
    pub(crate) is_sound: bool,
}

/// The records of a pack file by their numbers, found by one pass over headers and metas.
#[derive(Debug)]
pub(crate) struct PackIndex {
    checksums: Checksums,
    max_meta: u64,
    places: BTreeMap<u64, Place>,
    /// The end of the last sound record.
    end: u64,
    /// The file's length when it was last searched.
    seen: u64,
    /// The number of zero bytes at the end of the file, which are room for further records.
    room: u64,
    /// The number of bytes between sound records.
    damaged: u64,
    /// How many bytes of unsound metas were read.
    wasted: u64,
}

impl PackIndex {
    pub(crate) fn new(checksums: Checksums, max_meta: u64) -> Self {
        let end = FILE_HEADER_LEN as u64;
        Self { checksums, max_meta, places: BTreeMap::new(), end, seen: 0, room: 0, damaged: 0, wasted: 0 }
    }

    pub(crate) fn get(&self, number: u64) -> Option<Place> {
        self.places.get(&number).copied()
    }

    /// Returns the numbers of all records that may be readable.
    pub(crate) fn numbers(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.places.keys().copied()
    }

    /// Returns how many bytes are not part of a sound record: damaged ones, and a torn record at the end.
    pub(crate) fn unsound_bytes(&self) -> u64 {
        self.damaged + self.seen.saturating_sub(self.end + self.room)
    }

    /// Returns the end of the last sound record. The bytes before it never change.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Looks for records that were written since the last call: at the end of the file, or in reserved room.
    pub(crate) fn extend(&mut self, blocks: &mut Blocks) -> io::Result<()> {
        let may_have_room = (1..=PACK_ROOM).contains(&self.seen.saturating_sub(self.end));
        if blocks.len() == self.seen && !may_have_room {
            return Ok(());
        }
        self.seen = blocks.len();
        let mut bytes = Vec::new();
        let mut at = self.end;
        while let Some(found) = self.record_at(at, blocks, &mut bytes)? {
            let search_from = match found {
                Found::Sound(place) => {
                    // If a number occurs twice, the first sound record counts.
                    let known = self.places.entry(place.header.number).or_insert(place);
                    if !known.is_sound {
                        *known = place;
                    }
                    at = place.offset + place.header.record_len();
                    self.end = at;
                    continue;
                }
                Found::Unsound(place) => {
                    self.places.entry(place.header.number).or_insert(place);
                    // The record may be torn, and later ones may have been written within the length that it claims.
                    place.offset + RECORD_HEADER_LEN as u64
                }
                Found::Nothing => at + 1,
            };
            // Without another header this is the end. It may be a record that is still being written.
            let Some(next) = self.next_header(search_from, blocks, &mut bytes)? else { break };
            self.damaged += next - at;
            at = next;
        }
        self.room = 0;
        let after = self.seen.saturating_sub(self.end);
        if after <= PACK_ROOM && blocks.read(self.end, after, &mut bytes)? {
            self.room = bytes.iter().rev().take_while(|byte| **byte == 0).count() as u64;
        }
        Ok(())
    }

    /// Reads the record at `offset`. Returns `None` if the file ends before its header does.
    fn record_at(&mut self, offset: u64, blocks: &mut Blocks, bytes: &mut Vec<u8>) -> io::Result<Option<Found>> {
        if !blocks.read(offset, RECORD_HEADER_LEN as u64, bytes)? {
            return Ok(None);
        }
        let Ok(header) = RecordHeader::decode(bytes, self.checksums, offset) else { return Ok(Some(Found::Nothing)) };
        let is_sound = self.meta_is_sound(offset, header, blocks, bytes)?;
        let place = Place { offset, header, is_sound };
        Ok(Some(if is_sound { Found::Sound(place) } else { Found::Unsound(place) }))
    }

    fn meta_is_sound(
        &mut self,
        offset: u64,
        header: RecordHeader,
        blocks: &mut Blocks,
        bytes: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let meta_len = u64::from(header.meta_len);
        // Many headers that claim the same unsound bytes must not make the search longer than the file.
        if meta_len > self.max_meta || self.wasted > self.seen.max(self.max_meta) {
            return Ok(false);
        }
        if !blocks.read(offset + header.meta_offset(), meta_len + META_CHECKSUM_LEN as u64, bytes)? {
            return Ok(false);
        }
        let (meta, check) = bytes.split_at(bytes.len() - META_CHECKSUM_LEN);
        let is_sound = self.checksums.of_meta(meta, header.number).to_le_bytes() == check;
        if !is_sound {
            self.wasted += meta_len;
        }
        Ok(is_sound)
    }

    fn next_header(&self, mut from: u64, blocks: &mut Blocks, bytes: &mut Vec<u8>) -> io::Result<Option<u64>> {
        loop {
            let window = WINDOW.min(self.seen.saturating_sub(from));
            if window < RECORD_HEADER_LEN as u64 || !blocks.read(from, window, bytes)? {
                return Ok(None);
            }
            if let Some((at, _)) = find_record_header(bytes, self.checksums, from) {
                return Ok(Some(from + at as u64));
            }
            // A header may cross the end of the window.
            from += window - (RECORD_HEADER_LEN as u64 - 1);
        }
    }
}

enum Found {
    Sound(Place),
    Unsound(Place),
    Nothing,
}
