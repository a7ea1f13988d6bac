//! The command `record`.

mod child;
mod report;

use std::{
    env,
    path::{self, PathBuf},
    thread,
    time::Duration,
};

use rollout_trace_capture::{Detour, Proxy, Recipe, Recording, Redact, Tap, upstreams};
use rollout_trace_recorder::ExecutionStatus;
use rollout_trace_viewer::{Library, Options, Server, open_browser};

use self::child::Ended;
use crate::{
    args::{RecordArgs, RedactArg},
    failure::{Failure, Verdict},
    output::Output,
};

/// How long connections that outlive the command may take to end.
const CONNECTIONS_END: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &RecordArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let root = args.root.clone().or_else(default_root).ok_or_else(|| {
        Failure::new("there is no folder for the bundle: neither HOME nor XDG_DATA_HOME is set", "give --root DIR")
    })?;
    // The command may write a trace of its own there, from wherever it goes.
    let root = path::absolute(&root).unwrap_or(root);
    let upstreams = upstreams(&args.upstream, variable)
        .map_err(|error| Failure::new(error, "check --upstream and the variables that hold base URLs"))?;
    let (tap, feed) = Tap::open();
    let detour = |upstream: &_| Detour::from_environment(upstream, variable);
    let proxy = Proxy::start(upstreams, detour, tap)
        .map_err(|error| Failure::new(with_cause(&error), "nothing was run; try again"))?;
    let redact = match args.redact {
        RedactArg::Common => Redact::Common,
        RedactArg::None => Redact::Nothing,
    };
    let recording = Recording::start(&root, redact, feed)
        .map_err(|error| Failure::new(with_cause(&error), "nothing was run; give another --root DIR"))?;
    if args.view {
        view(&recording, output);
    }
    let ended = match args.command.split_first() {
        Some((program, arguments)) => {
            let recipe = Recipe::of_command(&program.to_string_lossy(), &root, &proxy, variable);
            for remark in &recipe.remarks {
                output.say(format!("rollout-trace: {remark}"));
            }
            child::run(program, arguments, &recipe)
        }
        None => {
            for (name, value) in Recipe::common(&proxy, variable).variables {
                output.line(format!("export {name}={}", quoted(&value)))?;
            }
            output.flush()?;
            output.say("recording until Ctrl-C: set these variables where the agent runs");
            child::wait_for_signal().map(|()| Ended::Stopped)
        }
    };
    proxy.stop(CONNECTIONS_END);
    let status = match &ended {
        Ok(Ended::Exited(0) | Ended::Stopped) => ExecutionStatus::Completed,
        Ok(Ended::Exited(_)) | Err(_) => ExecutionStatus::Failed,
        Ok(Ended::Signaled(_)) => ExecutionStatus::Aborted,
    };
    // A command that did not run says nothing about what it would have sent.
    match &ended {
        Ok(_) => output.say_all(report::lines(&recording.finish(status))),
        Err(_) => recording.discard().unwrap_or_else(|error| {
            output.say(format!("the empty bundle cannot be removed: {error}"));
        }),
    }
    match ended {
        Ok(Ended::Stopped) => Ok(Verdict::Clean),
        // Windows has larger statuses, which end up as 1.
        Ok(Ended::Exited(status)) => Ok(Verdict::Exited(u8::try_from(status).unwrap_or(1))),
        Ok(Ended::Signaled(signal)) => {
            output.flush()?;
            child::die_by(signal);
            Ok(Verdict::Exited(u8::try_from(128 + signal).unwrap_or(1)))
        }
        Err(error) => {
            let program =
                args.command.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
            Err(Failure::new(format!("cannot run {program}: {error}"), "give a program that is there, after --"))
        }
    }
}

/// Serves the page of the bundle until the program ends.
fn view(recording: &Recording, output: &mut Output) {
    let server = recording.bundle_folder().and_then(|folder| {
        let library = Library::open([folder]).ok()?;
        Server::bind(library, Options { port: 0, at: None, follow: true }).ok()
    });
    let Some(server) = server else {
        output.say("the page cannot be served; recording goes on without it");
        return;
    };
    output.say(format!("rollout-trace: {}", server.link()));
    if let Some(link) = server.link_to_open() {
        open_browser(&link);
    }
    let served = thread::Builder::new().name("page".to_owned()).spawn(move || drop(server.run()));
    if served.is_err() {
        output.say("the page cannot be served; recording goes on without it");
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn default_root() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME").or_else(|| set("USERPROFILE"))?.join(".local/share")));
    Some(data?.join("rollout-trace").join("traces"))
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Quotes a value for a shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
