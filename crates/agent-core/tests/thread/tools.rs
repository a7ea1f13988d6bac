//! What goes wrong with files, commands and servers, as a model sees it, recorded and not.

use std::path::PathBuf;

use insta::assert_snapshot;
use rollout_trace_agent_core::{Event, EventMessage, McpServerConfig, Op, TraceOptions, TraceTarget};
use serde_json::{Value, json};

use crate::support::Rollout;

/// One call of the model: an item of a scripted reply.
fn call(name: &str, arguments: &str) -> String {
    format!(
        "raw = {{ type = \"function_call\", id = \"fc\", call_id = \"c\", name = {}, arguments = {} }}",
        json!(name),
        json!(arguments)
    )
}

fn command(line: &str) -> String {
    call("exec_command", &json!({"cmd": line, "yield_time_ms": 20_000}).to_string())
}

fn cell(code: &str) -> String {
    format!("code = {}", json!(code))
}

/// Plays one call after another in a new folder, first unrecorded and then recorded, and returns the outputs. Events and
/// requests must be the same. Calls of cells run side by side, so their order is left to chance.
async fn outputs(calls: &[String], servers: &[McpServerConfig]) -> Vec<String> {
    let replies: String = calls.iter().map(|call| format!("[[reply]]\n[[reply.item]]\n{call}\n")).collect();
    let script = format!("{replies}[[reply]]\n[[reply.item]]\nsay = \"Done.\"\n");
    let traces = tempfile::tempdir().unwrap();
    let mut played = Vec::new();
    for trace in [TraceTarget::Off, TraceTarget::Root(traces.path().to_owned(), TraceOptions::new())] {
        let rollout = Rollout::new(&script, |config| {
            config.trace = trace;
            config.commands.min_yield_ms = Some(0);
            config.mcp_servers = servers.to_vec();
        })
        .await;
        rollout.thread.submit(Op::say("Go.")).unwrap();
        let (mut said, mut events) = (Vec::new(), Vec::new());
        loop {
            let event: Event = rollout.thread.next_event().await.unwrap();
            if let EventMessage::ToolCallEnded { output, .. } | EventMessage::Warning { message: output } =
                &event.message
            {
                said.push(normal(output));
            }
            let is_end = matches!(event.message, EventMessage::TurnComplete { .. } | EventMessage::TurnAborted { .. });
            events.push(json!(event)["type"].to_string());
            if is_end {
                break;
            }
        }
        let mut requests = Vec::new();
        rollout.server.requests().iter().for_each(|request| texts(&request.body["input"], &mut requests));
        rollout.thread.shutdown_and_wait().await;
        let in_order = said.clone();
        said.sort();
        events.sort();
        played.push(((said, events, requests), in_order));
    }
    let (recorded, in_order) = played.pop().unwrap();
    assert!(recorded == played[0].0, "{recorded:#?}\n{:#?}", played[0].0);
    in_order
}

/// Collects the texts in a document, except for ids.
fn texts(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::String(text) => found.push(normal(text)),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "id").for_each(|(_, value)| texts(value, found));
        }
        _ => {}
    }
}

/// Returns an output without what chance decides: names of chunks, times and process ids.
fn normal(output: &str) -> String {
    let mut lines = Vec::new();
    for line in output.replace('\r', "").lines() {
        if !line.starts_with("Chunk ID: ") && !line.starts_with("Wall time") && !line.starts_with("Original token") {
            let mut parts = line.split(" (");
            let first = parts.next().unwrap_or_default().to_owned();
            lines.push(parts.fold(first, |line, part| {
                let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
                if rest.starts_with(')') { format!("{line} (PID{rest}") } else { format!("{line} ({part}") }
            }));
        }
    }
    lines.join("\n")
}

