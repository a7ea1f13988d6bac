//! The traced agent as a program.

#![forbid(unsafe_code)]

mod args;
mod demo;
mod failure;
mod run;
mod screen;
mod trace;

use std::{env, path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::{
    args::{Arguments, Command},
    failure::Failure,
    screen::Screen,
};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
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

/// A new folder under the system's temporary folder, which stays.
fn temporary_folder(prefix: &str) -> Result<PathBuf, Failure> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map(tempfile::TempDir::keep).map_err(|error| {
        let temporary = env::temp_dir();
        Failure::io("cannot make a folder in", &temporary, &error, "set TMPDIR to a folder that you can write to")
    })
}
