//! The `rollout-trace` program, which shows what a coding agent did.

#![forbid(unsafe_code)]

mod args;
mod choice;
mod commands;
mod completing;
mod export_args;
mod failure;
mod local_time;
mod output;
mod pager;
mod parallel;
mod progress;
mod question_args;
mod report;
mod selection;
mod sessions;
mod signals;
mod sql_args;
mod state_file;
mod summary;
mod table_rows;
mod visible_json;
mod written_file;

use std::process::ExitCode;

use crate::{args::Cli, failure::Failure, output::Output};

fn main() -> ExitCode {
    completing::answer_shell();
    let cli = Cli::of_process();
    let mut output = Output::new(cli.color);
    let result = commands::run(cli, &mut output).and_then(|verdict| output.flush().map(|()| verdict));
    output.finish();
    match result {
        Ok(verdict) => verdict.exit_code(),
        // The reader of stdout has closed the pipe.
        Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Stdout(failure) | Failure::Message(failure)) => {
            output.say_all(failure);
            ExitCode::from(2)
        }
    }
}
