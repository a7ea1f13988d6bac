//! What is wrong with the files of a session.

use serde::Serialize;

/// The type of the protocol events with which an import reports problems.
pub const PROBLEM_EVENT: &str = "rollout_trace.source_problem";

/// The type of the protocol events that list items which are in a thread's history although no request is known to have
/// shown them.
pub const HISTORY_EVENT: &str = "rollout_trace.history";

/// Something that is wrong with the files of a session. Reading continues after each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind of the problem, as diagnostics name it.
    pub code: ProblemCode,
    /// The file, as its place among the sources.
    pub file: u32,
    /// The line; 0 if the problem is the whole file's.
    pub line: u64,
    /// What happened, for people.
    pub message: String,
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// The kind of a problem.
        ///
        /// Source: imports, section 5.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl ProblemCode {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the kind as diagnostics name it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

problem_codes! {
    /// The last line ends within a record: its writer was stopped, or has not finished it yet.
    TornLine = "source_torn_line",
    /// A line is not a record.
    UnparsableLine = "source_unparsable_line",
    /// The type of a record is unknown.
    UnknownRecord = "source_unknown_record",
    /// A record is repeated.
    RepeatedRecord = "source_repeated_record",
    /// The file does not begin with its header.
    HeaderMissing = "source_header_missing",
    /// A record has no time, or an absurd one.
    TimeUnknown = "source_time_unknown",
    /// A file of another thread of the session is missing.
    FileMissing = "source_file_missing",
    /// The file that a fork's history is in is missing.
    BaseMissing = "history_base_missing",
    /// The file with the output of a tool is missing.
    OutputMissing = "source_output_missing",
    /// Records or files name one another as their predecessors.
    ParentCycle = "source_parent_cycle",
    /// A name in a record leads out of the store, or to a link.
    PathRefused = "path_refused",
    /// A compressed file is damaged, or a file can no longer be read.
    DamagedArchive = "source_damaged_archive",
    /// A request could not be put together as its hashes say.
    RequestNotVerified = "request_not_verified",
}
