//! What can be typed.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};
use rollout_trace::{Limits, bundle::PayloadLayout};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for check: clean
  1  damage: check found errors or warnings, or reduce --strict found errors
  2  unreadable or wrong use; nothing that was on disk before is lost";

/// The flight recorder for coding agents: reads trace bundles and shows what happened.
#[derive(Debug, Parser)]
#[command(name = "rollout-trace", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// When to colour what is printed; NO_COLOR is honoured.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The things that can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Reduce(ReduceArgs),
    List(ListArgs),
    Check(CheckArgs),
    Show(ShowArgs),
    Payload(PayloadArgs),
    Convert(ConvertArgs),
    Pack(PackArgs),
    Unpack(UnpackArgs),
    /// Prints the JSON Schema of state.json.
    Schema,
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Reduces bundles to the graph of what happened, as state.json.
///
/// Without -o, each graph goes to state.json in its bundle, by a temporary file and a rename, and its path is printed; that of an
/// archive goes to a file beside it, NAME.state.json.
/// Whatever is wrong with a bundle, there is a graph of what the rest proves; what is wrong is told on stderr and stands in
/// the graph as diagnostics.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ReduceArgs {
    #[command(flatten)]
    pub(crate) bundles: BundleArgs,

    /// Write the graph to FILE; - is stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Exit with 1 if there are diagnostics of severity error, after the graph was written.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Write JSON without white space.
    #[arg(long)]
    pub(crate) compact: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Lists the bundles under a trace root, the newest first.
///
/// This reads the event logs but does not reduce them. A state.json that is older than its log is said to be stale.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ListArgs {
    /// The folder that holds the bundles.
    #[arg(env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true)]
    pub(crate) root: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Reads everything in bundles and tells every surprise.
///
/// Every payload that an event refers to is opened and parsed, also those that reduction does not use. Nothing is written.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) bundles: BundleArgs,

    /// Print each diagnostic as one line of JSON, with the bundle's path.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Draws what happened in a bundle.
///
/// The drawing is made from the bundle itself; state.json is neither read nor written.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ShowArgs {
    /// A bundle: its folder, a file in it, or its archive.
    pub(crate) bundle: PathBuf,

    /// Draw one thread only: its id, the beginning of it, or its agent path.
    #[arg(long, value_name = "THREAD", conflicts_with = "item")]
    pub(crate) thread: Option<String>,

    /// Draw one conversation item with all that is known about it: its number, as the drawing has it.
    #[arg(long, value_name = "N")]
    pub(crate) item: Option<String>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Prints a payload, byte for byte as it was recorded.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct PayloadArgs {
    /// A bundle: its folder, a file in it, or its archive.
    pub(crate) bundle: PathBuf,

    /// The payload's id, as events and state.json have it; its number is enough.
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Writes a bundle anew with its payloads stored in another way.
///
/// files: one file for each payload, as the tools of Codex read them. packed: all in one file, each as its difference from those
/// before it. Nothing else changes, so the way there and back gives the same bytes. What of a damaged bundle cannot be read is told.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ConvertArgs {
    /// A bundle: its folder, a file in it, or its archive.
    pub(crate) bundle: PathBuf,

    /// How payloads are to be stored.
    #[arg(long)]
    pub(crate) layout: LayoutArg,

    /// The new bundle's folder, which must not be there yet.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// How payloads are stored.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum LayoutArg {
    Files,
    Packed,
}

impl From<LayoutArg> for PayloadLayout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Files => Self::Files,
            LayoutArg::Packed => Self::Packed,
        }
    }
}

/// Packs a bundle into one .tar.zst file.
///
/// Every command reads the file as it stands; unpack gives the bundle back. The bundle itself stays where it is.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct PackArgs {
    /// A bundle: its folder, or a file in it.
    pub(crate) bundle: PathBuf,

    /// The file to write, which must not be there yet. Without it, BUNDLE.tar.zst beside the bundle.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Unpacks a bundle that pack made one file of.
///
/// The file may come from anywhere: nothing is written outside of the new folder, and no more than the limit.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct UnpackArgs {
    /// The .tar.zst file.
    pub(crate) file: PathBuf,

    /// The bundle's folder, which must not be there yet. Without it, the file's name without .tar.zst, beside it.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Prints the shell's completion script.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Prints the manual page, for man -l -.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Print the page of this command.
    pub(crate) command: Option<String>,
}

/// Which bundles.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// A bundle (its folder, a file in it, or its archive), or a folder with many bundles.
    #[arg(required = true, value_name = "BUNDLE")]
    pub(crate) paths: Vec<PathBuf>,

    /// Of a folder with many bundles, take only the newest.
    #[arg(long)]
    pub(crate) latest: bool,
}

/// Bounds on what a bundle can make this program do.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Leave payloads unread that are larger.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_payload_bytes)]
    max_payload_bytes: usize,

    /// Leave event lines unread that are longer.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_line_bytes)]
    max_line_bytes: usize,

    /// Leave JSON unread that nests deeper (at most 2048).
    #[arg(long, value_name = "LEVELS", default_value_t = Limits::default().max_nesting as u16,
        value_parser = clap::value_parser!(u16).range(1..=2048))]
    max_nesting: u16,

    /// Leave what archives unpack to beyond so much.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_archive_bytes)]
    max_archive_bytes: u64,

    /// Stop after so many events.
    #[arg(long, value_name = "EVENTS", default_value_t = Limits::default().max_events)]
    max_events: u64,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Self {
            max_payload_bytes: args.max_payload_bytes,
            max_line_bytes: args.max_line_bytes,
            max_nesting: args.max_nesting.into(),
            max_archive_bytes: args.max_archive_bytes,
            max_events: args.max_events,
            ..Self::default()
        }
    }
}
