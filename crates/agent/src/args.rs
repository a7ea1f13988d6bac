//! The command line.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

/// Runs a coding agent that records everything it does.
///
/// `demo` needs nothing: the model's part is scripted, all else is real. `run` works with any model that is served over the
/// Responses API. What was recorded is a trace bundle: `rollout-trace show BUNDLE` draws it.
///
/// Exit codes: 0 all went well; 1 a turn failed, or the demo's trace has a flaw; 2 the agent could not be started as asked;
/// 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "rollout-trace-agent", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
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
/// A terminal session, a failing command, a patch, a code cell that yields and is waited for, tools side by side, a child agent, an
/// interrupted turn, a compaction. Works in a new folder under the system's temporary folder, unless --out names one, and leaves
/// it there.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// The folder for the agent's files and the trace
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Another scenario than the demo's own: a file as docs/agent.md describes it
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Draws the trace only, without showing the rollout as it happens
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Gives a task to an agent with a real model.
///
/// The model's answer goes to stdout as it comes, everything else to stderr. Ctrl-C stops the turn; once more, the program.
///
/// The agent runs commands and changes files without asking, with your rights: give it a folder that you can lose.
///
/// Environment: OPENAI_API_KEY is the provider's key, and needed unless the provider is on this machine; OPENAI_BASE_URL is where its
/// Responses API is (default: https://api.openai.com/v1); OPENAI_MODEL is the model.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The task
    pub(crate) prompt: String,
    /// A configuration file, as docs/agent.md describes it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the provider's Responses API is; wins over environment and file
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// The model; wins over environment and file
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// The folder to work in
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) cwd: PathBuf,
    /// Where to record: default CODEX_ROLLOUT_TRACE_ROOT, else a new folder under the system's temporary folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) trace_root: Option<PathBuf>,
    /// Records nothing
    #[arg(long, conflicts_with_all = ["trace_root", "draw"])]
    pub(crate) no_trace: bool,
    /// Draws the trace on stdout at the end
    #[arg(long)]
    pub(crate) draw: bool,
}
