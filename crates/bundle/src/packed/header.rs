//! The header of a pack file, without which no record can be found.

use std::io;

use rollout_trace_schema::packed::{FILE_HEADER_LEN, FileHeader, FrameError, PackVersion, find_record_header};

use super::blocks::Blocks;

/// How much of the file is searched for a record that proves a salt.
pub(super) const PROBED: u64 = 64 << 10;

/// A header, whether it was sound or reconstructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundHeader {
    pub(crate) header: FileHeader,
    /// What was wrong with the header, if it was reconstructed.
    pub(crate) damage: Option<FrameError>,
}

/// Finds the header of a file that starts with `bytes`, which are its first [`PROBED`] bytes, or all if it has fewer.
///
/// If any one byte of the header is damaged, the rest of the file proves its value.
pub(super) fn find_header(bytes: &[u8]) -> Result<FoundHeader, FrameError> {
    match FileHeader::decode(bytes) {
        Ok(header) => Ok(FoundHeader { header, damage: None }),
        Err(error @ (FrameError::NoMagic | FrameError::Checksum)) => match repair(bytes) {
            Some(header) => Ok(FoundHeader { header, damage: Some(error) }),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Reads the header of a file.
pub(super) fn read_header(blocks: &mut Blocks) -> io::Result<Result<FoundHeader, FrameError>> {
    let mut bytes = Vec::new();
    if !blocks.read(0, blocks.len().min(PROBED), &mut bytes)? {
        return Ok(Err(FrameError::CutOff));
    }
    Ok(find_header(&bytes))
}

/// Returns the header that the rest of the file proves.
fn repair(bytes: &[u8]) -> Option<FileHeader> {
    let (header, records) = bytes.split_at_checked(FILE_HEADER_LEN)?;
    let salt: [u8; 8] = header.get(8..16)?.try_into().ok()?;
    let with_salt =
        |salt: [u8; 8]| PackVersion::ALL.map(|version| FileHeader { version, salt: u64::from_le_bytes(salt) });
    let one_byte_changed = (0..salt.len()).flat_map(|at| {
        (0..=u8::MAX).map(move |byte| {
            let mut changed = salt;
            changed[at] = byte;
            changed
        })
    });
    let mut candidates = std::iter::once(salt).chain(one_byte_changed).flat_map(with_salt);
    let proven = candidates.find(|candidate| candidate.encode()[16..] == header[16..]);
    proven.or_else(|| {
        let has_record =
            |header: &FileHeader| find_record_header(records, header.checksums(), FILE_HEADER_LEN as u64).is_some();
        with_salt(salt).into_iter().find(has_record)
    })
}
