//! The command line.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Args, ColorChoice, Parser, Subcommand};
use rollout_trace::{
    Bundle, Limits, OpenError,
    bundle::PayloadLayout,
    schema::{Seq, visible::visible_line},
};

use crate::{
    choice::ChoiceArgs,
    completing::{bundle_first, bundles, paths},
    export_args::ExportArgs,
    failure::Failure,
    local_time::GivenTime,
    question_args::{BlameArgs, ContextArgs, DiffArgs, FindingsArgs, GrepArgs, QuestionArgs, StatsArgs, WhyArgs},
    sessions,
    sql_args::SqlArgs,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  success; check: the bundles are clean
  1  damage: check found errors or warnings, or reduce --strict found errors
  2  unreadable bundle, unknown schema version or wrong usage; existing files are unchanged";

/// The flight recorder for coding agents: reads trace bundles and shows what happened.
#[derive(Debug, Parser)]
#[command(name = "rollout-trace", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// When to use color; NO_COLOR is respected.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Parses the command line of this process. Prints help or an error and exits if the command line asks for help or
    /// is wrong.
    pub(crate) fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            // The error may quote the command line, in which a script may have put a name from anywhere. So the
            // arguments are escaped and parsed again, which fails in the same way. It may succeed only if an argument
            // is not UTF-8, and such bytes are not quoted by the error.
            let arguments = env::args_os().map(|argument| visible_line(&argument.to_string_lossy()).into_owned());
            Self::try_parse_from(arguments).err().unwrap_or(error).exit()
        })
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Reduce(ReduceArgs),
    List(ListArgs),
    Check(CheckArgs),
    Show(ShowArgs),
    Why(WhyArgs),
    Context(ContextArgs),
    /// Says where the wall time of a rollout went, class by class and agent by agent.
    Time(QuestionArgs),
    /// Follows the chain of activities that determined the wall time of a rollout.
    CriticalPath(QuestionArgs),
    Blame(BlameArgs),
    /// Lists what happened and was shown to no model, and what was shown but is sealed.
    Unseen(QuestionArgs),
    Diff(DiffArgs),
    /// Says in one word how complete the evidence of a rollout is, and lists every gap.
    Verdict(QuestionArgs),
    Findings(FindingsArgs),
    Stats(StatsArgs),
    Grep(GrepArgs),
    Sql(SqlArgs),
    Payload(PayloadArgs),
    View(ViewArgs),
    Record(RecordArgs),
    Mcp(McpArgs),
    Import(ImportArgs),
    Export(ExportArgs),
    Convert(ConvertArgs),
    Pack(PackArgs),
    Unpack(UnpackArgs),
    Schema(SchemaArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Reduces bundles to graphs of their rollouts, as state.json.
///
/// Without -o, each graph is written to state.json in its bundle, by a temporary file and a rename, and its path is
/// printed. If another program wrote the state.json that is there, it is kept, and the graph is written beside it, to
/// rollout-trace.state.json. The graph of an archive is written next to the archive: to NAME.state.json, or to
/// NAME.rollout-trace.state.json. A damaged bundle is reduced as far as it can be read; the problems are reported on
/// stderr, and the graph contains them as diagnostics.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ReduceArgs {
    #[command(flatten)]
    pub(crate) bundles: BundleArgs,

    /// Write the graph to FILE; - means stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Replace state.json, whichever program wrote it.
    #[arg(long)]
    pub(crate) force: bool,

    /// Exit with 1 after writing the graph if there are diagnostics of severity error.
    #[arg(long)]
    pub(crate) strict: bool,

    #[command(flatten)]
    pub(crate) form: StateForm,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Writes a session of another program as a bundle.
///
/// Sessions of Codex, Claude Code, opencode, Pi and Gemini CLI are read as they are, and are not changed. The bundle says how
/// well each of its events is proved, and which line of which file says so. Every command that takes a bundle also takes a
/// session, so this is for keeping and sharing; it is as private as the session, and only you can read it. What could
/// not be read, or is not known, is counted on stderr.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ImportArgs {
    /// A session's file or folder, or a folder or store with sessions.
    #[arg(add = paths())]
    pub(crate) path: PathBuf,

    /// The bundle's folder, which must not exist.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    /// Of a folder with sessions, import the one whose id begins like this.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,

    /// Of a folder with sessions, import the one that was written last.
    #[arg(long)]
    pub(crate) latest: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StateForm {
    /// Write JSON without whitespace.
    #[arg(long)]
    pub(crate) compact: bool,

    /// Write each request as request_item_runs, runs of items, in place of request_item_ids.
    ///
    /// Each request lists the conversation before it again, so a graph with request_item_ids grows with the square of
    /// its requests. A run is an array of the number of its first item and the count of its items. The tools of Codex
    /// do not read it.
    #[arg(long)]
    pub(crate) runs: bool,

    /// Also write what answers compute: sizes, fingerprints, origins, and what requests hold besides items.
    ///
    /// `schema state` describes these keys, which no tool of Codex reads. Without this option they are computed when a
    /// question needs them.
    #[arg(long)]
    pub(crate) with_facts: bool,
}

/// Lists the bundles under a trace root, or the sessions in a store of another program, the newest first.
///
/// Of each bundle, the manifest, the event log and two payloads are read; of an archive, nothing after its event log. An
/// index in the user's cache folder ($XDG_CACHE_HOME/rollout-trace) remembers what was read, and may be deleted at any
/// time. Payloads are not checked for damage, and neither is what is within a line of a log: `check` does that.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ListArgs {
    /// The folder or store with the bundles or sessions; default: the stores of Codex, Claude Code, opencode, Pi and Gemini CLI.
    #[arg(env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true)]
    pub(crate) root: Option<PathBuf>,

    /// Print each bundle as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// List only rollouts with this status: running, completed, failed, cancelled or aborted; or those that are damaged.
    #[arg(long)]
    pub(crate) status: Option<String>,

    /// List only rollouts of an agent whose name contains this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) agent: Option<String>,

    /// List only rollouts whose model has a name that contains this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) model: Option<String>,

    /// List only rollouts in a folder whose path contains this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) cwd: Option<String>,

    /// List only rollouts whose first prompt matches a regular expression within its first 200 characters.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) grep: Option<String>,

    /// List only rollouts that began at this time or later: a date, a date with a time, or how long ago, such as 3d.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<GivenTime>,

    /// List only rollouts that began before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<GivenTime>,

    /// List only so many, the newest.
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<usize>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Reads bundles completely and reports every problem.
///
/// Every payload that an event refers to is opened and parsed, including those that reduction does not use. Nothing is
/// written.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) bundles: BundleArgs,

    /// Print each diagnostic as one line of JSON, with the bundle's path.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Shows a rollout: what was asked, how it went, and then everything that happened.
///
/// Ids and texts are shown as they were recorded. Times are those since the beginning of the rollout. Lost evidence is
/// reported where it is missing. If stdout is a terminal, the output is shown in a pager: ROLLOUT_TRACE_PAGER, PAGER or
/// less. state.json is neither read nor written.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, group = clap::ArgGroup::new("part"))]
pub(crate) struct ShowArgs {
    /// A bundle: its folder, a file in it, its archive, or the beginning of its rollout's id.
    #[arg(add = bundles())]
    pub(crate) bundle: Option<OsString>,

    /// Draw only one agent, given by its name, its thread's id, or the beginning of that id.
    #[arg(long, alias = "thread", value_name = "AGENT", group = "part")]
    pub(crate) agent: Option<String>,

    /// Draw only one turn, given by its number, name or id.
    #[arg(long, value_name = "TURN", group = "part")]
    pub(crate) turn: Option<String>,

    /// Draw only one request with its response and what that caused, given by its number, name or id.
    #[arg(long, value_name = "REQUEST", group = "part")]
    pub(crate) request: Option<String>,

    /// Draw only one call of a tool, or one code cell, with what it ran, given by its id, or by the name of a tool that
    /// was called once.
    #[arg(long, value_name = "CALL", group = "part")]
    pub(crate) call: Option<String>,

    /// Draw only one conversation item, with all known facts, given by its number in the drawing.
    #[arg(long, value_name = "N", group = "part", conflicts_with_all = ["errors", "since"])]
    pub(crate) item: Option<String>,

    /// Draw the rollout while it is recorded: each request with what it caused, once that is over, until the recording
    /// ends. Nothing is shown in a pager.
    #[arg(long, conflicts_with_all = ["part", "errors", "since"])]
    pub(crate) follow: bool,

    /// Draw only what failed, was stopped, exited with another code than 0 or lacks evidence.
    #[arg(long)]
    pub(crate) errors: bool,

    /// Draw only what ran at or after the event with this seq.
    #[arg(long, value_name = "SEQ")]
    pub(crate) since: Option<Seq>,

    /// The width of lines in columns; default: that of the terminal, or unlimited if stdout is none.
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(20..))]
    pub(crate) width: Option<u16>,

    /// Write to the terminal directly, without a pager.
    #[arg(long)]
    pub(crate) no_pager: bool,

    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
}

