//! The command `completions`.

use clap_complete::env::Shells;

use crate::{
    args::CompletionsArgs,
    completing::ASKING,
    failure::{Failure, Verdict},
    output::Output,
};

/// The name of the program.
const PROGRAM: &str = "rollout-trace";

pub(crate) fn run(args: &CompletionsArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let name = args.shell.to_string();
    let shells = Shells::builtins();
    let shell = shells.completer(&name).expect("each shell that the command line accepts is a builtin one");
    output.own_words(|stdout| shell.write_registration(ASKING, PROGRAM, PROGRAM, PROGRAM, &mut { stdout }))?;
    Ok(Verdict::Clean)
}
