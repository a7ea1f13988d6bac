//! Tests with servers that follow the protocol and servers that do not.

use std::{path::PathBuf, sync::Arc, time::Duration};

use insta::assert_snapshot;
use nix::{sys::signal::kill, unistd::Pid};
use serde_json::{Value, json};

use super::*;
use crate::pause::Pause;

/// Returns the path of an example server. Cargo builds examples before it runs tests, into a folder next to that of
/// the tests.
pub(super) fn example(name: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let path: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing; `cargo build --examples` builds it", path.display());
    path.to_str().unwrap().to_owned()
}

fn config() -> McpServerConfig {
    // Only a test that hangs reaches this limit.
    McpServerConfig { start_limit: Duration::from_secs(60), ..McpServerConfig::new("trial", example("mcp_server")) }
}

async fn server() -> McpServer {
    McpServer::start(config()).await.unwrap()
}

/// Returns the configuration of a server that is a shell command.
fn shell(line: &str) -> McpServerConfig {
    McpServerConfig { command: "/bin/sh".to_owned(), args: vec!["-c".to_owned(), line.to_owned()], ..config() }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Finds the child of this process whose command line contains a text. Other tests have children at the same time.
pub(super) fn child(line: &str) -> u32 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let children: String =
        threads.map(|thread| std::fs::read_to_string(thread.join("children")).unwrap_or_default()).collect();
    let has_line =
        |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.contains(line));
    children.split_whitespace().find(|pid| has_line(pid)).unwrap().parse().unwrap()
}

fn is_alive(pid: u32) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), None).is_ok()
}

