//! The `rollout-trace-scripted-model` program.

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Parser;
use rollout_trace_scripted_model::{Script, ScriptedModel};

/// Serves the Responses API on loopback and answers from a script.
///
/// Prints the base URL to give to an agent core, and serves until it is stopped.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The script, a TOML file with one [[reply]] per answer
    script: PathBuf,
    /// The port to listen on; 0 means any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let started: Result<ScriptedModel, Box<dyn Error>> = async {
        let script = Script::read(&arguments.script)?;
        Ok(ScriptedModel::start_on(script, arguments.port).await?)
    }
    .await;
    match started {
        Ok(server) => {
            println!("{}", server.base_url());
            server.run().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("error: {error}{cause}");
            ExitCode::from(2)
        }
    }
}