fn odd_server(answers: &[&str]) -> McpServerConfig {
    // Cargo builds examples before it runs tests, into a folder next to that of the tests.
    let tests = std::env::current_exe().unwrap();
    let path: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/odd_mcp_server");
    let args = answers.iter().map(|answer| (*answer).to_owned()).collect();
    McpServerConfig { args, ..McpServerConfig::new("s", path.to_str().unwrap()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn patches_from_a_cell_at_the_same_time() {
    let lines: String = (0..40).map(|number| format!("line{number}\\n")).collect();
    let patches = "
        const patch = (body) => tools.apply_patch(`*** Begin Patch\n${body}\n*** End Patch`);
        const edits = Array.from({ length: 20 }, (_, i) => patch(`*** Update File: f\n@@\n-line${i}\n+done${i}`));
        const adds = ['a', 'b', 'c'].map((text) => patch(`*** Add File: new\n+${text}`));
        const states = (await Promise.allSettled([...edits, ...adds])).map((result) => result.status);
        text(states.filter((state) => state === 'fulfilled').length);";
    let calls = [command(&format!("printf '{lines}' > f")), cell(patches), command("grep -c done f; cat new | wc -l")];
    let mut said = outputs(&calls, &[]).await;
    said.sort();
    said.dedup();
    assert_snapshot!(said.join("\n"), @r#"
    A new
    M f
    Process exited with code 0
    Output:
    Process exited with code 0
    Output:
    20
    1
    Script completed
    Output:
    21
    new: the file already exists; update it, or delete it first
    "#);
}

#[tokio::test]
async fn arguments_as_models_write_them() {
    let calls = [
        call("exec_command", r#"{"cmd":"cat","yield_time_ms":0.0,"max_output_tokens":"2000"}"#),
        call("write_stdin", r#"{"session_id":1000.5,"chars":"x"}"#),
        call("write_stdin", r#"{"session_id":"1000.0","chars":"","yield_time_ms":"0"}"#),
        call("wait_agent", r#"{"timeout_ms":"1.0"}"#),
        cell("// @exec: {\"yield_time_ms\": 1}\nawait new Promise((r) => setTimeout(r, 1500)); text('b')"),
        call("wait", r#"{"cell_id":1,"yield_time_ms":20000.0,"terminate":"false"}"#),
        call("wait", r#"{"cell_id":1.5}"#),
    ];
    assert_snapshot!(outputs(&calls, &[]).await.join("\n"), @r#"
    Process running with session ID 1000
    Output:
    error in the arguments of write_stdin: invalid type: floating point `1000.5`, expected i32 at line 1 column 20
    Process running with session ID 1000
    Output:
    {"message":"No other agent is at work.","timed_out":false}
    Script running with cell ID 1
    Output:
    Script completed
    Output:
    b
    error in the arguments of wait: invalid type: floating point `1.5`, expected a string at line 1 column 14
    "#);
}

#[tokio::test]
async fn a_call_that_cannot_be_read_does_not_run() {
    let calls = [
        call("list_agents", r#"{"all": tru"#),
        call("wait_agent", r#"{"timeout_ms": 1"#),
        call("wait_agent", "[1]"),
        call("exec_command", r#"{"cmd": "echo \x41"}"#),
        call("mcp__s__t", r#"{"a": "#),
        call("mcp__s__t", r#""a""#),
        // What is unambiguous runs.
        call("list_agents", "null"),
        call("wait_agent", " "),
        call("exec_command", "{\"cmd\": \"echo half \\ud83d; echo a\ttab\", \"yield_time_ms\": 20000}"),
        call("mcp__s__t", "null"),
    ];
    let counting: Vec<_> =
        (0..4).map(|n| format!(r#"tools/call={{"jsonrpc":"2.0","id":ID,"result":"call {n}"}}"#)).collect();
    let answers: Vec<_> = counting.iter().map(String::as_str).collect();
    assert_snapshot!(outputs(&calls, &[odd_server(&answers)]).await.join("\n"), @r#"
    error in the arguments of list_agents: EOF while parsing a value at line 1 column 11
    error in the arguments of wait_agent: EOF while parsing an object at line 1 column 16
    the arguments of wait_agent are not an object
    error in the arguments of exec_command: invalid escape at line 1 column 16
    error in the arguments of mcp__s__t: EOF while parsing a value at line 1 column 6
    the arguments of mcp__s__t are not an object
    {"agents":[{"agent_name":"/root","agent_status":"running"}]}
    {"message":"No other agent is at work.","timed_out":false}
    Process exited with code 0
    Output:
    half �
    a tab
    call 0
    "#);
}

#[tokio::test]
async fn arguments_of_a_server_are_what_its_schema_says() {
    let list = r#"tools/list={"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"t","inputSchema":{"type":"object","properties":{
        "id":{"type":"string"},"count":{"type":"integer"},"limit":{"anyOf":[{"type":"integer"},{"type":"null"}]},
        "ids":{"type":"array","items":{"type":"integer"}},"any":{}}}}]}}"#;
    let answer = r#"tools/call={"jsonrpc":"2.0","id":ID,"result":ARGUMENTS}"#;
    let calls = [
        call("mcp__s__t", r#"{"id": 7, "count": 300.0, "limit": "20", "ids": [1.0, "2"], "any": 1.0}"#),
        call("mcp__s__t", r#"{"id": 1.5, "count": 1.5, "limit": null}"#),
    ];
    assert_snapshot!(outputs(&calls, &[odd_server(&[&list.replace('\n', ""), answer])]).await.join("\n"), @r#"
    {"any":1.0,"count":300,"id":"7","ids":[1,2],"limit":20}
    {"count":1.5,"id":1.5,"limit":null}
    "#);
}

#[tokio::test]
async fn commands_beyond_the_limits_of_the_system() {
    let file = "line of a generated file\n".repeat(6_000);
    let calls = [
        command(&format!("cat > big <<'EOF'\n{file}EOF\nwc -l < big; exit 3")),
        cell(
            "const r = await tools.exec_command({ cmd: 'printf %s ' + 'x'.repeat(200000) + ' | wc -c' }); text(r.output)",
        ),
        call("exec_command", r#"{"cmd":"stty -echo; cat > got; wc -c < got","yield_time_ms":2000}"#),
        call(
            "write_stdin",
            &json!({"session_id": 1002, "chars": "x".repeat(9_000) + "\n", "yield_time_ms": 0}).to_string(),
        ),
        call("write_stdin", r#"{"session_id":1002,"chars":"\u0004","yield_time_ms":20000}"#),
        command("sleep 1006 & sleep 0.5; echo started"),
        command("nohup sleep 1007 >/dev/null 2>&1 & sleep 0.5; echo started"),
    ];
    assert_snapshot!(outputs(&calls, &[]).await.join("\n"), @r#"
    Process exited with code 3
    Output:
    6000
    Process exited with code 0
    Output:
    200000
    Script completed
    Output:
    200000
    Process running with session ID 1002
    Output:
    Process running with session ID 1002
    Output:
    Process exited with code 0
    Output:
    9001
    Process exited with code 0
    Background processes that ended with the command: sleep (PID). To keep a process running, run it without `&` in a call of its own, which returns a session ID.
    Output:
    started
    Process exited with code 0
    Background processes that are still running, until you end at the latest: sleep (PID).
    Output:
    started
    "#);
}

#[tokio::test]
async fn a_server_with_a_bad_tool_and_odd_answers() {
    let list =
        r#"tools/list={"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"broken"},{"name":"t","inputSchema":{}}]}}"#;
    let result =
        |content: &str| format!(r#"tools/call={{"jsonrpc":"2.0","id":ID,"result":{{"content":[{content}]}}}}"#);
    let answers = [
        list,
        &result(r#"{"type":"text","text":"cut \ud83d here"},{"type":"video","data":"AA"}"#),
        &result(r#"{"type":"image","mimeType":"image/bmp","data":"AA"}"#),
        &result(r#"{"type":"text","text":"cut off"#)[..60],
        &result(r#"{"type":"text","text":"well"}"#),
    ];
    let calls = [(); 4].map(|()| call("mcp__s__t", "{}"));
    assert_snapshot!(outputs(&calls, &[odd_server(&answers)]).await.join("\n"), @r#"
    the MCP server s is used without a part of it: the tool broken: it has no inputSchema
    cut � here{"data":"AA","type":"video"}
    [an image that cannot be shown: its type is "image/bmp"]
    MCP server s did not return a result for the call of t: its answer cannot be read: it is not valid JSON: EOF while parsing a string at line 1 column 48
    well
    "#);
}
