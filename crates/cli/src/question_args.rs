//! The command lines of questions.

use std::ffi::OsString;

use clap::{Args, ValueHint};

use crate::choice::ChoiceArgs;

/// A question that needs nothing but a bundle.
#[derive(Debug, Args)]
pub(crate) struct QuestionArgs {
    /// A bundle: its folder, a file in it, its archive, or the beginning of its rollout's id.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) bundle: Option<OsString>,

    #[command(flatten)]
    pub(crate) asked: AskedArgs,
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
