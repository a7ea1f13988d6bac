//! The bytes of a pack file.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::{self, Seek, SeekFrom},
};

use crate::contained::BundleFile;

const BLOCK: u64 = 64 << 10;

/// How many blocks are kept.
const KEPT: usize = 512;

/// Reads a file in blocks and keeps the latest ones, because records are near those that they refer to.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: BundleFile,
    len: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Blocks {
    pub(crate) fn new(file: BundleFile, len: u64) -> Self {
        Self { file, len, blocks: BTreeMap::new() }
    }

    /// Returns the file's length at the last refresh.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads the file's length again, and drops the blocks that may have changed, which are all from `settled` on.
    pub(crate) fn refresh(&mut self, settled: u64) -> io::Result<()> {
        for number in settled.min(self.len) / BLOCK..=self.len / BLOCK {
            self.blocks.remove(&number);
        }
        self.len = self.file.byte_len()?;
        Ok(())
    }

    /// Replaces the content of `out` by `len` bytes at `offset`. Returns `false` if the file does not have them.
    pub(crate) fn read(&mut self, offset: u64, len: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        out.clear();
        self.append(offset, len, out)
    }

    /// Appends `len` bytes at `offset` to `out`. Returns `false` and leaves `out` unchanged if the file does not have
    /// them.
    pub(crate) fn append(&mut self, offset: u64, len: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        let Some(end) = offset.checked_add(len).filter(|end| *end <= self.len) else { return Ok(false) };
        if let Some(bytes) = self.file.held() {
            let Some(range) = bytes.get(offset as usize..end as usize) else { return Ok(false) };
            out.extend_from_slice(range);
            return Ok(true);
        }
        if len > 2 * BLOCK {
            return self.append_unkept(offset, len, out);
        }
        let mut at = offset;
        while at < end {
            let number = at / BLOCK;
            let start = number * BLOCK;
            let block = self.block(number)?;
            let from = (at - start) as usize;
            let to = (end - start).min(BLOCK) as usize;
            let Some(bytes) = block.get(from..to) else {
                out.truncate(before);
                return Ok(false);
            };
            out.extend_from_slice(bytes);
            at = start + to as u64;
        }
        Ok(true)
    }

    fn append_unkept(&mut self, offset: u64, len: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.append_next(len, out)?;
        let is_whole = (out.len() - before) as u64 == len;
        if !is_whole {
            out.truncate(before);
        }
        Ok(is_whole)
    }

    fn block(&mut self, number: u64) -> io::Result<&[u8]> {
        if self.blocks.len() == KEPT && !self.blocks.contains_key(&number) {
            // All blocks are dropped at once. This is rare, and tracking which block was used last would cost time on
            // every read.
            self.blocks.clear();
        }
        Ok(match self.blocks.entry(number) {
            Entry::Occupied(block) => block.into_mut(),
            Entry::Vacant(place) => {
                let start = number * BLOCK;
                let len = (self.len - start).min(BLOCK);
                let mut bytes = Vec::with_capacity(len as usize);
                self.file.seek(SeekFrom::Start(start))?;
                self.file.append_next(len, &mut bytes)?;
                place.insert(bytes)
            }
        })
    }
}
