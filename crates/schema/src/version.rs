//! The schema versions of a bundle.

use std::fmt;

use thiserror::Error;

/// A schema version that this library reads.
///
/// * 1 is what Codex wrote up to 0.164. Its events are applied as they come.
/// * 2 is what Codex writes since 0.165.0: acceptance of history items, resumed threads, resolved stdin targets, the
///   kind in `tool_call_runtime_started`, and an end marker. Some events mean something else than in schema 1, above all
///   for the identity of conversation items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaVersion {
    /// Schema 1.
    V1,
    /// Schema 2.
    V2,
}

impl SchemaVersion {
    /// The newest version that this library reads, and the one that its recorder writes.
    pub const NEWEST: Self = Self::V2;

    /// Returns the version as the wire has it.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
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
