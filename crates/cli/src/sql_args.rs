//! The command line of `sql`.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use rollout_trace_tables::{Content, SqlLimits};

use crate::{args::ReadingArgs, completing::paths};

/// Asks the tables of rollouts in SQL.
///
/// The tables have the rollouts of bundles, archives and sessions. Those of findings, blame, unseen and time are the answers
/// to these questions. They are made in memory, and only those that the statement reads. Times are microseconds since 1970. --tables lists the columns with what they mean;
/// docs/tables.md has useful statements.
///
/// A statement can only read the tables, for some time and with some memory: it opens no files.
#[derive(Debug, Args)]
#[command(override_usage = "rollout-trace sql [OPTIONS] [PATH]... <STATEMENT>\n       rollout-trace sql --tables")]
pub(crate) struct SqlArgs {
    /// Bundles (their folders, files in them, or their archives), sessions, or folders with bundles, and then the statement.
    /// Without a path, the bundles of the trace root.
    #[arg(required_unless_present = "tables", num_args = 1.., value_names = ["PATH", "STATEMENT"], add = paths())]
    pub(crate) words: Vec<OsString>,

    /// Print the statements that make the tables, with what each column means.
    #[arg(long, conflicts_with = "words")]
    pub(crate) tables: bool,

    /// Keep the tables in a file of SQLite. Only rollouts that have changed since are read again; without a path, none.
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,

    /// How much of the texts the tables have: default full in memory, none with --db.
    #[arg(long, value_name = "CONTENT")]
    pub(crate) content: Option<ContentArg>,

    /// Print each row as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print CSV, with the names of the columns first.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,

    /// Process only the newest bundle of a folder with bundles.
    #[arg(long)]
    pub(crate) latest: bool,

    /// Of a folder or a store with sessions of other programs, process only the one whose id begins like this.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,

    /// The trace root, whose bundles are asked about without a path.
    #[arg(long, value_name = "DIR", env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true)]
    pub(crate) root: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// Stop a statement that takes longer.
    #[arg(long, value_name = "SECONDS", default_value_t = SqlLimits::default().time.as_secs(), help_heading = "Limits")]
    pub(crate) max_seconds: u64,

    /// Stop a statement that needs more memory, besides the tables.
    #[arg(long, value_name = "BYTES", default_value_t = SqlLimits::default().memory, help_heading = "Limits")]
    pub(crate) max_memory_bytes: u64,
}

/// How much of the texts of rollouts tables hold.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum ContentArg {
    /// No texts.
    None,
    /// The SHA-256 of the texts of items.
    Hash,
    /// The texts.
    Full,
}

impl From<ContentArg> for Content {
    fn from(content: ContentArg) -> Self {
        match content {
            ContentArg::None => Self::None,
            ContentArg::Hash => Self::Hash,
            ContentArg::Full => Self::Full,
        }
    }
}
