//! The schema versions of a bundle.

use std::fmt;

use thiserror::Error;

/// A schema version that this library reads.
///
/// * 1 is what Codex wrote up to 0.164. Its events are applied as they come.
/// * 2 is what Codex wrote from 0.165.0 to 0.169.0, and what the recorder writes: acceptance of history items, resumed
///   threads, resolved stdin targets, the kind in `tool_call_runtime_started`, and an end marker. Some events mean
///   something else than in schema 1, above all for the identity of conversation items.
/// * 3 is what Codex writes since 0.171.0: payloads in compressed shards, assembled from parts, cut or left out;
///   accepted tool outputs with their documents; and waits on code cells that are resolved by an event of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaVersion {
    /// Schema 1.
    V1,
    /// Schema 2.
    V2,
    /// Schema 3.
    V3,
}

impl SchemaVersion {
    /// The newest version that this library reads.
    pub const NEWEST: Self = Self::V3;

    /// Returns the version as the wire has it.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl TryFrom<u32> for SchemaVersion {
    type Error = UnsupportedVersion;

    /// Checks a version as the wire has it.
    ///
    /// # Errors
    ///
    /// The version is not one that this library reads; the error says what to do.
    fn try_from(number: u32) -> Result<Self, UnsupportedVersion> {
        match number {
            0 => Err(UnsupportedVersion::NeverExisted { found: number }),
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            3 => Ok(Self::V3),
            _ => Err(UnsupportedVersion::Newer { found: number }),
        }
    }
}

/// Why a schema version cannot be read, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnsupportedVersion {
    /// The bundle was written by a newer producer.
    #[error(
        "schema version {found} is newer than {}, the newest that this version reads: update rollout-trace",
        SchemaVersion::NEWEST
    )]
    Newer {
        /// The version found.
        found: u32,
    },
    /// No producer ever wrote this version.
    #[error("schema version {found} was never written by any producer: the version field is damaged")]
    NeverExisted {
        /// The version found.
        found: u32,
    },
}
