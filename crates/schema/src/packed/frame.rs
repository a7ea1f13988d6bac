//! The headers that frame the file and its records.

use thiserror::Error;

use super::checksum;

/// The first bytes of the file.
const FILE_MAGIC: [u8; 8] = *b"\0rtpack\x01";

/// The first bytes of a record.
pub const RECORD_MAGIC: [u8; 4] = *b"\0rtr";

/// The length of the file's header.
pub const FILE_HEADER_LEN: usize = 24;

/// The length of a record's header.
pub const RECORD_HEADER_LEN: usize = 32;

/// The length of the checksum at a record's end.
pub const META_CHECKSUM_LEN: usize = 8;

/// Why bytes are not the header that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// There are too few bytes.
    #[error("cut off")]
    CutOff,
    /// The first bytes are others.
    #[error("not the beginning of a header")]
    NoMagic,
    /// The file is of another version of the layout.
    #[error("version {found} of the packed layout is not known: update rollout-trace")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The checksum is another.
    #[error("checksum mismatch")]
    Checksum,
}

/// The header of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Seeds every checksum of the file.
    pub salt: u64,
}

impl FileHeader {
    /// The header's bytes.
    pub fn encode(self) -> [u8; FILE_HEADER_LEN] {
        let mut bytes = [0; FILE_HEADER_LEN];
        bytes[..8].copy_from_slice(&FILE_MAGIC);
        bytes[8..16].copy_from_slice(&self.salt.to_le_bytes());
        let check = checksum(&bytes[..16], 0);
        bytes[16..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads the header from the beginning of a file.
    ///
    /// # Errors
    ///
    /// The bytes are no header of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let bytes = bytes.get(..FILE_HEADER_LEN).ok_or(FrameError::CutOff)?;
        if bytes[..7] != FILE_MAGIC[..7] {
            return Err(FrameError::NoMagic);
        }
        if u64_at(bytes, 16) != checksum(&bytes[..16], 0) {
            return Err(FrameError::Checksum);
        }
        if bytes[7] != FILE_MAGIC[7] {
            return Err(FrameError::Version { found: bytes[7] });
        }
        Ok(Self { salt: u64_at(bytes, 8) })
    }
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The record's number: it holds the document of `raw_payload:<number>`.
    pub number: u64,
    /// The length of the meta.
    pub meta_len: u32,
    /// The length of the data.
    pub data_len: u32,
}

impl RecordHeader {
    /// The header's bytes for a record at `offset` of a file with `salt`.
    pub fn encode(self, salt: u64, offset: u64) -> [u8; RECORD_HEADER_LEN] {
        let mut bytes = [0; RECORD_HEADER_LEN];
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[4..8].copy_from_slice(&self.meta_len.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.data_len.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        let check = checksum(&bytes[..24], salt ^ offset);
        bytes[24..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads a header that stands at `offset` of a file with `salt`.
    ///
    /// # Errors
    ///
    /// The bytes are no sound header.
    pub fn decode(bytes: &[u8], salt: u64, offset: u64) -> Result<Self, FrameError> {
        let bytes = bytes.get(..RECORD_HEADER_LEN).ok_or(FrameError::CutOff)?;
        if bytes[..4] != RECORD_MAGIC {
            return Err(FrameError::NoMagic);
        }
        if u64_at(bytes, 24) != checksum(&bytes[..24], salt ^ offset) {
            return Err(FrameError::Checksum);
        }
        Ok(Self { number: u64_at(bytes, 16), meta_len: u32_at(bytes, 4), data_len: u32_at(bytes, 8) })
    }

    /// How far behind the header's beginning the meta begins. The data begins where the header ends.
    pub fn meta_offset(self) -> u64 {
        RECORD_HEADER_LEN as u64 + u64::from(self.data_len)
    }

    /// The length of the whole record.
    pub fn record_len(self) -> u64 {
        self.meta_offset() + u64::from(self.meta_len) + META_CHECKSUM_LEN as u64
    }
}

/// Finds the first sound record header in `bytes`, which stand at `offset` of a file with `salt`.
pub fn find_record_header(bytes: &[u8], salt: u64, offset: u64) -> Option<(usize, RecordHeader)> {
    let candidates = bytes.windows(RECORD_MAGIC.len()).enumerate().filter(|(_, window)| *window == RECORD_MAGIC);
    candidates.map(|(at, _)| at).find_map(|at| {
        let header = RecordHeader::decode(&bytes[at..], salt, offset + at as u64).ok()?;
        Some((at, header))
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_come_back(salt: u64, offset: u64, number: u64, meta_len: u32, data_len: u32, flip in 0..192_usize) {
            let header = RecordHeader { number, meta_len, data_len };
            let mut bytes = header.encode(salt, offset);
            prop_assert_eq!(RecordHeader::decode(&bytes, salt, offset), Ok(header));
            prop_assert_ne!(RecordHeader::decode(&bytes, salt, offset ^ 1), Ok(header));
            bytes[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(RecordHeader::decode(&bytes, salt, offset).is_err());
        }

        #[test]
        fn a_header_is_found_behind_garbage(garbage: Vec<u8>, number: u64) {
            let header = RecordHeader { number, meta_len: 3, data_len: 5 };
            let mut bytes = garbage.clone();
            bytes.extend(&RECORD_MAGIC);
            let at = bytes.len();
            bytes.extend(header.encode(9, 1000 + at as u64));
            prop_assert_eq!(find_record_header(&bytes, 9, 1000), Some((at, header)));
        }
    }

    #[test]
    fn the_file_header_says_what_is_wrong() {
        let header = FileHeader { salt: 0x0123_4567_89ab_cdef };
        let sound = header.encode();
        assert_eq!(FileHeader::decode(&sound), Ok(header));
        assert_eq!(FileHeader::decode(&sound[..23]), Err(FrameError::CutOff));
        let mut newer = sound;
        newer[7] = 2;
        let check = checksum(&newer[..16], 0);
        newer[16..].copy_from_slice(&check.to_le_bytes());
        assert_eq!(FileHeader::decode(&newer), Err(FrameError::Version { found: 2 }));
        newer[9] ^= 1;
        assert_eq!(FileHeader::decode(&newer), Err(FrameError::Checksum));
        assert_eq!(FileHeader::decode(&[b'{'; 24]), Err(FrameError::NoMagic));
    }
}
