//! The headers that frame the file and its records.

use thiserror::Error;

use super::{Checksums, PackVersion};

/// The first bytes of the file, before the version.
const FILE_MAGIC: [u8; 7] = *b"\0rtpack";

/// The first bytes of a record.
pub const RECORD_MAGIC: [u8; 4] = *b"\0rtr";

/// The length of the file's header.
pub const FILE_HEADER_LEN: usize = 24;

/// The length of a record's header.
pub const RECORD_HEADER_LEN: usize = 32;

/// The length of the checksum at a record's end.
pub const META_CHECKSUM_LEN: usize = 8;

/// Where the checksum of a record's header starts in it.
pub(super) const HEADER_CHECKSUM_AT: usize = RECORD_HEADER_LEN - 8;

/// Why bytes are not the header that was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// There are too few bytes.
    #[error("cut off")]
    CutOff,
    /// The bytes do not start as a header does.
    #[error("not the beginning of a header")]
    NoMagic,
    /// The file has an unknown version of the layout.
    #[error("version {found} of the packed layout is unknown: update rollout-trace")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The checksum does not match.
    #[error("checksum mismatch")]
    Checksum,
}

/// The header of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// The version of the layout.
    pub version: PackVersion,
    /// A random number that is part of the seed of every checksum in the file.
    pub salt: u64,
}

impl FileHeader {
    /// Returns the header of a new file.
    pub fn new(salt: u64) -> Self {
        Self { version: PackVersion::NEWEST, salt }
    }

    /// Returns the checksums of the file.
    pub fn checksums(self) -> Checksums {
        Checksums { version: self.version, salt: self.salt }
    }

