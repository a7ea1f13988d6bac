//! The command `man`.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::{
    args::{Cli, ManArgs},
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(args: &ManArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let mut program = Cli::command();
    program.build();
    let command = match &args.command {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
            Failure::new(format!("unknown command {name:?}"), format!("commands: {}", known.join(", ")))
        })?,
    };
    output.own_words(|mut stdout| Man::new(command).render(&mut stdout))?;
    Ok(Verdict::Clean)
}