#[tokio::test]
async fn tools_are_listed_and_called() {
    let server = server().await;
    let tools: String = server.tools().iter().map(|tool| format!("{}: {}\n", tool.name, tool.description)).collect();
    assert_snapshot!(tools, @r"
    echo: Returns its argument
    add: Adds two numbers, and also returns a structured result
    meta: Returns the `_meta` of the call
    fail: Fails
    refuse: Returns a protocol error
    slow: Waits before it answers
    babble: Writes invalid messages before it answers
    die: Ends the server before it answers
    ");
    assert_eq!(server.tools()[0].input_schema["properties"]["text"]["type"], "string");

    let mut said = String::new();
    for (tool, arguments) in [
        ("echo", json!({"text": "hé"})),
        ("add", json!({"a": 1, "b": 2.5})),
        ("fail", json!({"why": "no reason"})),
        ("slow", json!({"milliseconds": 1})),
        ("babble", json!({})),
    ] {
        let result = server.call_tool(tool, Some(arguments), None).await.unwrap();
        said.push_str(&format!("{}\n", serde_json::to_string(&result).unwrap()));
    }
    assert_snapshot!(said, @r#"
    {"content":[{"text":"hé","type":"text"}],"isError":false}
    {"content":[{"text":"{\"sum\":3.5}","type":"text"}],"structuredContent":{"sum":3.5},"isError":false}
    {"content":[{"text":"no reason","type":"text"}],"isError":true}
    {"content":[{"text":"at last","type":"text"}],"isError":false}
    {"content":[{"text":"sense","type":"text"}],"isError":false}
    "#);
    server.shutdown().await;
}

#[tokio::test]
async fn metadata_is_sent_with_the_call() {
    let server = server().await;
    let result = server.call_tool("meta", None, Some(json!({"a call": "1", "deep": {"er": [2]}}))).await.unwrap();
    let meta: Value = serde_json::from_str(result.content[0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&meta["a call"], &meta["deep"]), (&json!("1"), &json!({"er": [2]})));
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_call_does_not_affect_the_server() {
    let server = server().await;
    let mut said = String::new();
    for (tool, arguments, meta) in [
        ("refuse", None, None),
        ("missing", Some(json!({})), None),
        ("echo", Some(json!(["text"])), None),
        ("echo", None, Some(json!("text"))),
    ] {
        said.push_str(&format!("{}\n", server.call_tool(tool, arguments, meta).await.unwrap_err()));
    }
    assert_snapshot!(said, @r"
    MCP server trial refused the call of refuse: this is refused (code -32602)
    MCP server trial refused the call of missing: there is no tool missing (code -32602)
    the arguments of a call of echo must be an object, but is an array
    the _meta of a call of echo must be an object, but is a string
    ");
    assert!(server.call_tool("add", Some(json!({"a": 1, "b": 1})), None).await.is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn calls_do_not_wait_for_each_other() {
    let server = Arc::new(server().await);
    let slow = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.call_tool("slow", Some(json!({"milliseconds": 600_000})), None).await }
    });
    for number in 0..20 {
        let result = server.call_tool("add", Some(json!({"a": number, "b": 0})), None).await.unwrap();
        assert_eq!(result.structured_content, Some(json!({"sum": f64::from(number)})));
    }
    assert!(!slow.is_finished());
    server.shutdown().await;
    assert!(matches!(slow.await.unwrap(), Err(McpError::Gone { .. })));
    let error = server.call_tool("echo", None, None).await.unwrap_err();
    assert_snapshot!(error, @"MCP server trial is gone: it was shut down");
}

#[tokio::test]
async fn a_slow_call_times_out() {
    let server = McpServer::start(McpServerConfig { call_limit: Duration::from_millis(50), ..config() }).await.unwrap();
    let error = server.call_tool("slow", Some(json!({"milliseconds": 600_000})), None).await.unwrap_err();
    assert_snapshot!(error, @"MCP server trial returned no valid answer within 50ms");
    server.shutdown().await;
}

#[tokio::test]
async fn a_pause_does_not_count_against_a_call() {
    let server = McpServer::start(McpServerConfig { call_limit: Duration::from_millis(50), ..config() }).await.unwrap();
    let pause = Pause::new();
    let guard = pause.begin();
    let call = server.call_tool_with_pauses(&pause, "slow", Some(json!({"milliseconds": 200})), None);
    assert_eq!(call.await.unwrap().content[0]["text"], "at last");
    drop(guard);
    let call = server.call_tool_with_pauses(&pause, "slow", Some(json!({"milliseconds": 600_000})), None);
    assert!(matches!(call.await, Err(McpError::TooSlow { .. })));
    server.shutdown().await;
}

#[tokio::test]
async fn the_end_of_a_server_is_reported() {
    let server = server().await;
    let error = server.call_tool("die", None, None).await.unwrap_err();
    assert_snapshot!(error, @"MCP server trial is gone: it ended with exit code 3; its standard error ends with: goodbye, cruel host");
    assert!(matches!(server.call_tool("echo", None, None).await, Err(McpError::Gone { .. })));
    server.shutdown().await;
}

#[tokio::test]
async fn a_program_that_is_not_a_server_does_not_start() {
    let quick = |line| McpServerConfig { start_limit: Duration::from_millis(1500), ..shell(line) };
    let mut said = String::new();
    for config in [
        McpServerConfig::new("trial", "/missing/program"),
        McpServerConfig { cwd: Some("/missing".into()), ..config() },
        shell("echo cannot find the library >&2; exit 127"),
        shell("kill -KILL $$"),
        shell(
            r#"read greeting; echo '{"jsonrpc":"2.0","id":0,"error":{"code":-32600,"message":"go away"}}'; read more"#,
        ),
        shell(r#"read greeting; echo '{"jsonrpc":"2.0","id":0,"result":{"tools":[]}}'; read more"#),
        quick("echo garbage; sleep 1000"),
        McpServerConfig {
            start_limit: Duration::from_secs(5),
            ..shell("echo waiting for the database >&2; sleep 1000 & wait")
        },
    ] {
        said.push_str(&format!("{}\n", with_causes(&McpServer::start(config).await.unwrap_err())));
    }
    let said = said.replace(&example("mcp_server"), "EXAMPLE");
    assert_snapshot!(said, @r"
    MCP server trial: /missing/program does not start: No such file or directory (os error 2)
    MCP server trial: EXAMPLE does not start: /missing is not a directory
    MCP server trial does not become ready: it ended with exit code 127; its standard error ends with: cannot find the library
    MCP server trial does not become ready: it was killed by SIGKILL
    MCP server trial does not become ready: it refused to initialize: go away (code -32600)
    MCP server trial does not become ready: its answer to the initialization is not valid
    MCP server trial returned no valid answer within 1.5s
    MCP server trial returned no valid answer within 5s; its standard error ends with: waiting for the database
    ");
}

#[tokio::test]
async fn a_server_leaves_no_process() {
    // The server has a child that ignores the end of its parent.
    let server = McpServer::start(shell(&format!("sleep 1234 & {}", example("mcp_server")))).await.unwrap();
    let result = server.call_tool("echo", Some(json!({"text": "x"})), None).await.unwrap();
    assert_eq!(result.content[0]["text"], "x");
    let process_id = child("sleep 1234");
    let sleeper = sleeper_of(process_id);
    server.shutdown().await;
    assert!(!is_alive(process_id));
    gone(sleeper).await;

    let server = McpServer::start(shell(&format!("sleep 1235 & {}", example("mcp_server")))).await.unwrap();
    let process_id = child("sleep 1235");
    let sleeper = sleeper_of(process_id);
    drop(server);
    gone(process_id).await;
    gone(sleeper).await;
}

/// Returns the child named `sleep` of a process.
fn sleeper_of(parent: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let mut children = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
    children.find(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n").unwrap()
}

/// Waits until a process has ended, or is a zombie whose parent never reaps it.
pub(super) async fn gone(pid: u32) {
    let is_zombie = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    while is_alive(pid) && !is_zombie() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
