//! The hash tables of this crate.
//!
//! Their hash is several times cheaper than that of the standard library, whose tables also keep off an attacker who can
//! see how long lookups take. The author of a bundle cannot: it is enough that the seed differs in each process. No
//! result depends on the order in which a table is gone through.

use std::collections;

use foldhash::fast::RandomState;

pub(crate) type HashMap<K, V> = collections::HashMap<K, V, RandomState>;
pub(crate) type HashSet<T> = collections::HashSet<T, RandomState>;
