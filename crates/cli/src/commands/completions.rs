//! The command `completions`.

use clap::CommandFactory;

use crate::{
    args::{Cli, CompletionsArgs},
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(args: &CompletionsArgs, output: &mut Output) -> Result<Verdict, Failure> {
    // Generated in memory, since the generator panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rollout-trace", &mut script);
    output.own_words(|stdout| stdout.write_all(&script))?;
    Ok(Verdict::Clean)
}
