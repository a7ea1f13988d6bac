//! How well a session file proves what an import says.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::open_enum;

open_enum! {
    /// How an object or an event is proved. One without this key was recorded as it happened. *Ours.*
    ///
    /// Source: imports, section 1; graph, section 3.6.
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

/// Where a session file says what became an event or an object. *Ours.*
///
/// Source: imports, section 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct EvidenceSource {
    /// The file, as its place among the sources of the bundle, from 0.
    pub file: u32,
    /// The line, from 1; in a database, the number of the row.
    pub line: u64,
}

/// What a bundle that was imported says about its evidence: the key `evidence` of its manifest. *Ours.*
///
/// Source: imports, section 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ImportEvidence {
    /// `imported`.
    pub grade: String,
    /// The format of the session files.
    pub format: String,
    /// The program that ran, and its version if the files say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The program that read them.
    pub importer: Importer,
    /// The files that were read.
    pub sources: Vec<ImportSource>,
    /// The threads whose histories the session's begins with.
    #[serde(default)]
    pub history_from: Vec<String>,
    /// How well the requests are proved.
    pub requests: ImportRequests,
    /// What could not be read or is not known, by code.
    #[serde(default)]
    pub losses: std::collections::BTreeMap<String, u64>,
}

impl ImportEvidence {
    /// The grade of every import.
    pub const IMPORTED: &str = "imported";
}

impl fmt::Display for ImportEvidence {
    /// Says what was imported, and how well its requests are proved.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImportRequests { verified, recorded, implied } = self.requests;
        let all = verified + recorded + implied;
        write!(f, "imported from {}", self.producer.as_deref().unwrap_or("an unknown program"))?;
        match (verified, recorded) {
            _ if all == 0 => Ok(()),
            (0, 0) => write!(f, " · {all} {} implied", if all == 1 { "request" } else { "requests" }),
            (0, recorded) => write!(f, " · {recorded} of {all} requests recorded"),
            (verified, _) => write!(f, " · {verified} of {all} requests verified"),
        }
    }
}

/// A program that imports sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Importer {
    /// The program's name.
    pub name: String,
    /// The program's version.
    pub version: String,
}

/// A file that was read for an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ImportSource {
    /// The file's path.
    pub path: String,
    /// How many bytes of it were read.
    pub bytes: u64,
    /// The SHA-256 of these bytes, in hexadecimal digits.
    pub sha256: String,
}

/// How many requests of an import are proved how well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ImportRequests {
    /// Requests that hashes in the files show to be right.
    pub verified: u64,
    /// Requests of which the files say which items they held.
    pub recorded: u64,
    /// Requests that follow from what comes after them.
    pub implied: u64,
}

/// Reads an optional key that other producers may use in another way. What does not fit counts as absent.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}
