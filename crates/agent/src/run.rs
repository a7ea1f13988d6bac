//! The command `rollout-trace-agent run`.

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
    trace::{draw, print_location},
};

/// The exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(args: &RunArgs, screen: &mut Screen) -> Result<ExitCode, Failure> {
    let mut config = configuration(args)?;
    config.trace = trace_target(args)?;
    let thread = AgentThread::start(config)
        .await
        .map_err(|error| Failure::of(&error, "check that the working folder exists"))?;
    let bundle = thread.trace_folder();
    if bundle.is_none() && !args.no_trace {
        screen.say("warning: this run is not recorded because the trace folder is not writable");
    }
    let ended = converse(&thread, &args.prompt, Interrupts::listen()?, screen).await;
    thread.shutdown_and_wait().await;
    if let Some(bundle) = &bundle {
        if args.draw {
            draw(bundle, screen)?;
        }
        print_location(bundle, thread.recording_outcome().as_ref(), screen);
    }
    Ok(match ended {
        None => ExitCode::SUCCESS,
        Some(AbortReason::Failed) => ExitCode::from(1),
        Some(_) => ExitCode::from(INTERRUPTED),
    })
}

/// Runs one turn and shows it as it happens. Returns why it was aborted, or `None` if it completed.
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

/// The signals that stop the program: Ctrl-C and SIGTERM, which have the same effect.
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

    /// Stops the running turn on the first signal, and the program on the second one, or on the first one if no turn is
    /// running. This runs in a task of its own because the task that shows the rollout may be blocked by a reader that
    /// does not read.
    async fn obey(mut self, thread: AgentThread) {
        self.next().await;
        let is_busy = matches!(thread.agent_status(), AgentStatus::PendingInit | AgentStatus::Running);
        if is_busy && thread.submit(Op::Interrupt).is_ok() {
            self.next().await;
        }
        // Some would outlive this program: those that ignore a hangup, and servers that ignore the end of their input.
        thread.kill_processes();
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
        return Err(Failure::new("the task is empty", "pass a task, as in `rollout-trace-agent run \"Look around.\"`"));
    }
    let file = match &args.config {
        Some(path) => ConfigFile::read(path)
            .map_err(|error| Failure::of(&error, "docs/agent.md lists the keys of a configuration file"))?,
        None => ConfigFile::default(),
    };
    let key_variable = file.api_key_env.clone().unwrap_or_else(|| "OPENAI_API_KEY".to_owned());
    // Checked before a folder for the trace is created.
    let cwd = args.cwd.canonicalize().map_err(|error| {
        Failure::io("cannot open the working folder", &args.cwd, &error, "give --cwd an existing folder")
    })?;
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
            "docs/agent.md lists the settings, and the environment variables and options that take precedence",
        )
    })?;
    let url = &config.provider.base_url;
    if config.provider.api_key.is_none() && !config.provider.is_local() {
        return Err(Failure::new(
            format!("no API key is set for {url}"),
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
