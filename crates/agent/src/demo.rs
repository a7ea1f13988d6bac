//! The command `rollout-trace-agent demo`.

use std::{fs, path::PathBuf, process::ExitCode};

use rollout_trace_agent::{Scenario, play};
use rollout_trace_agent_core::{TraceOptions, TraceTarget};

use crate::{
    args::DemoArgs,
    failure::Failure,
    screen::Screen,
    trace::{draw, is_flawed, print_location},
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
    let quiet = args.quiet;
    let played = play(&scenario, &out.join("work"), trace, &mut |event| {
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
    Ok(if is_flawed(&graph) { ExitCode::from(1) } else { ExitCode::SUCCESS })
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
