//! Comparing content without keeping it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    sync::LazyLock,
};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::json::{Json, plain_number};

/// The secret key of this process. The author of a bundle does not know it, and so cannot construct two pieces of
/// content with one fingerprint.
static KEY: LazyLock<(u64, u64)> = LazyLock::new(|| {
    // The only source of randomness in the standard library.
    let word = || RandomState::new().build_hasher().finish();
    (word(), word())
});

/// Represents a piece of content within this process: equal content has an equal fingerprint. Those of two processes
/// cannot be compared.
///
/// It is 128 bits of SipHash: two pieces of content do not share a fingerprint by chance, nor, because the key is
/// secret, by design. A hash that is safe without a key takes several times as long, which would be a large part of the
/// time of a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

/// A map by fingerprints.
pub(crate) type FingerprintMap<V> = HashMap<Fingerprint, V, BuildHasherDefault<ByFingerprint>>;

/// Hashes fingerprints for maps. A fingerprint is a hash already, and nobody can choose it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByFingerprint(u64);

impl Hasher for ByFingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(8) {
            let mut whole = [0; 8];
            whole[..word.len()].copy_from_slice(word);
            self.0 ^= u64::from_le_bytes(whole);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Computes a fingerprint piece by piece. Each piece is delimited, so that pieces cannot run into one another.
pub struct Fingerprinter(SipHasher13);

impl Default for Fingerprinter {
    fn default() -> Self {
        let (low, high) = *KEY;
        Self(SipHasher13::new_with_keys(low, high))
    }
}

impl Fingerprinter {
    /// Adds a byte that separates pieces.
    pub fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.write(&[tag]);
        self
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.write(&(text.len() as u64).to_le_bytes());
        self.0.write(text.as_bytes());
        self
    }

    pub(crate) fn fingerprint(&mut self, fingerprint: Fingerprint) -> &mut Self {
        self.0.write(&fingerprint.0.to_le_bytes());
        self
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.tag(1).text(text),
            None => self.tag(0),
        }
    }

    /// Adds a value. The order of its keys does not matter.
    pub fn json(&mut self, value: &Json<'_>) -> &mut Self {
        match value {
            Json::Null => self.tag(b'n'),
            Json::Bool(value) => self.tag(b'b').tag(u8::from(*value)),
            Json::Number(number) => self.tag(b'd').text(&plain_number(number)),
            Json::String(text) => self.tag(b's').text(text),
            Json::Array(items) => {
                self.tag(b'[');
                for item in items {
                    self.json(item);
                }
                self.tag(b']')
            }
            Json::Object(fields) => {
                self.tag(b'{');
                for (key, value) in fields.sorted() {
                    self.text(key).json(value);
                }
                self.tag(b'}')
            }
        }
    }

    /// Returns the fingerprint of all pieces.
    pub fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.finish128().as_u128())
    }
}

/// Returns the fingerprint of a text.
pub(crate) fn fingerprint_text(text: &str) -> Fingerprint {
    Fingerprinter::default().text(text).finish()
}
