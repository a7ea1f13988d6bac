//! The command line.

use std::{env, path::PathBuf};

use clap::{Args, ColorChoice, Parser, Subcommand};
use rollout_trace::schema::visible::visible_line;

/// Runs a coding agent that records everything it does.
///
/// `demo` needs no setup: the model is scripted, and everything else is real. `run` works with any model that is served
/// over the Responses API. The recording is a trace bundle, which `rollout-trace show BUNDLE` draws.
///
/// Exit codes: 0 success; 1 a turn failed, or the demo's trace has a flaw; 2 the agent could not be started; 130
/// interrupted.
#[derive(Debug, Parser)]
#[command(name = "rollout-trace-agent", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Parses the command line of this process. Prints help or an error and exits, if that is what it asks for.
    pub(crate) fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            // The error may quote the command line. What cannot be parsed cannot be parsed with its characters escaped
            // either, except for bytes that are not UTF-8, which the error does not quote.
            let arguments = env::args_os().map(|argument| visible_line(&argument.to_string_lossy()).into_owned());
            Self::try_parse_from(arguments).err().unwrap_or(error).exit()
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plays a scripted rollout with real tools, reduces its trace, and draws it
    Demo(DemoArgs),
    /// Gives a task to an agent with a real model
    Run(RunArgs),
}

/// Plays a scripted rollout with real tools, reduces its trace, and draws it.
///
/// The rollout has a terminal session, a failing command, a patch, a code cell that yields and is waited for,
/// concurrent tools, a child agent, an interrupted turn and a compaction. It works in a new folder under the system's
/// temporary folder, unless --out names another one, and does not delete the folder.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// The folder for the agent's files and the trace
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// A scenario file to play instead of the demo's own; docs/agent.md describes the format
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Draws only the trace, without showing the rollout as it happens
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Shows the rollout in the browser while it happens, and until the program is stopped with Ctrl-C
    #[arg(long)]
    pub(crate) view: bool,
    /// With --view, prints the link, and opens no browser
    #[arg(long, requires = "view")]
    pub(crate) no_open: bool,
}

/// Gives a task to an agent with a real model.
///
/// The model's answer is written to stdout as it arrives, and everything else to stderr. Ctrl-C stops the turn; a
/// second Ctrl-C stops the program.
///
/// The agent runs commands and changes files with your permissions, without asking: give it a folder that you can
/// afford to lose.
///
/// Environment: OPENAI_API_KEY is the provider's key, which is needed unless the provider is on this machine;
/// OPENAI_BASE_URL is the base URL of its Responses API (default: https://api.openai.com/v1); OPENAI_MODEL is the
/// model.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The task
    pub(crate) prompt: String,
    /// A configuration file; docs/agent.md lists its keys
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The base URL of the provider's Responses API; takes precedence over environment and file
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// The model; takes precedence over environment and file
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// The working folder
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) cwd: PathBuf,
    /// Where to record; default: CODEX_ROLLOUT_TRACE_ROOT, or else a new folder under the system's temporary folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) trace_root: Option<PathBuf>,
    /// Records nothing
    #[arg(long, conflicts_with_all = ["trace_root", "draw"])]
    pub(crate) no_trace: bool,
    /// Draws the trace on stdout at the end
    #[arg(long)]
    pub(crate) draw: bool,
}
