//! `rollout-trace-agent run`.

use std::{
    env,
    path::PathBuf,
    process::{self, ExitCode},
};

use rollout_trace_agent_core::{
    AbortReason, AgentConfig, AgentStatus, AgentThread, ConfigFile, EventMessage, Op, TraceOptions, TraceTarget,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

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
    let ended = converse(&thread, &args.prompt, Interrupts::listen()?, screen).await;
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
async fn converse(
    thread: &AgentThread,
    prompt: &str,
    interrupts: Interrupts,
    screen: &mut Screen,
) -> Option<AbortReason> {
    if thread.submit(Op::say(prompt)).is_err() {
        return Some(AbortReason::Shutdown);
    }
    tokio::spawn(interrupts.obey(thread.clone()));
    while let Some(event) = thread.next_event().await {
        screen.event(&event);
        match event.message {
            EventMessage::TurnComplete { .. } if event.agent_path == "/root" => return None,
            EventMessage::TurnAborted { reason, .. } if event.agent_path == "/root" => return Some(reason),
            _ => {}
        }
    }
    Some(AbortReason::Shutdown)
}

/// What asks the program to stop: Ctrl-C, and SIGTERM, which means the same.
struct Interrupts {
    ctrl_c: Signal,
    term: Signal,
}

impl Interrupts {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}"), "try again"))
        };
        Ok(Self { ctrl_c: listen(SignalKind::interrupt())?, term: listen(SignalKind::terminate())? })
    }

    /// Stops the running turn at the first, and the program at the next, or where no turn is running. A task of its own: the one
    /// that shows the rollout may be held up by whoever does not read what it shows.
    async fn obey(mut self, thread: AgentThread) {
        self.next().await;
        let is_at_work = matches!(thread.agent_status(), AgentStatus::PendingInit | AgentStatus::Running);
        if is_at_work && thread.submit(Op::Interrupt).is_ok() {
            self.next().await;
        }
        process::exit(INTERRUPTED.into());
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.term.recv() => {}
        }
    }
}

fn configuration(args: &RunArgs) -> Result<AgentConfig, Failure> {
    if args.prompt.trim().is_empty() {
        return Err(Failure::new(
            "the task is empty",
            "say what to do, as in `rollout-trace-agent run \"Look around.\"`",
        ));
    }
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
    config.check().map_err(|error| {
        Failure::of(
            &error,
            "docs/agent.md says what a setting may be, and which environment variables and options win over it",
        )
    })?;
    let url = &config.provider.base_url;
    if config.provider.api_key.is_none() && !config.provider.is_local() {
        return Err(Failure::new(
            format!("there is no key for {url}"),
            format!(
                "set {key_variable}, or give --base-url a server on this machine; `rollout-trace-agent demo` needs neither"
            ),
        ));
    }
    Ok(config)
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
