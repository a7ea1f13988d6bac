//! The command lines of questions.

use std::ffi::OsString;

use clap::Args;
use rollout_trace::answers::{Axis, Place};

use crate::{
    choice::ChoiceArgs,
    completing::{bundle_first, bundles},
};

/// A question that needs nothing but a bundle.
#[derive(Debug, Args)]
pub(crate) struct QuestionArgs {
    /// A bundle: its folder, a file in it, its archive, or the beginning of its rollout's id.
    #[arg(add = bundles())]
    pub(crate) bundle: Option<OsString>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Lists what a reviewer of a rollout would want to be told.
///
/// Of a folder with bundles, it says how many findings of each kind their rollouts have. The JSON then has one line for each
/// finding.
#[derive(Debug, Args)]
pub(crate) struct FindingsArgs {
    /// A bundle (its folder, a file in it, its archive, or the beginning of its rollout's id), or a folder with bundles.
    #[arg(add = bundles())]
    pub(crate) bundle: Option<OsString>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Counts what rollouts consist of, under names that stay.
///
/// With several bundles, the text ends with their total, and the JSON has one line for each. With --by, there is a row for
/// each model, agent, tool or day, and folders with bundles can be given, too: how many rollouts it is in, their requests,
/// reported tokens, tool calls, wall and model time, and the number of their findings of each severity. A rollout counts in the
/// row of each of its models, agents or tools.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Bundles: their folders, files in them, their archives, or the beginnings of their rollouts' ids.
    #[arg(add = bundles(), value_name = "BUNDLE")]
    pub(crate) bundles: Vec<OsString>,

    /// Add up by model, agent, tool or day.
    #[arg(long, value_name = "KEY", hide_possible_values = true)]
    pub(crate) by: Option<GroupArg>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Searches the texts of a rollout, line by line, and says where each match is.
#[derive(Debug, Args)]
#[command(override_usage = "rollout-trace grep [OPTIONS] <BUNDLE> <PATTERN>\n       \
    rollout-trace grep [OPTIONS] --latest <PATTERN>")]
pub(crate) struct GrepArgs {
    /// A bundle (its folder, a file in it, its archive, or the beginning of its rollout's id), and a regular expression.
    #[arg(required = true, num_args = 1..=2, value_names = ["BUNDLE", "PATTERN"], add = bundle_first())]
    pub(crate) words: Vec<OsString>,

    /// Search only the thread of one agent, given by its name or its thread's id.
    #[arg(long, value_name = "AGENT")]
    pub(crate) thread: Option<String>,

    /// Search only items, terminal operations and code cells of one kind, such as function_call_output.
    #[arg(long)]
    pub(crate) kind: Option<String>,

    /// Search only items with one role.
    #[arg(long)]
    pub(crate) role: Option<String>,

    /// Search only what belongs to one tool.
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,

    /// Search only one class of texts: what models saw or said, commands, their outputs, or the sources of code cells.
    #[arg(long = "where", value_name = "WHERE")]
    pub(crate) place: Option<Place>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Says what brought something about, hop by hop, down to the events that show it.
#[derive(Debug, Args)]
#[command(override_usage = "rollout-trace why [OPTIONS] <BUNDLE> <SUBJECT> [@ <REQUEST>]\n       \
    rollout-trace why [OPTIONS] --latest <SUBJECT> [@ <REQUEST>]")]
pub(crate) struct WhyArgs {
    /// A bundle (its folder, a file in it, its archive, or the beginning of its rollout's id), and what is asked about:
    /// the number of an item, or any id or name that an answer prints. With @ and a request, also whether the request
    /// contains the item, and since when.
    #[arg(required = true, num_args = 1..=6, value_names = ["BUNDLE", "SUBJECT"], add = bundle_first())]
    pub(crate) words: Vec<OsString>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Says what the model saw in a request, or what changed since another one.
#[derive(Debug, Args)]
#[command(override_usage = "rollout-trace context [OPTIONS] <BUNDLE> <REQUEST> [--diff [<OTHER>]]\n       \
    rollout-trace context [OPTIONS] --latest <REQUEST> [--diff [<OTHER>]]")]
pub(crate) struct ContextArgs {
    /// A bundle (its folder, a file in it, its archive, or the beginning of its rollout's id), and the number or id of a
    /// request.
    #[arg(required = true, num_args = 1..=3, value_names = ["BUNDLE", "REQUEST"], add = bundle_first())]
    pub(crate) words: Vec<OsString>,

    /// Say what changed since the request before, or since OTHER, and what that did to the provider's cache.
    #[arg(long, value_name = "OTHER", num_args = 0..=1)]
    pub(crate) diff: Option<Option<String>>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Says where two rollouts part, and under which different conditions they ran.
#[derive(Debug, Args)]
#[command(override_usage = "rollout-trace diff [OPTIONS] <A> <B>\n       rollout-trace diff [OPTIONS] --latest <B>")]
pub(crate) struct DiffArgs {
    /// Two bundles: their folders, files in them, their archives, or the beginnings of their rollouts' ids.
    #[arg(required = true, num_args = 1..=2, value_names = ["A", "B"], add = bundles())]
    pub(crate) bundles: Vec<OsString>,

    /// Take what persons wrote for a condition, and compare what comes after it.
    #[arg(long, value_name = "WHAT", value_parser = ["input"])]
    pub(crate) ignore: Option<String>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// Says who fills the context: the estimated tokens of each part, times the requests that carried it.
#[derive(Debug, Args)]
pub(crate) struct BlameArgs {
    /// A bundle: its folder, a file in it, its archive, or the beginning of its rollout's id.
    #[arg(add = bundles())]
    pub(crate) bundle: Option<OsString>,

    /// What the parts are added up by: source, item, tool, server, agent, file, turn, section or thread.
    #[arg(long, value_name = "AXIS", default_value = "source")]
    pub(crate) by: Axis,

    /// Count only the requests of one agent, given by its name or its thread's id.
    #[arg(long, value_name = "AGENT")]
    pub(crate) thread: Option<String>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
}

/// What rollouts are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum GroupArg {
    Model,
    Agent,
    Tool,
    Day,
}

impl GroupArg {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Day => "day",
        }
    }
}

/// Where a question is asked, and how it is answered.
#[derive(Debug, Args)]
pub(crate) struct AskedArgs {
    /// Print the answer as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
}
