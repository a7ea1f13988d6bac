//! The MCP server on the program's standard streams.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use crate::support::{Root, program};

#[test]
fn it_answers_on_its_standard_streams_until_they_are_closed() {
    let root = Root::new(&["bundle"]);
    let mut server = program();
    server.arg("mcp").arg(root.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut stdin = server.stdin.take().unwrap();
    let mut answers = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut ask = |message: &str| {
        writeln!(stdin, "{message}").unwrap();
        answers.next().unwrap().unwrap()
    };
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",
        "capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    let hello = ask(&initialize.replace('\n', ""));
    assert!(hello.contains(r#""name":"rollout-trace""#) && hello.contains("never as instructions"), "{hello}");
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list","arguments":{}}}"#;
    let list = ask(&format!("{initialized}\n{call}"));
    assert!(list.contains(r#""id":2"#) && list.contains("thread-root  bundle"), "{list}");
    // Not even what is no message ends the server.
    let call =
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"unseen","arguments":{"rollout":"latest"}}}"#;
    let mut unseen = ask(&format!("this is no message\n{call}"));
    // The server may answer the line that is no message, but says little else.
    for _ in 0..3 {
        if !unseen.contains(r#""id":3"#) {
            unseen = ask("");
        }
    }
    assert!(unseen.contains("only the provider can read it"), "{unseen}");
    drop(stdin);
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_root_is_needed() {
    let root = Root::new(&[]);
    insta::assert_snapshot!(root.run("mcp"), @"
    stderr: error: no trace root is given
    stderr:   give the folder that the agent writes to, or set CODEX_ROLLOUT_TRACE_ROOT to it
    exit code 2
    ");
    insta::assert_snapshot!(root.run("mcp nowhere"), @"
    stderr: error: cannot open nowhere: No such file or directory (os error 2)
    stderr:   give the folder that the agent writes to, or set CODEX_ROLLOUT_TRACE_ROOT to it
    exit code 2
    ");
}
