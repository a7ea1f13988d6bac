//! What a source of evidence may make its reader do.

use rollout_trace_schema::json_text::MAX_NESTING;

/// Bounds on what is read, so that no bundle can exhaust its reader.
///
/// Real sessions stay far below the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest event line, in bytes. A longer line is skipped with a problem.
    pub max_line_bytes: usize,
    /// The largest payload, in bytes. A larger one is unreadable.
    pub max_payload_bytes: usize,
    /// The deepest nesting of a JSON document, by the rule of [`json_text`](rollout_trace_schema::json_text). A document that
    /// nests deeper is unreadable.
    pub max_nesting: usize,
    /// The largest number of events. The rest of the log is left unread with a problem.
    pub max_events: u64,
    /// The largest size of an unpacked archive, in bytes. The rest of it is left with a problem.
    pub max_archive_bytes: u64,
    /// The largest number of problems of one log that are reported one by one. The rest are counted.
    pub max_problems: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: 64 << 20,
            max_payload_bytes: 512 << 20,
            max_nesting: MAX_NESTING,
            max_events: 50_000_000,
            max_archive_bytes: 16 << 30,
            max_problems: 10_000,
        }
    }
}
