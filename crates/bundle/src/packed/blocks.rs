//! The bytes of a pack file.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, ErrorKind, Read, Seek, SeekFrom},
};

const BLOCK: u64 = 64 << 10;

/// How many blocks are kept.
const KEPT: usize = 512;

/// Reads a file in blocks and keeps the latest, because records lie close to those that they refer to.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: File,
    len: u64,
    blocks: HashMap<u64, Vec<u8>>,
}

impl Blocks {
    pub(crate) fn new(file: File, len: u64) -> Self {
        Self { file, len, blocks: HashMap::new() }
    }

    /// The file's length when it was last looked at.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Looks whether the file has grown, and forgets what may have changed: all from `settled` on.
    pub(crate) fn refresh(&mut self, settled: u64) -> io::Result<()> {
        for number in settled.min(self.len) / BLOCK..=self.len / BLOCK {
            self.blocks.remove(&number);
        }
        self.len = self.file.metadata()?.len();
        Ok(())
    }

    /// Replaces what `out` holds by `len` bytes at `offset`. False: the file does not have them.
    pub(crate) fn read(&mut self, offset: u64, len: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        out.clear();
        self.append(offset, len, out)
    }

    /// Appends `len` bytes at `offset` to `out`. False: the file does not have them, and `out` is as it was.
    pub(crate) fn append(&mut self, offset: u64, len: u64, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        let Some(end) = offset.checked_add(len).filter(|end| *end <= self.len) else { return Ok(false) };
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
        (&mut self.file).take(len).read_to_end(out)?;
        let is_whole = (out.len() - before) as u64 == len;
        if !is_whole {
            out.truncate(before);
        }
        Ok(is_whole)
    }

    fn block(&mut self, number: u64) -> io::Result<&[u8]> {
        if !self.blocks.contains_key(&number) {
            if self.blocks.len() == KEPT {
                // All at once: that is rare, and an order of use would have to be kept all the time.
                self.blocks.clear();
            }
            let start = number * BLOCK;
            let mut bytes = vec![0; (self.len - start).min(BLOCK) as usize];
            self.file.seek(SeekFrom::Start(start))?;
            let mut filled = 0;
            while filled < bytes.len() {
                match self.file.read(&mut bytes[filled..]) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            bytes.truncate(filled);
            self.blocks.insert(number, bytes);
        }
        Ok(&self.blocks[&number])
    }
}