    /// Returns the header's bytes.
    pub fn encode(self) -> [u8; FILE_HEADER_LEN] {
        let mut bytes = [0; FILE_HEADER_LEN];
        bytes[..7].copy_from_slice(&FILE_MAGIC);
        bytes[7] = self.version.number();
        bytes[8..16].copy_from_slice(&self.salt.to_le_bytes());
        let check = self.version.checksum(&bytes[..16], 0);
        bytes[16..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of a file.
    ///
    /// # Errors
    ///
    /// The bytes are not a header of a known version.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let bytes = bytes.get(..FILE_HEADER_LEN).ok_or(FrameError::CutOff)?;
        if bytes[..7] != FILE_MAGIC {
            return Err(FrameError::NoMagic);
        }
        let version = PackVersion::from_number(bytes[7]);
        // A newer version is recognized as long as it keeps the header and its checksum.
        if u64_at(bytes, 16) != version.unwrap_or(PackVersion::NEWEST).checksum(&bytes[..16], 0) {
            return Err(FrameError::Checksum);
        }
        let version = version.ok_or(FrameError::Version { found: bytes[7] })?;
        Ok(Self { version, salt: u64_at(bytes, 8) })
    }

    /// Reads what the bytes of a header say, whether or not they are sound.
    pub(super) fn decode_unchecked(bytes: &[u8; FILE_HEADER_LEN]) -> Self {
        Self { version: PackVersion::from_number(bytes[7]).unwrap_or(PackVersion::NEWEST), salt: u64_at(bytes, 8) }
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
    /// Returns the header's bytes for a record at `offset` of a file with these checksums.
    pub fn encode(self, checksums: Checksums, offset: u64) -> [u8; RECORD_HEADER_LEN] {
        let mut bytes = [0; RECORD_HEADER_LEN];
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[4..8].copy_from_slice(&self.meta_len.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.data_len.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        let check = checksums.of_header(&bytes[..HEADER_CHECKSUM_AT], offset);
        bytes[HEADER_CHECKSUM_AT..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads the header at `offset` of a file with these checksums.
    ///
    /// # Errors
    ///
    /// The bytes are not a sound header.
    pub fn decode(bytes: &[u8], checksums: Checksums, offset: u64) -> Result<Self, FrameError> {
        let bytes = bytes.get(..RECORD_HEADER_LEN).ok_or(FrameError::CutOff)?;
        if bytes[..4] != RECORD_MAGIC {
            return Err(FrameError::NoMagic);
        }
        let check = checksums.of_header(&bytes[..HEADER_CHECKSUM_AT], offset);
        if u64_at(bytes, HEADER_CHECKSUM_AT) != check {
            return Err(FrameError::Checksum);
        }
        Ok(Self::decode_unchecked(bytes))
    }

    /// Reads what the bytes of a header say, whether or not they are sound.
    pub(super) fn decode_unchecked(bytes: &[u8]) -> Self {
        Self { number: u64_at(bytes, 16), meta_len: u32_at(bytes, 4), data_len: u32_at(bytes, 8) }
    }

    /// Returns the distance from the header's start to the meta. The data starts where the header ends.
    pub fn meta_offset(self) -> u64 {
        RECORD_HEADER_LEN as u64 + u64::from(self.data_len)
    }

    /// Returns the length of the whole record.
    pub fn record_len(self) -> u64 {
        self.meta_offset() + u64::from(self.meta_len) + META_CHECKSUM_LEN as u64
    }
}

/// Finds the first sound record header in `bytes`, which start at `offset` of a file with these checksums.
pub fn find_record_header(bytes: &[u8], checksums: Checksums, offset: u64) -> Option<(usize, RecordHeader)> {
    let candidates = bytes.windows(RECORD_MAGIC.len()).enumerate().filter(|(_, window)| *window == RECORD_MAGIC);
    candidates.map(|(at, _)| at).find_map(|at| {
        let header = RecordHeader::decode(&bytes[at..], checksums, offset + at as u64).ok()?;
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
        fn headers_are_read_as_written(salt: u64, offset: u64, number: u64, meta_len: u32, data_len: u32, flip in 0..192_usize) {
            let header = RecordHeader { number, meta_len, data_len };
            for version in PackVersion::ALL {
                let checksums = FileHeader { version, salt }.checksums();
                let mut bytes = header.encode(checksums, offset);
                prop_assert_eq!(RecordHeader::decode(&bytes, checksums, offset), Ok(header));
                prop_assert_ne!(RecordHeader::decode(&bytes, checksums, offset ^ 1), Ok(header));
                bytes[flip / 8] ^= 1 << (flip % 8);
                prop_assert!(RecordHeader::decode(&bytes, checksums, offset).is_err());
            }
        }

        #[test]
        fn a_header_is_found_after_garbage(garbage: Vec<u8>, number: u64) {
            let header = RecordHeader { number, meta_len: 3, data_len: 5 };
            let mut bytes = garbage.clone();
            bytes.extend(&RECORD_MAGIC);
            let at = bytes.len();
            let checksums = FileHeader::new(9).checksums();
            bytes.extend(header.encode(checksums, 1000 + at as u64));
            prop_assert_eq!(find_record_header(&bytes, checksums, 1000), Some((at, header)));
        }
    }

    #[test]
    fn the_file_header_says_what_is_wrong() {
        for version in PackVersion::ALL {
            let header = FileHeader { version, salt: 0x0123_4567_89ab_cdef };
            let sound = header.encode();
            assert_eq!(FileHeader::decode(&sound), Ok(header));
            assert_eq!(FileHeader::decode(&sound[..23]), Err(FrameError::CutOff));
        }
        let mut newer = FileHeader::new(7).encode();
        newer[7] = 3;
        let check = PackVersion::NEWEST.checksum(&newer[..16], 0);
        newer[16..].copy_from_slice(&check.to_le_bytes());
        assert_eq!(FileHeader::decode(&newer), Err(FrameError::Version { found: 3 }));
        newer[9] ^= 1;
        assert_eq!(FileHeader::decode(&newer), Err(FrameError::Checksum));
        assert_eq!(FileHeader::decode(&[b'{'; 24]), Err(FrameError::NoMagic));
    }
}
