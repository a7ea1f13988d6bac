//! The header of a pack file, which holds the key to everything behind it.

use std::io;

use rollout_trace_schema::packed::{FILE_HEADER_LEN, FileHeader, FrameError, find_record_header};

use super::blocks::Blocks;

/// How much of the file is searched for a record that proves a salt.
const PROBED: u64 = 64 << 10;

/// A header as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) salt: u64,
    /// What was wrong with it, although the salt is known.
    pub(crate) damage: Option<FrameError>,
}

/// Reads the header. One damaged byte, wherever it is, does not cost the file: the rest proves what it was.
pub(crate) fn read_header(blocks: &mut Blocks) -> io::Result<Result<Header, FrameError>> {
    let mut bytes = Vec::new();
    let available = blocks.len().min(PROBED);
    if !blocks.read(0, available, &mut bytes)? {
        return Ok(Err(FrameError::CutOff));
    }
    Ok(match FileHeader::decode(&bytes) {
        Ok(FileHeader { salt }) => Ok(Header { salt, damage: None }),
        Err(error @ (FrameError::NoMagic | FrameError::Checksum)) => match repair(&bytes) {
            Some(salt) => Ok(Header { salt, damage: Some(error) }),
            None => Err(error),
        },
        Err(error) => Err(error),
    })
}

/// Finds the salt that the rest of the file proves.
fn repair(bytes: &[u8]) -> Option<u64> {
    let (header, records) = bytes.split_at_checked(FILE_HEADER_LEN)?;
    let (salt, check) = (header.get(8..16)?, header.get(16..)?);
    let is_proven = |salt: [u8; 8]| FileHeader { salt: u64::from_le_bytes(salt) }.encode()[16..] == *check;
    let salt: [u8; 8] = salt.try_into().ok()?;
    if is_proven(salt) {
        return Some(u64::from_le_bytes(salt));
    }
    let one_byte_changed = (0..salt.len()).flat_map(|at| {
        (0..=u8::MAX).map(move |byte| {
            let mut changed = salt;
            changed[at] = byte;
            changed
        })
    });
    if let Some(salt) = one_byte_changed.into_iter().find(|salt| is_proven(*salt)) {
        return Some(u64::from_le_bytes(salt));
    }
    let salt = u64::from_le_bytes(salt);
    find_record_header(records, salt, FILE_HEADER_LEN as u64).map(|_| salt)
}
