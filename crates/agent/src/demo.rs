//! The command `rollout-trace-agent demo`.

use std::{fs, path::PathBuf, process::ExitCode};

use rollout_trace_agent::{Scenario, play};
use rollout_trace_agent_core::{TraceOptions, TraceTarget};

use crate::{
    args::DemoArgs,
    failure::Failure,
    screen::Screen,
    trace::{draw, is_flawed, print_location},
    view::Viewing,
};

const SCENARIO: &str = include_str!("../scripts/demo.toml");

pub(crate) async fn run(args: &DemoArgs, screen: &mut Screen) -> Result<ExitCode, Failure> {
    let scenario = match &args.scenario {
        Some(path) => Scenario::read(path),
        None => Scenario::parse("the demo", SCENARIO),
    };
    let scenario = scenario.map_err(|error| Failure::of(&error, "docs/agent.md describes the format of scenarios"))?;
    let out = folder(args.out.as_ref())?;
    let trace = TraceTarget::Root(out.join("traces"), TraceOptions::new());
    let viewing = args.view.then(|| Viewing::start(out.join("traces"), !args.no_open));
    let quiet = args.quiet;
    let played = play(&scenario, &out.join("work"), trace, &mut |event| {
        if let Some(link) = viewing.as_ref().and_then(Viewing::link) {
            say_link(link, screen);
        }
        if !quiet {
            screen.event(event);
        }
    })
    .await
    .map_err(|error| Failure::of(&error, format!("the files so far are in {}", out.display())))?;
    let Some(bundle) = played.bundle else {
        return Err(Failure::new("the rollout was not recorded", format!("check that {} is writable", out.display())));
    };
    screen.say("");
    let graph = draw(&bundle, screen)?;
    screen.say("");
    print_location(&bundle, played.recording.as_ref(), screen);
    if let Some(viewing) = viewing {
        if let Some(link) = viewing.last_link() {
            say_link(link, screen);
        }
        screen.say("The page is served until this program is stopped with Ctrl-C.");
        // Without a handler, Ctrl-C ends the program as usual.
        let _ = tokio::signal::ctrl_c().await;
    }
    Ok(if is_flawed(&graph) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Prints the address of the page, or why it cannot be shown.
fn say_link(link: Result<String, Failure>, screen: &mut Screen) {
    match link {
        Ok(link) => screen.say(&format!("The rollout is shown at {link}")),
        Err(failure) => screen.say(&failure.to_string()),
    }
}

/// Creates the requested folder, or a new temporary one.
fn folder(requested: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    match requested {
        Some(folder) => {
            let failed = |error| Failure::io("cannot create", folder, &error, "give --out a writable folder");
            fs::create_dir_all(folder).map_err(failed)?;
            folder.canonicalize().map_err(failed)
        }
        None => crate::temporary_folder("rollout-trace-demo-"),
    }
}
