//! `show --follow` draws a rollout while it is recorded.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::support::{Root, program, sample};

fn lines() -> Vec<String> {
    let log = fs::read_to_string(sample().join("trace.jsonl")).unwrap();
    log.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn a_recording_is_drawn_as_it_grows_and_the_program_ends_with_it() {
    let root = Root::new(&["a"]);
    let log = root.path("a/trace.jsonl");
    fs::write(&log, "").unwrap();
    let mut running = program()
        .args(["show", "--follow", "a"])
        .current_dir(root.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (sender, drawn) = mpsc::channel();
    let stdout = running.stdout.take().unwrap();
    thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let append = |text: &str| OpenOptions::new().append(true).open(&log).unwrap().write_all(text.as_bytes()).unwrap();
    // A line comes soon, unless it never does.
    let next = || drawn.recv_timeout(Duration::from_secs(60)).unwrap();
    let lines = lines();
    // The first request with its tool, and the start of the second.
    let second = lines.iter().enumerate().filter(|(_, line)| line.contains("\"inference_started\"")).nth(1).unwrap().0;
    append(&lines[..second].concat());
    assert_eq!(next(), "/root · turn-1");
    assert!(next().starts_with("inference-1 · "));
    let mut shown: Vec<String> = std::iter::from_fn(|| drawn.recv_timeout(Duration::from_millis(900)).ok()).collect();
    assert!(shown.iter().any(|line| line.contains("▸ call_1 · exec_command")), "{shown:?}");
    assert!(!shown.iter().any(|line| line.starts_with("inference-2")), "{shown:?}");
    // An event counts once its line is whole.
    let rest = lines[second..].concat();
    let (most, last) = rest.split_at(rest.len() - 3);
    append(most);
    thread::sleep(Duration::from_millis(500));
    assert!(running.try_wait().unwrap().is_none());
    append(last);
    shown.extend(drawn.iter());
    assert!(running.wait().unwrap().success());
    for number in 2..=5 {
        let heads = shown.iter().filter(|line| line.starts_with(&format!("inference-{number} · "))).count();
        assert_eq!(heads, 1, "request {number} in {shown:?}");
    }
    assert_eq!(shown.last().map(String::as_str), Some("rollout · schema 2 · completed · recording complete"));
    // What has ended is drawn at once, and is the same.
    let whole = root.run("show --follow a");
    assert!(whole.contains("inference-5 · ") && whole.ends_with("recording complete\n"), "{whole}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it() {
    let root = Root::new(&["a"]);
    fs::write(root.path("a/trace.jsonl"), lines()[..4].concat()).unwrap();
    let mut running = program()
        .args(["show", "--follow", "a"])
        .current_dir(root.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(running.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("following"), "{said}");
    Command::new("kill").args(["-s", "INT", &running.id().to_string()]).status().unwrap();
    let status = running.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2), "{status}");
}
