//! What a bundle can make its reader do.

/// Bounds on what is read from a bundle, so that no bundle can exhaust its reader.
///
/// The defaults are far beyond what real sessions reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest event line, in bytes. A longer line is skipped with a problem.
    pub max_line_bytes: usize,
    /// The largest payload, in bytes. A larger one is unreadable.
    pub max_payload_bytes: usize,
    /// How deep JSON may nest, in events and payloads. What nests deeper is unreadable.
    pub max_nesting: usize,
    /// How many events are applied. The rest of the log is left unread with a problem.
    pub max_events: u64,
    /// How many bytes an archive may unpack to. What comes after them is left with a problem.
    pub max_archive_bytes: u64,
    /// How many problems of the log are told one by one. The rest is counted.
    pub max_problems: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: 64 << 20,
            max_payload_bytes: 512 << 20,
            max_nesting: 512,
            max_events: 50_000_000,
            max_archive_bytes: 16 << 30,
            max_problems: 10_000,
        }
    }
}