/// Prints a payload exactly as it was recorded.
///
/// On a terminal, characters that could steer it, or hide, are written as escapes of JSON.
#[derive(Debug, Args)]
#[command(
    after_help = EXIT_CODES,
    override_usage = "rollout-trace payload [OPTIONS] <BUNDLE> <ID>\n       \
        rollout-trace payload [OPTIONS] --latest <ID>"
)]
pub(crate) struct PayloadArgs {
    /// A bundle (its folder, a file in it, its archive, or the beginning of its rollout's id), and the payload's id, as
    /// in events and state.json, or just its number.
    #[arg(required = true, num_args = 1..=3, value_names = ["BUNDLE", "ID"], add = bundle_first())]
    pub(crate) words: Vec<OsString>,

    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
}

/// Answers an agent's questions about rollouts, as an MCP server on stdin and stdout.
///
/// MCP is the Model Context Protocol. All tools only read, and nothing outside of the trace roots can be read.
/// docs/agents.md says how an agent is given the server.
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// The folders that contain the bundles; a root may also be a single bundle.
    #[arg(env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true, value_name = "ROOT")]
    pub(crate) roots: Vec<PathBuf>,
}

/// Runs a command and records what it says to its model, whichever agent it is.
///
/// A proxy on 127.0.0.1 stands between the command and its provider and changes nothing on the way. The command gets the
/// proxy's address by the variables that agents read, such as ANTHROPIC_BASE_URL. The program exits as the command does.
/// What does not go through the proxy is not seen; a report at the end says how many requests were. Without a command, the
/// variables are printed, and recording lasts until Ctrl-C. docs/capture.md says how it works with which agent.
#[derive(Debug, Args)]
#[command(override_usage = "rollout-trace record [OPTIONS] [-- COMMAND [ARGUMENTS]...]")]
pub(crate) struct RecordArgs {
    /// The folder for the bundle; by default ~/.local/share/rollout-trace/traces.
    #[arg(long, env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,

