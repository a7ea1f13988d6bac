//! The page of a rollout, served and as a file.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use crate::support::{Root, program};

#[test]
fn the_link_that_is_printed_opens_the_page() {
    let root = Root::new(&["bundle"]);
    let mut server = program();
    server.args(["view", "--no-open", "--at", "request:2"]).arg(root.path("bundle"));
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut link = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut link).unwrap();
    let rest = link.strip_prefix("http://").unwrap().trim_end();
    let (host, path) = rest.split_once('/').unwrap();
    let (path, fragment) = path.split_once('#').unwrap();
    assert_eq!(fragment, "at=request%3A2");
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(reply.starts_with("HTTP/1.1 303") && reply.contains("HttpOnly; SameSite=Strict"), "{reply}");
}

#[test]
fn a_file_replaces_the_one_before_only_when_it_is_whole() {
    let root = Root::new(&["bundle"]);
    insta::assert_snapshot!(root.run("view bundle -o page.html"), @"
    page.html
    stderr: the file lacks these, and says so in their places:
    stderr:   26 raw payloads: rollout-trace payload bundle N
    stderr:   comparing it with another rollout: rollout-trace diff bundle OTHER
    stderr:   searching with a regular expression over commands and outputs: rollout-trace grep bundle PATTERN
    ");
    let page = fs::read_to_string(root.path("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    assert_eq!(root.run("view bundle -o -").lines().count(), page.lines().count());
    fs::remove_file(root.path("bundle/manifest.json")).unwrap();
    fs::remove_file(root.path("bundle/trace.jsonl")).unwrap();
    insta::assert_snapshot!(root.run("view bundle -o page.html"), @"
    stderr: error: bundle is not a trace bundle: it contains neither manifest.json nor trace.jsonl
    stderr:   name the folder that contains trace.jsonl, or a file in it
    exit code 2
    ");
    assert_eq!(fs::read_to_string(root.path("page.html")).unwrap(), page);
    insta::assert_snapshot!(root.run("view bundle -o nowhere/page.html"), @"
    stderr: error: cannot write nowhere/page.html: the folder nowhere does not exist
    stderr:   a file that was there is unchanged; check the folder and its permissions
    exit code 2
    ");
}

#[test]
fn what_cannot_be_shown_is_said() {
    let root = Root::new(&["bundle"]);
    fs::create_dir(root.path("empty")).unwrap();
    insta::assert_snapshot!(root.run("view nowhere"), @"
    stderr: error: cannot open nowhere: No such file or directory (os error 2)
    stderr:   give a bundle, or a folder with bundles
    exit code 2
    ");
    insta::assert_snapshot!(root.run("view empty"), @"
    stderr: error: no trace bundle in empty
    stderr:   give a bundle, or a folder with bundles
    exit code 2
    ");
    insta::assert_snapshot!(root.run("view bundle --with-payloads 3"), @"
    stderr: error: the following required arguments were not provided:
    stderr:   --output <FILE>
    stderr: 
    stderr: Usage: rollout-trace view --output <FILE> --with-payloads <N> <PATH>
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
    insta::assert_snapshot!(root.run("view bundle -o x.html --port 1"), @"
    stderr: error: the argument '--output <FILE>' cannot be used with '--port <N>'
    stderr: 
    stderr: Usage: rollout-trace view --output <FILE> <PATH>
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn a_selector_that_means_nothing_is_said_before_anything_starts() {
    let root = Root::new(&["bundle"]);
    for arguments in ["view --no-open --at request:99 bundle", "view --at request:99 bundle -o page.html"] {
        assert_eq!(
            root.run(arguments),
            "stderr: error: nothing in this rollout is named \"request:99\"\n\
             stderr:   give the number of an item, or an id or a name that an answer or `rollout-trace show` prints\n\
             exit code 2\n"
        );
    }
    assert!(!root.path("page.html").exists());
}
