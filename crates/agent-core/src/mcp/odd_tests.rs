//! Tests with a server that makes the mistakes of real ones. Each costs only itself, and none makes a call wait.

use std::{ffi::OsString, fmt::Write, os::unix::ffi::OsStringExt, time::Instant};

use insta::assert_snapshot;

use super::{
    tests::{child, example, gone},
    *,
};

/// How long a server may take to start, and to answer. Only an answer that is not noticed takes so long.
const TOO_LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// The arguments of a server, which may not be text.
type Answers<'a> = &'a [(&'a str, &'a [u8])];

/// Starts a server that answers so, calls its first tool, and says what came of it.
async fn outcome(answers: Answers<'_>) -> String {
    let began = Instant::now();
    let arguments = answers.iter().map(|(method, line)| OsString::from_vec([method.as_bytes(), b"=", line].concat()));
    // Arguments in a configuration are text, so that a shell makes the bytes that are not.
    let quoted = arguments.map(|argument| {
        let octal = argument.into_vec().into_iter().map(|byte| format!("\\{byte:03o}"));
        format!(" \"$(printf '{}')\"", octal.collect::<String>())
    });
    let line = format!("exec {}{}", example("odd_mcp_server"), quoted.collect::<String>());
    let config = McpServerConfig {
        args: vec!["-c".to_owned(), line],
        start_limit: TOO_LONG,
        call_limit: TOO_LONG,
        ..McpServerConfig::new("odd", "/bin/sh")
    };
    let mut said = String::new();
    match McpServer::start(config).await {
        Err(error) => said = error.to_string(),
        Ok(server) => {
            for problem in server.left_out() {
                writeln!(said, "left out: {problem}").unwrap();
            }
            let names: Vec<_> = server.tools().iter().map(|tool| &*tool.name).collect();
            writeln!(said, "tools: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }).unwrap();
            match server.call_tool("t", None, None).await {
                Ok(result) => said += &serde_json::to_string(&result).unwrap(),
                Err(error) => said += &error.to_string(),
            }
            // The connection is sound for the next call.
            if answers.iter().filter(|(method, _)| *method == "tools/call").count() > 1 {
                let next = server.call_tool("t", None, None).await;
                write!(said, "\nnext: {}", next.unwrap().content[0]["text"]).unwrap();
            }
            server.shutdown().await;
        }
    }
    assert!(began.elapsed() < TOO_LONG / 2, "{said}: took {:?}", began.elapsed());
    said
}

async fn called(line: &[u8]) -> String {
    let next = br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"ok"}]}}"#;
    let said = outcome(&[("tools/call", line), ("tools/call", next)]).await;
    said.strip_prefix("tools: t\n").unwrap().replace("\nnext: \"ok\"", "")
}

#[tokio::test]
async fn odd_answers_to_a_call() {
    let mut said = String::new();
    for line in [
        &br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"cut \ud83d here"}]}}"#[..],
        b"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"gr\xfcn\"}]}}",
        b"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"tab\there\"}]}}",
        br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[],"structuredContent":{"x":NaN}}}"#,
        br#"{"jsonrpc":"2.0","id":"ID","result":{"content":[{"type":"text","text":"an id as text"}]}}"#,
        br#"{"id":ID.0,"result":{"content":"not a list"}}"#,
        br#"[{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"in a batch"}]}}]"#,
        b"loading\n{\"level\":\"info\"}\n{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"after noise\"}]}}",
        br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"known"},{"type":"video","data":"AA"}]}}"#,
        br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"x-chart","points":[1]},"bare",null]}}"#,
        br#"{"jsonrpc":"2.0","id":ID,"result":{}}"#,
        br#"{"jsonrpc":"2.0","id":ID,"result":"bare"}"#,
        br#"{"jsonrpc":"2.0","id":ID,"error":{"code":"E42","message":"no such row"}}"#,
        br#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32602.0,"message":"bad"}}"#,
        br#"{"jsonrpc":"2.0","id":ID,"error":"plain"}"#,
        br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#,
        br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"cut"#,
        b"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"two\nlines\"}]}}",
        br#"{"result":{"content":tru},"jsonrpc":"2.0","id":ID}"#,
        br#"{"jsonrpc":"2.0","id":ID}"#,
        br#"{"jsonrpc":"2.0","id":ID,"result":{"task":{"taskId":"1"}}}"#,
    ] {
        writeln!(said, "{}", called(line).await).unwrap();
    }
    assert_snapshot!(said, @r#"
    {"content":[{"text":"cut � here","type":"text"}],"isError":false}
    {"content":[{"text":"gr�n","type":"text"}],"isError":false}
    {"content":[{"text":"tab\there","type":"text"}],"isError":false}
    {"content":[],"structuredContent":{"x":null},"isError":false}
    {"content":[{"text":"an id as text","type":"text"}],"isError":false}
    {"content":[{"text":"not a list","type":"text"}],"isError":false}
    {"content":[{"text":"in a batch","type":"text"}],"isError":false}
    {"content":[{"text":"after noise","type":"text"}],"isError":false}
    {"content":[{"text":"known","type":"text"},{"data":"AA","type":"video"}],"isError":false}
    {"content":[{"points":[1],"type":"x-chart"},{"text":"bare","type":"text"},{"text":"null","type":"text"}],"isError":false}
    {"content":[],"isError":false}
    {"content":[{"text":"bare","type":"text"}],"isError":false}
    MCP server odd refused the call of t: no such row (code E42)
    MCP server odd refused the call of t: bad (code -32602.0)
    MCP server odd refused the call of t: plain
    MCP server odd refused the call of t: parse error (code -32700)
    MCP server odd did not return a result for the call of t: its answer cannot be read: it is not valid JSON: EOF while parsing a string at line 1 column 71
    MCP server odd did not return a result for the call of t: its answer cannot be read: it is not valid JSON: EOF while parsing a string at line 1 column 71
    MCP server odd did not return a result for the call of t: its answer cannot be read: it is not valid JSON: expected ident at line 1 column 25
    MCP server odd did not return a result for the call of t: its answer cannot be read: it has neither a result nor an error
    MCP server odd did not return a result for the call of t: it requests more input, or offers the result later
    "#);
}

