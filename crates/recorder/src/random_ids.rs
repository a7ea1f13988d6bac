//! Random ids.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// Generates random UUIDs without asking the system each time.
///
/// A UUID is the keyed hash of a counter. Each source has its own key with 128 bits of the system's randomness, so the
/// UUIDs of two sources collide no more often than random ones do.
#[derive(Debug, Default)]
pub(crate) struct RandomIds {
    key: RandomState,
    drawn: AtomicU64,
}

impl RandomIds {
    /// Generates the next UUID, as text.
    pub(crate) fn next(&self) -> String {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let halves = [0_u64, 1].map(|half| self.key.hash_one([drawn, half]).to_le_bytes());
        let uuid =
            uuid::Builder::from_random_bytes(*halves.as_flattened().first_chunk().expect("16 bytes")).into_uuid();
        uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_random_uuids_and_never_the_same() {
        let sources = [RandomIds::default(), RandomIds::default()];
        let ids: Vec<String> = (0..2000).map(|round| sources[round % 2].next()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        for id in ids {
            let uuid = uuid::Uuid::parse_str(&id).expect("a UUID");
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
            assert_eq!(id, uuid.to_string());
        }
    }
}
