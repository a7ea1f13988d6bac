//! The hash tables of all crates that read rollouts.
//!
//! Their hash is several times cheaper than that of the standard library, whose tables also keep off an attacker who can
//! see how long lookups take. The author of a bundle cannot: it is enough that the seed differs in each process. No
//! result depends on the order in which a table is gone through.

use std::collections;

use foldhash::fast::RandomState;

/// A hash map.
pub type HashMap<K, V> = collections::HashMap<K, V, RandomState>;
/// A hash set.
pub type HashSet<T> = collections::HashSet<T, RandomState>;
