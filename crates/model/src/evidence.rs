//! How well objects are proved that no recorder saw.

use rollout_trace_schema::open_enum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

open_enum! {
    /// How an object is proved. An object without this key was recorded as it happened. *Ours.*
    ///
    /// Source: graph, section 3.6.
    EvidenceGrade {
        /// Put together from several records of a session file, and shown to be right by a hash in the file.
        Verified = "verified",
        /// Put together from several records of a session file.
        Reconstructed = "reconstructed",
        /// It follows from what comes after it in a session file.
        Implied = "implied",
        /// A tool call that only the conversation shows: its times are bounds, and it took at most as long.
        Conversation = "conversation",
        /// An interaction or a compaction that follows from texts which two conversations, or two requests, share.
        Inferred = "inferred",
    }
}

/// Where a session file says what became an object. *Ours.*
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceSource {
    /// The file, as its place among the sources of the bundle, from 0.
    pub file: u32,
    /// The line, from 1; in a database, the number of the row.
    pub line: u64,
}
