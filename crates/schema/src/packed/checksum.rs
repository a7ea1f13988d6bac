//! The checksums of a pack file.

use twox_hash::XxHash3_64;

use super::checksum_v1::checksum_v1;

/// A version of the packed layout. Versions differ only in their checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackVersion {
    /// `packed-1`, which is still read.
    V1,
    /// `packed-2`, which is written.
    V2,
}

impl PackVersion {
    /// The version that is written.
    pub const NEWEST: Self = Self::V2;

    /// All versions, the newest first.
    pub const ALL: [Self; 2] = [Self::V2, Self::V1];

    /// Returns the number of the version in the file header.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Returns the version with this number in the file header. Returns `None` if the number is unknown.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    pub(super) fn checksum(self, bytes: &[u8], seed: u64) -> u64 {
        match self {
            Self::V1 => checksum_v1(bytes, seed),
            Self::V2 => XxHash3_64::oneshot_with_seed(seed, bytes),
        }
    }
}

/// Computes the checksums of one pack file. They reveal damage and are no protection against an attacker.
///
/// The salt prevents a document that contains the bytes of a record from being taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksums {
    pub(super) version: PackVersion,
    pub(super) salt: u64,
}

impl Checksums {
    /// Returns the checksum of the first 24 bytes of a record header at `offset` of the file.
    pub fn of_header(self, header: &[u8], offset: u64) -> u64 {
        self.version.checksum(header, self.salt ^ offset)
    }

    /// Returns the checksum of the meta of the record with this number.
    pub fn of_meta(self, meta: &[u8], number: u64) -> u64 {
        self.version.checksum(meta, self.salt ^ number)
    }

    /// Returns the checksum of a part: the lower half of the layout's checksum.
    pub fn of_part(self, part: &[u8]) -> u32 {
        self.version.checksum(part, self.salt) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_two_is_xxh3() {
        // From the reference implementation of XXH3_64bits, unseeded and empty.
        assert_eq!(PackVersion::V2.checksum(b"", 0), 0x2d06_8005_38d3_94c2);
    }

    #[test]
    fn every_flipped_bit_changes_a_checksum() {
        let text: Vec<u8> = (0..100_u8).collect();
        for version in PackVersion::ALL {
            let checksums = Checksums { version, salt: 7 };
            let sound = checksums.of_part(&text);
            for bit in 0..text.len() * 8 {
                let mut damaged = text.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(checksums.of_part(&damaged), sound, "{version:?}, bit {bit}");
            }
        }
    }
}
