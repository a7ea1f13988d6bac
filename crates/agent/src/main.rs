//! The `rollout-trace-agent` program.

#![forbid(unsafe_code)]

mod args;
mod demo;
mod failure;
mod run;
mod screen;
mod trace;
mod view;

use std::{env, path::PathBuf, process::ExitCode};

use crate::{
    args::{Arguments, Command},
    failure::Failure,
    screen::Screen,
};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    let mut screen = Screen::new(arguments.color);
    let result = match &arguments.command {
        Command::Demo(args) => demo::run(args, &mut screen).await,
        Command::Run(args) => run::run(args, &mut screen).await,
    };
    result.unwrap_or_else(|failure| {
        screen.say(&failure.to_string());
        ExitCode::from(2)
    })
}

/// Creates a new folder under the system's temporary folder. It is not deleted.
fn temporary_folder(prefix: &str) -> Result<PathBuf, Failure> {
    let created = tempfile::Builder::new().prefix(prefix).tempdir();
    created.map(tempfile::TempDir::keep).map_err(|error| {
        let temporary = env::temp_dir();
        Failure::io("cannot create a folder in", &temporary, &error, "set TMPDIR to a writable folder")
    })
}
