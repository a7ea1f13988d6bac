//! Keyed fingerprints of stored texts.

use std::hash::{BuildHasher, RandomState};

const BLOCK_WORDS: usize = 32;
const BLOCK: usize = BLOCK_WORDS * 8;
/// The prime modulus of the polynomials.
const PRIME: u64 = (1 << 61) - 1;

/// Represents some bytes. Two different texts have the same fingerprint with a probability far below 2⁻¹⁰⁰, whoever
/// chose them.
///
/// An adversary may choose the output of a tool, and an equal fingerprint means that a text is not stored again. The
/// hash is therefore a universal family under a secret key: NH over blocks of 256 bytes, in two independent lanes (the
/// key of the second is shifted by two words, after Toeplitz), then a polynomial over 2⁶¹−1 for each lane. The bound
/// depends only on the secrecy of the key. Key and fingerprints never leave memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(u64, u64);

impl Fingerprint {
    /// Returns the bytes that represent the text inside of a larger text to be hashed.
    pub(super) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0.to_le_bytes());
        bytes[8..].copy_from_slice(&self.1.to_le_bytes());
        bytes
    }
}

/// The domains, as bits above those of any length. They are needed because a string may equal the tokens of a unit.
const STRING: u64 = 1 << 59;
const UNIT: u64 = 1 << 58;
const CHUNK: u64 = 1 << 57;

/// The secret key of a recorder's fingerprints.
pub(crate) struct FingerprintKey {
    words: [u64; BLOCK_WORDS + 2],
    points: [u64; 2],
    cuts: u64,
}

impl FingerprintKey {
    /// Generates a key from the system's randomness.
    pub(crate) fn random() -> Self {
        let state = RandomState::new();
        let mut drawn = 0_u64;
        let mut draw = || {
            drawn += 1;
            state.hash_one(drawn)
        };
        Self {
            words: std::array::from_fn(|_| draw()),
            points: std::array::from_fn(|_| draw() % (PRIME - 1) + 1),
            cuts: draw(),
        }
    }

    /// Returns the fingerprint of a long string.
    pub(super) fn of_string(&self, text: &[u8]) -> Fingerprint {
        self.of(text, STRING)
    }

    /// Returns the fingerprint of a chunk of a long string.
    pub(super) fn of_chunk(&self, text: &[u8]) -> Fingerprint {
        self.of(text, CHUNK)
    }

    /// Returns the key that decides where texts are cut.
    pub(super) fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Returns the fingerprint of a unit.
    pub(super) fn of_unit(&self, digest: &[u8]) -> Fingerprint {
        self.of(digest, UNIT)
    }

    /// Returns the fingerprint of `bytes`, which differs from that of bytes in another domain.
    fn of(&self, bytes: &[u8], domain: u64) -> Fingerprint {
        let mut lanes = [0_u64; 2];
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            self.absorb(&mut lanes, block);
        }
        let rest = blocks.remainder();
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            self.absorb(&mut lanes, &block[..rest.len().next_multiple_of(16)]);
        }
        let [first, second] =
            [0, 1].map(|lane| reduce_product(lanes[lane] + (domain | bytes.len() as u64) % PRIME, self.points[lane]));
        Fingerprint(first, second)
    }

    fn absorb(&self, lanes: &mut [u64; 2], block: &[u8]) {
        let mut sums = [0_u128; 2];
        for (pair, keys) in block.chunks_exact(16).zip(self.words.chunks_exact(2).zip(self.words[2..].chunks_exact(2)))
        {
            let (a, b) = pair.split_at(8);
            let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("half of 16 bytes"));
            let (a, b) = (word(a), word(b));
            for (sum, key) in sums.iter_mut().zip([keys.0, keys.1]) {
                *sum = sum.wrapping_add(u128::from(a.wrapping_add(key[0])) * u128::from(b.wrapping_add(key[1])));
            }
        }
        for ((lane, sum), point) in lanes.iter_mut().zip(sums).zip(self.points) {
            for shift in [0, 60, 120] {
                let digit = (sum >> shift) as u64 & ((1 << 60) - 1);
                *lane = reduce_product(*lane + digit, point);
            }
        }
    }
}

/// Returns `a * b` modulo the prime, for `a` below 2⁶².
fn reduce_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let folded = (product as u64 & PRIME) + (product >> 61) as u64;
    let folded = (folded & PRIME) + (folded >> 61);
    if folded >= PRIME { folded - PRIME } else { folded }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn products_are_reduced() {
        for (a, b) in
            [(0, 5), (PRIME - 1, PRIME - 1), ((1 << 62) - 1, PRIME - 1), (123_456_789, 987_654_321), (PRIME, 7)]
        {
            assert_eq!(
                u128::from(reduce_product(a, b)),
                u128::from(a) * u128::from(b) % u128::from(PRIME),
                "{a} * {b}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_change_shows(bytes in prop::collection::vec(any::<u8>(), 1..700), at: prop::sample::Index, other: u8) {
            let key = FingerprintKey::random();
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] = other;
            prop_assert_eq!(key.of_unit(&bytes) == key.of_unit(&changed), bytes == changed);
            prop_assert_ne!(key.of_unit(&bytes), key.of_string(&bytes));
            prop_assert_ne!(key.of_chunk(&bytes), key.of_string(&bytes));
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert_ne!(key.of_unit(&bytes), key.of_unit(&longer));
            prop_assert_ne!(key.of_unit(&bytes), FingerprintKey::random().of_unit(&bytes));
        }
    }
}
