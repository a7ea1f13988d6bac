//! Following a rollout that is being recorded, over HTTP.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use rollout_trace_viewer::Options;
use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Running, SAMPLE};

/// Copies the sample without its events, and returns these.
fn begun() -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let sample = Path::new(SAMPLE);
    fs::create_dir(folder.path().join("payloads")).unwrap();
    fs::copy(sample.join("manifest.json"), folder.path().join("manifest.json")).unwrap();
    for payload in fs::read_dir(sample.join("payloads")).unwrap().map(Result::unwrap) {
        fs::copy(payload.path(), folder.path().join("payloads").join(payload.file_name())).unwrap();
    }
    fs::write(folder.path().join("trace.jsonl"), "").unwrap();
    let log = fs::read_to_string(sample.join("trace.jsonl")).unwrap();
    (folder, log.split_inclusive('\n').map(str::to_owned).collect())
}

fn append(folder: &Path, lines: &[String]) {
    let mut log = OpenOptions::new().append(true).open(folder.join("trace.jsonl")).unwrap();
    log.write_all(lines.concat().as_bytes()).unwrap();
}

/// Reads a stream of server-sent events: the name and the data of each.
fn stream(server: &Running) -> mpsc::Receiver<(String, String)> {
    let host = format!("127.0.0.1:{}", server.port);
    let head = format!(
        "GET /api/follow HTTP/1.1\r\nHost: {host}\r\n{}Connection: close\r\nSec-Fetch-Site: same-origin\r\n\r\n",
        server.cookie()
    );
    let mut connection = server.connect();
    connection.write_all(head.as_bytes()).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut name = String::new();
        for line in BufReader::new(connection).lines().map_while(Result::ok) {
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if line.to_ascii_lowercase().starts_with("content-type: ") || line.starts_with("retry: ") {
                let _ = sender.send(("head".to_owned(), line));
            } else if let Some(data) = line.strip_prefix("data:") {
                let _ = sender.send((name.clone(), data.trim().to_owned()));
            }
        }
    });
    receiver
}

/// Returns the next event of a stream. It comes soon, unless it never does.
fn next(events: &mpsc::Receiver<(String, String)>) -> (String, String) {
    events.recv_timeout(Duration::from_secs(60)).expect("the stream goes on")
}

#[test]
fn a_rollout_is_followed_to_its_end_and_is_then_what_it_is_when_opened() {
    let (folder, lines) = begun();
    append(folder.path(), &lines[..5]);
    let server = Running::with(folder.path(), Options { follow: true, ..Options::default() });
    assert_eq!(server.call("/api/rollouts").json()["follow"], true);
    let overview = server.call("/api/overview").json();
    assert_eq!((&overview["rollout"]["is_followed"], &overview["rollout"]["events"]), (&true.into(), &5.into()));
    let events = stream(&server);
    let begin = [next(&events), next(&events)].map(|(_, line)| line.to_ascii_lowercase());
    assert_eq!(begin, ["content-type: text/event-stream", "retry: 1000"]);
    append(folder.path(), &lines[5..6]);
    let (name, data) = next(&events);
    assert_eq!(name, "grown");
    let grown: Value = serde_json::from_str(&data).unwrap();
    assert_eq!((&grown["events"], &grown["last_seq"]), (&6.into(), &6.into()));
    assert_eq!(server.call("/api/events").json()["rows"], 6);
    append(folder.path(), &lines[6..40]);
    assert_eq!(next(&events).0, "anew");
    assert_eq!(server.call("/api/overview").json()["rollout"]["events"], 40);
    let items = server.call("/api/items").json();
    assert!(items["kind"]["at"].as_array().is_some_and(|items| !items.is_empty()));
    let text = server.call("/api/texts?of=item:1,item:2").json();
    assert_eq!(text["texts"].as_array().map(Vec::len), Some(2));
    append(folder.path(), &lines[40..]);
    assert_eq!(next(&events).0, "ended");
    assert!(events.recv().is_err(), "nothing follows the end");
    let fresh = Running::of(folder.path());
    for call in ["overview", "spans", "items", "labels", "review", "changes", "causes", "events"] {
        let [followed, opened] = [&server, &fresh].map(|server| server.call(&format!("/api/{call}")).body);
        assert!(followed == opened, "{call} differs");
    }
}

#[test]
fn what_does_not_grow_has_ended() {
    let closed = Running::with(SAMPLE, Options { follow: true, ..Options::default() });
    assert_eq!(closed.call("/api/overview").json()["rollout"]["is_followed"], false);
    let (folder, lines) = begun();
    append(folder.path(), &lines[..5]);
    let unfollowed = Running::of(folder.path());
    assert_eq!(unfollowed.call("/api/overview").json()["rollout"]["is_followed"], false);
    for server in [closed, unfollowed] {
        let events = stream(&server);
        assert_eq!(next(&events).0, "head");
        assert_eq!(next(&events), ("ended".to_owned(), String::new()));
        assert!(events.recv().is_err());
    }
}

#[test]
fn only_the_page_may_follow() {
    let server = Running::with(SAMPLE, Options { follow: true, ..Options::default() });
    assert_eq!(server.get("/api/follow", "").status, 403);
    let from_elsewhere = format!("{}Sec-Fetch-Site: cross-site\r\n", server.cookie());
    assert_eq!(server.get("/api/follow", &from_elsewhere).status, 403);
}