    /// Show the rollout in the browser while it runs.
    #[arg(long)]
    pub(crate) view: bool,

    /// Where a name leads: anthropic, openai, gemini, code-assist, vertex, or another one. By default where the variables
    /// of the command lead, or to the provider.
    #[arg(long, value_name = "NAME=URL", value_parser = name_and_address)]
    pub(crate) upstream: Vec<(String, String)>,

    /// What is replaced in bodies before it is written. Credentials in headers are never written.
    #[arg(long, value_name = "WHAT", default_value = "common")]
    pub(crate) redact: RedactArg,

    /// The command.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What is replaced in bodies.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum RedactArg {
    /// Common secrets, and what names a person or a machine in metadata.
    Common,
    /// Nothing.
    None,
}

fn name_and_address(text: &str) -> Result<(String, String), String> {
    let (name, address) = text.split_once('=').ok_or("it is not NAME=URL")?;
    Ok((name.to_owned(), address.to_owned()))
}

/// Shows rollouts in the browser, or writes one as an HTML file.
///
/// The page is served on 127.0.0.1, to the browser that opens the link, until the program is stopped. With -o, it becomes one
/// file that needs no server and no network.
#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// A bundle (its folder, a file in it, or its archive), or a folder with bundles.
    #[arg(env = "CODEX_ROLLOUT_TRACE_ROOT", hide_env_values = true, value_name = "PATH", add = paths())]
    pub(crate) path: PathBuf,

    /// The port of the page; by default any that is free.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,

    /// Print the link, and open no browser.
    #[arg(long)]
    pub(crate) no_open: bool,

    /// What to show first: an item, a request, or anything else by a name that answers print.
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) at: Option<String>,

    /// Follow rollouts that have not ended: the page shows what is recorded while it is recorded.
    #[arg(long, conflicts_with = "output")]
    pub(crate) follow: bool,

    /// Write the page with its data to this HTML file instead of serving it; - means stdout.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["port", "no_open"])]
    pub(crate) output: Option<PathBuf>,

    /// With -o, write the first N raw payloads into the file, too.
    #[arg(long, value_name = "N", requires = "output", default_value_t = 0, hide_default_value = true)]
    pub(crate) with_payloads: usize,
}

