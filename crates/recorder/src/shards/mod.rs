//! The shards of schema 3, if the recorder is built for them (feature `schema-3`).

#[cfg(not(feature = "schema-3"))]
mod disabled;
#[cfg(feature = "schema-3")]
mod enabled;

#[cfg(not(feature = "schema-3"))]
pub(crate) use disabled::Shards;
#[cfg(feature = "schema-3")]
pub(crate) use enabled::Shards;
