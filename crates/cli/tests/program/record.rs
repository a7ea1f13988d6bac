//! `record` runs a command as it would run alone, and leaves a bundle.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Output, Stdio},
    thread,
};

use crate::support::{Root, program};

/// A command that asks a model and prints the status of the answer: a client without anything but a shell.
const CLIENT: &str = r#"
    address=${ANTHROPIC_BASE_URL#http://}
    host=${address%%/*}
    exec 3<>/dev/tcp/${host%:*}/${host#*:}
    body='{"model":"m","messages":[{"role":"user","content":"Hello"}]}'
    printf 'POST /%s/v1/messages HTTP/1.1\r\nHost: %s\r\nx-api-key: sk-ant-secretsecretsecret\r\nContent-Length: %s\r\n\r\n%s' \
        "${address#*/}" "$host" "${#body}" "$body" >&3
    head -n 1 <&3
    exit 3
"#;

fn record(root: &Root, options: &[&str], command: &[&str]) -> Command {
    let mut record = program();
    record.arg("record").arg("--root").arg(root.path("traces")).args(options).arg("--").args(command);
    for name in ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        record.env_remove(name);
    }
    record
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(root: &Root, options: &[&str], command: &[&str]) -> Output {
    record(root, options, command).output().expect("the program runs")
}

#[test]
#[cfg(unix)]
fn a_call_is_recorded_and_the_status_is_the_commands() {
    let root = Root::new(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let upstream = format!("anthropic=http://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"Hello\"}]}") {
            let mut byte = [0];
            peer.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        let answer = r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}]}"#;
        write!(peer, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).expect("a client");
        text(&head)
    });
    let output = run(&root, &["--upstream", &upstream], &["bash", "-c", CLIENT]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(text(&output.stdout), "HTTP/1.1 200 OK\r\n");
    let report = text(&output.stderr);
    assert!(report.starts_with("rollout-trace: 1 call of a model recorded in "), "{report}");
    assert!(server.join().expect("the server ends").starts_with("POST /v1/messages HTTP/1.1\r\n"));
    let shown = root.run("show --root traces --latest");
    assert!(shown.contains("Hello") && shown.contains("Hi"), "{shown}");
    assert!(!root.run("check traces").contains("error"), "{}", root.run("check traces"));
}

#[test]
#[cfg(unix)]
fn a_command_that_asks_nothing() {
    use std::os::unix::process::ExitStatusExt;

    let root = Root::new(&[]);
    let output = run(&root, &[], &["sh", "-c", "echo \"$ANTHROPIC_BASE_URL $OPENAI_API_BASE $NO_PROXY\""]);
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    assert!(
        printed.starts_with("http://127.0.0.1:") && printed.contains("/openai ") && printed.contains("127.0.0.1\n"),
        "{printed}"
    );
    assert!(text(&output.stderr).contains("no request came through the proxy"), "{output:?}");
    // A signal that ends the command ends the program in the same way.
    let output = run(&root, &[], &["sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
    let bundles = || std::fs::read_dir(root.path("traces")).expect("the root of traces").count();
    let before = bundles();
    let output = run(&root, &[], &["no-such-program-anywhere"]);
    assert_eq!(bundles(), before, "it leaves nothing");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot run no-such-program-anywhere"), "{output:?}");
    let output = run(&root, &["--upstream", "x=ftp://y"], &["true"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
#[cfg(unix)]
fn signals_reach_the_command() {
    let root = Root::new(&[]);
    let command = ["sh", "-c", "trap 'echo trapped; exit 5' TERM; echo ready; while :; do sleep 0.1; done"];
    let mut running =
        record(&root, &[], &command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(running.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    Command::new("kill").args(["-s", "TERM", &running.id().to_string()]).status().expect("kill runs");
    assert_eq!(lines.next().expect("a line").expect("text"), "trapped");
    assert_eq!(running.wait().expect("it ends").code(), Some(5));
}