/// Writes a copy of a bundle in another payload layout, or in schema 3.
///
/// The layout "files" has one file per payload. The layout "shards", which only schema 3 has, stores many payloads in
/// each of its compressed files. The tools of Codex can read these two. The layout "packed" has all payloads in one
/// file, each as the difference from earlier ones. Nothing else changes, so converting back gives the same payloads,
/// byte for byte.
///
/// With --schema 3, a bundle of schema 2 becomes one that Codex 0.171.0 can read, which refuses all earlier schemas. A
/// payload that Codex cannot read is marked as omitted.
///
/// The unreadable parts of a damaged bundle are reported.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES, group = clap::ArgGroup::new("form").required(true))]
pub(crate) struct ConvertArgs {
    /// A bundle: its folder, a file in it, or its archive.
    #[arg(add = paths())]
    pub(crate) bundle: PathBuf,

    /// The payload layout of the copy.
    #[arg(long, group = "form")]
    pub(crate) layout: Option<LayoutArg>,

    /// The schema version of the copy of a bundle of schema 2.
    #[arg(long, value_name = "VERSION", group = "form")]
    pub(crate) schema: Option<SchemaArg>,

    /// The folder of the copy, which must not exist.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// The schema version to convert to.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum SchemaArg {
    #[value(name = "3")]
    V3,
}

/// The payload layout.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum LayoutArg {
    Files,
    Packed,
    Shards,
}

impl From<LayoutArg> for PayloadLayout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Files => Self::Files,
            LayoutArg::Packed => Self::Packed,
            LayoutArg::Shards => Self::Shards,
        }
    }
}

/// Packs a bundle into one .tar.zst file.
///
/// Every command can read the file directly, and unpack restores the bundle, with all payloads in one file. The bundle
/// itself is kept.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct PackArgs {
    /// A bundle: its folder, or a file in it.
    #[arg(add = paths())]
    pub(crate) bundle: PathBuf,

    /// The file to write, which must not exist; default: BUNDLE.tar.zst next to the bundle.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Unpacks the file that pack has created.
///
/// The file need not be trusted: nothing is written outside the new folder, or beyond the limit.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct UnpackArgs {
    /// The .tar.zst file.
    #[arg(add = paths())]
    pub(crate) file: PathBuf,

    /// The bundle's folder, which must not exist; default: the file's name without .tar.zst, next to the file.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: UnpackLimitArgs,
}

/// Prints the JSON Schema of state.json, or of the answers to questions.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// What the schema describes: the graph in state.json, or what questions print with --json.
    #[arg(default_value = "state")]
    pub(crate) of: Schemas,
}

/// The schemas that there are.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Schemas {
    State,
    Answers,
}

/// Prints the script with which a shell completes commands, options, paths, and ids of rollouts in the trace root.
///
/// The script asks the program itself for the words, so let the shell read it anew whenever it starts: by
/// `source <(rollout-trace completions bash)` in ~/.bashrc, the same with zsh in ~/.zshrc after compinit, or
/// `rollout-trace completions fish | source` in ~/.config/fish/config.fish.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Prints the manual page, for man -l -.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page is printed; default: the program.
    pub(crate) command: Option<String>,
}

