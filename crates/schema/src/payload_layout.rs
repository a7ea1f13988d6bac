//! How the payload documents of a bundle are stored.

use super::packed::PACKED_LAYOUT;

/// How the payload documents of a bundle are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadLayout {
    /// All in one append-only file, each request as its difference from the one before it in its thread.
    #[default]
    Packed,
    /// One file each, as other tools of the schema read them. Only schemas 1 and 2 have this layout.
    Files,
    /// In compressed shards. Only schema 3 has this layout.
    Shards,
}

impl PayloadLayout {
    /// Returns the name of the layout in the manifest. Returns `None` for files and shards, which have no name there.
    pub fn manifest_name(self) -> Option<&'static str> {
        match self {
            Self::Packed => Some(PACKED_LAYOUT),
            Self::Files | Self::Shards => None,
        }
    }
}
