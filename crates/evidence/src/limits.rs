//! Limits of what a source of evidence reads.

use rollout_trace_schema::json_text::MAX_NESTING;

/// Bounds on what is read, so that no bundle can exhaust its reader.
///
/// Real sessions stay far below the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of an event line, in bytes. A longer line is skipped, which is a problem.
    pub max_line_bytes: usize,
    /// The maximum length of a payload, in bytes. A longer payload is unreadable.
    pub max_payload_bytes: usize,
    /// The maximum length of a decompressed shard, in bytes. The rest of a longer one is unreadable.
    pub max_shard_bytes: usize,
    /// The maximum sum of the payloads that are loaded from a bundle, in bytes. Beyond it, no payload is readable.
    pub max_total_payload_bytes: u64,
    /// The maximum sum of what the payloads of a pack or of shards have beyond four times everything that is stored there,
    /// in bytes. Payloads repeat one another, so their sum may be hundreds of times what is stored, but a single one that is
    /// that much longer is made to exhaust its reader. Beyond the limit, no payload is readable.
    ///
    /// It also bounds what the graph has beyond ten times what is stored, because many events may show one payload, and
    /// many items one long id.
    pub max_amplified_bytes: u64,
    /// The maximum nesting of a JSON document, by the rule of [`json_text`](rollout_trace_schema::json_text). A
    /// document that nests deeper is unreadable.
    pub max_nesting: usize,
    /// The maximum number of events. The rest of the log is not read, which is a problem.
    pub max_events: u64,
    /// The maximum number of lines that are not events. The rest of the log is not read, which is a problem.
    pub max_damaged_lines: u64,
    /// The maximum size of a decompressed archive, in bytes. It is read into memory. The rest of it is not read, which is a
    /// problem.
    pub max_archive_bytes: u64,
    /// The maximum number of files and folders of an archive. The rest of it is not read, which is a problem.
    pub max_archive_entries: u64,
    /// The maximum number of problems of one log that are reported individually, and of diagnostics of each code that
    /// reduction reports. The others are counted.
    pub max_problems: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: 64 << 20,
            max_payload_bytes: 512 << 20,
            max_shard_bytes: 1 << 30,
            max_total_payload_bytes: 64 << 30,
            max_amplified_bytes: 256 << 20,
            max_nesting: MAX_NESTING,
            max_events: 50_000_000,
            max_damaged_lines: 1_000_000,
            max_archive_bytes: 2 << 30,
            max_archive_entries: 1 << 20,
            max_problems: 10_000,
        }
    }
}