/// The bundles to process.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// A bundle (its folder, a file in it, or its archive), or a folder with bundles.
    #[arg(required_unless_present = "from_list", value_name = "BUNDLE", add = paths())]
    pub(crate) paths: Vec<PathBuf>,

    /// Process also what a file lists, one path in each line; - means stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_list: Option<PathBuf>,

    /// Process only the newest bundle of a folder with bundles.
    #[arg(long)]
    pub(crate) latest: bool,

    /// Of a folder or a store with sessions of other programs, process only the one whose id begins like this.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
}

impl BundleArgs {
    /// Returns the arguments that mean these paths.
    pub(crate) fn of(paths: Vec<PathBuf>, latest: bool, session: Option<String>) -> Self {
        Self { paths, from_list: None, latest, session }
    }
}

/// How a bundle is read.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ReadingArgs {
    /// Read a bundle of a newer, unknown schema version by the rules of the newest known one.
    #[arg(long)]
    best_effort: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

impl ReadingArgs {
    /// Opens a bundle, or a session, which is imported.
    pub(crate) fn open(self, path: &Path) -> Result<Bundle, Failure> {
        let limits = self.limits.into();
        if let Some(session) = sessions::session_of(path) {
            return sessions::open(&session, limits);
        }
        if let Some(failure) = sessions::not_one(path) {
            return Err(failure);
        }
        let opened =
            if self.best_effort { Bundle::open_best_effort(path, limits) } else { Bundle::open_with(path, limits) };
        opened.map_err(|error| match error {
            OpenError::Archive(_) => sessions::not_a_session(path).unwrap_or_else(|| error.into()),
            error => error.into(),
        })
    }
}

/// Bounds on the resources that a bundle can use.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Skip payloads that are larger.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_payload_bytes)]
    max_payload_bytes: usize,

    /// Stop reading payloads when they amount to more.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_total_payload_bytes)]
    max_total_payload_bytes: u64,

    /// Stop reading payloads when they, or the graph, exceed what is stored by more.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_amplified_bytes)]
    max_amplified_bytes: u64,

    /// Skip event lines that are longer.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_line_bytes)]
    max_line_bytes: usize,

    /// Skip JSON that nests deeper (at most 2048).
    #[arg(long, value_name = "LEVELS", default_value_t = Limits::default().max_nesting as u16,
        value_parser = clap::value_parser!(u16).range(1..=2048))]
    max_nesting: u16,

    /// Skip the contents of an archive beyond this size, which is read into memory.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_archive_bytes)]
    max_archive_bytes: u64,

    /// Skip the contents of an archive beyond this many files and folders.
    #[arg(long, value_name = "ENTRIES", default_value_t = Limits::default().max_archive_entries)]
    max_archive_entries: u64,

    /// Stop reading after this many lines that are not events.
    #[arg(long, value_name = "LINES", default_value_t = Limits::default().max_damaged_lines)]
    max_damaged_lines: u64,

    /// Stop reading after this many events.
    #[arg(long, value_name = "EVENTS", default_value_t = Limits::default().max_events)]
    max_events: u64,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Self {
            max_payload_bytes: args.max_payload_bytes,
            max_total_payload_bytes: args.max_total_payload_bytes,
            max_amplified_bytes: args.max_amplified_bytes,
            max_line_bytes: args.max_line_bytes,
            max_nesting: args.max_nesting.into(),
            max_archive_bytes: args.max_archive_bytes,
            max_archive_entries: args.max_archive_entries,
            max_events: args.max_events,
            max_damaged_lines: args.max_damaged_lines,
            ..Self::default()
        }
    }
}

/// Bounds on what unpacking writes. Nothing is held in memory, so more is unpacked by default than other commands read.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct UnpackLimitArgs {
    /// Skip the contents of the archive beyond this size.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 30)]
    max_archive_bytes: u64,

    /// Skip the contents of the archive beyond this many files and folders.
    #[arg(long, value_name = "ENTRIES", default_value_t = Limits::default().max_archive_entries)]
    max_archive_entries: u64,
}

impl From<UnpackLimitArgs> for Limits {
    fn from(args: UnpackLimitArgs) -> Self {
        Self {
            max_archive_bytes: args.max_archive_bytes,
            max_archive_entries: args.max_archive_entries,
            ..Self::default()
        }
    }
}
