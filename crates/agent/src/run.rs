//! `rollout-trace-agent run`.

use std::{env, path::PathBuf, process::ExitCode};

use rollout_trace_agent_core::{
    AbortReason, AgentConfig, AgentThread, ConfigFile, EventMessage, Op, TraceOptions, TraceTarget,
};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args::RunArgs,
    failure::Failure,
    screen::Screen,
    trace::{draw, point_to},
};

/// The exit code of a program that Ctrl-C stopped.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(args: &RunArgs, screen: &mut Screen) -> Result<ExitCode, Failure> {
    let mut config = configuration(args)?;
    config.trace = trace_target(args)?;
    let thread = AgentThread::start(config)
        .await
        .map_err(|error| Failure::of(&error, "look whether the working folder is still there"))?;
    let bundle = thread.trace_folder();
    if bundle.is_none() && !args.no_trace {
        screen.say("warning: this run is not recorded: the trace folder cannot be written to");
    }
    let ended = converse(&thread, &args.prompt, screen).await?;
    thread.shutdown_and_wait().await;
    if let Some(bundle) = &bundle {
        if args.draw {
            draw(bundle, screen)?;
        }
        point_to(bundle, screen);
    }
    Ok(match ended {
        None => ExitCode::SUCCESS,
        Some(AbortReason::Failed) => ExitCode::from(1),
        Some(_) => ExitCode::from(INTERRUPTED),
    })
}

/// One turn, shown as it happens. Gives why it came to no end of its own.
async fn converse(thread: &AgentThread, prompt: &str, screen: &mut Screen) -> Result<Option<AbortReason>, Failure> {
    // One listener for all of the turn: a new one for each event would miss what is pressed in between.
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}"), "try again"))?;
    let mut is_stopping = false;
    if thread.submit(Op::say(prompt)).is_err() {
        return Ok(Some(AbortReason::Shutdown));
    }
    loop {
        tokio::select! {
            event = thread.next_event() => {
                let Some(event) = event else { return Ok(Some(AbortReason::Shutdown)) };
                screen.event(&event);
                match event.message {
                    EventMessage::TurnComplete { .. } if event.agent_path == "/root" => return Ok(None),
                    EventMessage::TurnAborted { reason, .. } if event.agent_path == "/root" => return Ok(Some(reason)),
                    _ => {}
                }
            }
            _ = interrupts.recv() => {
                // The first stops the turn, which tells its end; whoever presses again will not wait for that.
                if is_stopping || thread.submit(Op::Interrupt).is_err() {
                    return Ok(Some(AbortReason::Shutdown));
                }
                is_stopping = true;
            }
        }
    }
}

fn configuration(args: &RunArgs) -> Result<AgentConfig, Failure> {
    let file = match &args.config {
        Some(path) => ConfigFile::read(path)
            .map_err(|error| Failure::of(&error, "docs/agent.md says what a configuration file may say"))?,
        None => ConfigFile::default(),
    };
    let key_variable = file.api_key_env.clone().unwrap_or_else(|| "OPENAI_API_KEY".to_owned());
    // Before a folder is made for the trace of a run that cannot be.
    let cwd = args
        .cwd
        .canonicalize()
        .map_err(|error| Failure::io("cannot work in", &args.cwd, &error, "give --cwd a folder that is there"))?;
    let mut config = file.into_config(&cwd);
    if let Some(url) = &args.base_url {
        config.provider.base_url.clone_from(url);
    }
    if let Some(model) = &args.model {
        config.model.clone_from(model);
    }
    let url = &config.provider.base_url;
    if config.provider.api_key.is_none() && !is_local(url) {
        return Err(Failure::new(
            format!("there is no key for {url}"),
            format!(
                "set {key_variable}, or give --base-url a server on this machine; `rollout-trace-agent demo` needs neither"
            ),
        ));
    }
    Ok(config)
}

/// Whether a URL is one of this machine, whose servers mostly ask for no key.
fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local))
}

fn trace_target(args: &RunArgs) -> Result<TraceTarget, Failure> {
    if args.no_trace {
        return Ok(TraceTarget::Off);
    }
    let from_environment =
        || env::var_os("CODEX_ROLLOUT_TRACE_ROOT").filter(|root| !root.is_empty()).map(PathBuf::from);
    let root = match args.trace_root.clone().or_else(from_environment) {
        Some(root) => root,
        None => crate::temporary_folder("rollout-trace-run-")?,
    };
    Ok(TraceTarget::Root(root, TraceOptions::new()))
}