#[tokio::test]
async fn a_long_answer_is_read_or_refused_at_once() {
    let long =
        |times| format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"content":[{}]}}}}"#, LONG_PARTS[..times].join(","));
    let said = called(long(1).as_bytes()).await;
    assert_eq!(said.len(), 20_000_000 + r#"{"content":[{"text":"","type":"text"}],"isError":false}"#.len());
    assert_snapshot!(called(long(4).as_bytes()).await, @"MCP server odd did not return a result for the call of t: its answer cannot be read: it has 80000151 bytes, but at most 67108864 are read");
}

/// Parts of a result, each of 20 MB.
const LONG_PARTS: [&str; 4] = [r#"{"type":"text","text":"LONG"}"#; 4];

#[tokio::test]
async fn odd_lists_of_tools() {
    let mut said = String::new();
    for tools in [
        r#"[T,{"name":"broken"}]"#,
        r#"[T,{"name":"broken","inputSchema":true}]"#,
        r#"[T,{"name":"broken","inputSchema":{"type":"string"}}]"#,
        r#"[null,7,{"inputSchema":{}},{"name":""},T,T]"#,
        r#"[T,{"name":"php","description":null,"inputSchema":{"type":"object","properties":[],"required":{}}}]"#,
        r#"{}"#,
    ] {
        let tools = tools.replace('T', r#"{"name":"t","inputSchema":{"type":"object"}}"#);
        let line = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"tools":{tools}}}}}"#);
        writeln!(said, "{}", outcome(&[("tools/list", line.as_bytes())]).await).unwrap();
    }
    let endless = br#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[],"nextCursor":"again"}}"#;
    for answers in [
        &[("tools/list", &endless[..])][..],
        &[("tools/list", br#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"na"#)],
        &[("tools/list", br#"{"jsonrpc":"2.0","id":ID,"error":"not now"}"#)],
        &[("initialize", br#"{"jsonrpc":"2.0","id":ID,"result":[]}"#)],
        &[("initialize", br#"{"jsonrpc":"2.0","id":ID,"resu"#)],
        &[("initialize", br#"{"jsonrpc":"2.0","id":ID,"result":{"capabilities":{}}}"#)],
        &[("initialize", b"EXIT")],
    ] {
        writeln!(said, "{}", outcome(answers).await).unwrap();
    }
    assert_snapshot!(said, @r#"
    left out: the tool broken: it has no inputSchema
    tools: t
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    left out: the tool broken: its inputSchema is not a schema of an object: true
    tools: t
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    left out: the tool broken: its inputSchema is of the type "string", not "object"
    tools: t
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    left out: a tool without a name
    left out: a tool without a name
    left out: a tool without a name
    left out: a tool without a name
    left out: the tool t: another tool has the same name
    tools: t
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    tools: t, php
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    MCP server odd does not become ready: its list of tools is not valid
    tools: none
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    MCP server odd does not become ready: its answer to the request to list its tools cannot be read: it is not valid JSON: EOF while parsing a string at line 1 column 47
    MCP server odd does not become ready: it refused to list its tools: not now
    MCP server odd does not become ready: its answer to the initialization is not valid
    MCP server odd does not become ready: its answer to the request to initialize cannot be read: it is not valid JSON: EOF while parsing a string at line 1 column 29
    tools: none
    {"content":[{"text":"ok","type":"text"}],"isError":false}
    MCP server odd does not become ready: it ended with exit code 3
    "#);
}

#[tokio::test]
async fn a_server_that_does_not_end_is_killed() {
    for kills_at_once in [true, false] {
        let config = McpServerConfig {
            args: vec!["unending=mark".to_owned()],
            env: vec![("UNENDING".to_owned(), "1".to_owned())],
            ..McpServerConfig::new("odd", example("odd_mcp_server"))
        };
        let server = McpServer::start(config).await.unwrap();
        let process = child("unending=mark");
        if kills_at_once {
            server.kill();
            let error = server.call_tool("t", None, None).await.unwrap_err();
            assert_snapshot!(error, @"MCP server odd is gone: it was killed by SIGKILL");
        }
        server.shutdown().await;
        gone(process).await;
        // The id may belong to another process by now.
        server.kill();
    }
}

#[tokio::test]
async fn a_server_may_ask_back() {
    // The server's request arrives while the call waits. The server ignores our answer to it.
    let line = b"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":\"done\"}}";
    assert_snapshot!(called(line).await, @r#"{"content":[{"text":"done","type":"text"}],"isError":false}"#);
}
