//! A killed process loses nothing that it has recorded.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use rollout_trace::Severity;
use support::Recorded;

const AGENT: &str = env!("CARGO_BIN_EXE_rollout-trace-agent");

fn start(out: &Path) -> Child {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/killed.toml");
    let mut command = Command::new(AGENT);
    command.args(["demo", "--scenario", scenario, "--out"]).arg(out);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn bundle(out: &Path) -> Option<PathBuf> {
    let mut folders = fs::read_dir(out.join("traces")).ok()?;
    Some(folders.next()?.unwrap().path())
}

#[test]
fn killed_while_working() {
    let out = tempfile::tempdir().unwrap();
    let mut agent = start(out.path());
    let mut lines = BufReader::new(agent.stderr.take().unwrap()).lines().map(Result::unwrap);
    // This is the last call that any agent starts.
    assert!(lines.any(|line| line.contains("wait_agent")), "the agent is waiting");
    let bundle = bundle(out.path()).unwrap();
    // The child's request and the command start at about the same time.
    let log = || fs::read_to_string(bundle.join("trace.jsonl")).unwrap();
    let seen = |event: &str| log().matches(&format!("\"{event}\"")).count();
    while seen("inference_started") < 4 || seen("tool_call_runtime_started") < 2 {
        sleep(Duration::from_millis(5));
    }
    agent.kill().unwrap();
    agent.wait().unwrap();
    let graph = support::reduced(&bundle);
    assert!(
        graph.diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Error),
        "{:#?}",
        graph.diagnostics
    );
    insta::with_settings!({ filters => support::chance(), omit_expression => true }, {
        insta::assert_snapshot!(Recorded::drawing_of(&graph));
    });
}

#[test]
fn killed_at_any_moment() {
    for moment in 0..12 {
        let out = tempfile::tempdir().unwrap();
        let mut agent = start(out.path());
        sleep(Duration::from_millis(10 + moment * 25));
        agent.kill().unwrap();
        agent.wait().unwrap();
        // Before the first event is written there may be no bundle.
        let Some(bundle) = bundle(out.path()).filter(|bundle| bundle.join("trace.jsonl").exists()) else { continue };
        let graph = support::reduced(&bundle);
        let loud: Vec<_> = graph.diagnostics.iter().filter(|found| found.severity >= Severity::Error).collect();
        assert!(loud.is_empty(), "killed at moment {moment}: {loud:#?}");
    }
}
