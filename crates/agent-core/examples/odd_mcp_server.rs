//! A server of the Model Context Protocol that answers as its arguments say, right or wrong, for trying out what an
//! agent core does about it: `odd_mcp_server METHOD=LINE …`.
//!
//! The n-th argument for a method is the line that answers the n-th request for it; the last one also answers all later
//! ones. In it, `ID` stands for the request's id, `ARGUMENTS` for the arguments of the call, and `LONG` for 20,000,000
//! letters. The line `EXIT` ends the server, an empty one is no answer. With `UNENDING=1` in its environment, the server
//! ignores the end of its input.

use std::{
    collections::HashMap,
    env,
    io::{self, BufRead, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    process::exit,
};

use serde_json::Value;

const INITIALIZE: &[u8] =
    br#"{"jsonrpc":"2.0","id":ID,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"odd","version":"1"}}}"#;
const LIST: &[u8] =
    br#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"t","inputSchema":{"type":"object","properties":{}}}]}}"#;
const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"ok"}]}}"#;

fn main() -> io::Result<()> {
    let mut answers: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    for argument in env::args_os().skip(1) {
        let argument = argument.into_vec();
        let at = argument.iter().position(|byte| *byte == b'=').unwrap_or(argument.len());
        let (method, line) = argument.split_at(at);
        let method = String::from_utf8_lossy(method).into_owned();
        answers.entry(method).or_default().push(line.get(1..).unwrap_or_default().to_vec());
    }
    for (method, line) in [("initialize", INITIALIZE), ("tools/list", LIST), ("tools/call", CALL)] {
        answers.entry(method.to_owned()).or_insert_with(|| vec![line.to_vec()]);
    }
    let mut requests: HashMap<String, usize> = HashMap::new();
    for line in io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) else { continue };
        let Some(lines) = answers.get(method) else { continue };
        let number = requests.entry(method.to_owned()).or_default();
        let line = &lines[(*number).min(lines.len() - 1)];
        *number += 1;
        match line.as_slice() {
            b"" => {}
            b"EXIT" => exit(3),
            line => {
                let arguments = message["params"]["arguments"].to_string();
                let line = replaced(line, b"ARGUMENTS", arguments.as_bytes());
                let line = replaced(&line, b"ID", id.to_string().as_bytes());
                let mut line = replaced(&line, b"LONG", &vec![b'a'; 20_000_000]);
                line.push(b'\n');
                io::stdout().write_all(&line)?;
                io::stdout().flush()?;
            }
        }
    }
    if env::var_os("UNENDING").is_some_and(|value| value.as_bytes() == b"1") {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

fn replaced(line: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.windows(name.len()).position(|found| found == name) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(value);
        rest = &rest[at + name.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}
