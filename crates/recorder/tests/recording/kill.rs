//! A process that is killed loses nothing of what it recorded in calls that returned.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rollout_trace_recorder::{PayloadLayout, SessionSource, ThreadTraceContext, TraceOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{LAYOUTS, Recorded, metadata, reduced};

/// Names the folder in which the victim records.
const VICTIM_ROOT: &str = "ROLLOUT_TRACE_TEST_VICTIM_ROOT";
const VICTIM_LAYOUT: &str = "ROLLOUT_TRACE_TEST_VICTIM_LAYOUT";
const WRITERS: usize = 3;

/// How often each layout's victim is killed, unless `ROLLOUT_TRACE_TEST_KILLS` says otherwise: 5000 are 10,000 kills.
fn kills() -> usize {
    env::var("ROLLOUT_TRACE_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(260)
}

fn item(writer: usize, round: usize) -> Value {
    json!({"type": "message", "role": "user", "id": format!("msg_{writer}_{round}"),
           "content": [{"type": "input_text", "text": format!("{writer} in round {round} ").repeat(1 + round % 40)}]})
}

fn request(writer: usize, round: usize) -> Value {
    json!({"input": (round.saturating_sub(12)..=round).map(|round| item(writer, round)).collect::<Vec<_>>(), "round": round})
}

/// The process that the other test kills. It prints each request that is recorded, once the call has returned.
#[test]
#[ignore = "a process of the other test"]
fn victim() {
    let Some(root) = env::var_os(VICTIM_ROOT) else { return };
    let layout = if env::var(VICTIM_LAYOUT).is_ok_and(|layout| layout == "Files") { LAYOUTS[1] } else { LAYOUTS[0] };
    let source = || SessionSource::Program("victim".into());
    let options = TraceOptions::new().layout(layout);
    let trace = ThreadTraceContext::start_root(Path::new(&root), metadata("thread-root", "/root", source()), options)
        .expect("a bundle");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let id = format!("thread-{writer}");
            let thread =
                trace.start_child_thread_trace_or_disabled(metadata(&id, &format!("/root/{writer}"), source()));
            scope.spawn(move || {
                thread.record_codex_turn_started(format!("turn-{writer}"));
                for round in 0.. {
                    let attempt = thread.inference_trace_context(format!("turn-{writer}"), "m", "p").start_attempt();
                    attempt.record_started(&request(writer, round));
                    // One write to a pipe: what the killer reads had returned.
                    let line = format!("{writer} {round}\n");
                    std::io::stderr().write_all(line.as_bytes()).expect("somebody reads");
                    attempt.record_failed("next", None, &[] as &[Value]);
                }
            });
        }
    });
}

/// What a killer waits for before it waits a little longer and kills.
#[derive(Clone, Copy, PartialEq)]
enum Wait {
    ForNothing,
    ForTheFirstLine,
}

/// Starts a victim, kills it after a while, and returns the last round that each of its writers printed.
fn kill_one(root: &Path, layout: PayloadLayout, wait: Wait, after: Duration) -> [Option<usize>; WRITERS] {
    let mut victim = Command::new(env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "kill::victim", "--nocapture"])
        .env(VICTIM_ROOT, root)
        .env(VICTIM_LAYOUT, format!("{layout:?}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let printed = BufReader::new(victim.stderr.take().expect("a pipe"));
    let (at_work, is_at_work) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut last = [None; WRITERS];
        for line in printed.lines().map_while(Result::ok) {
            if let Some((writer, round)) = line.split_once(' ')
                && let (Ok(writer), Ok(round)) = (writer.parse::<usize>(), round.parse::<usize>())
            {
                last[writer] = last[writer].max(Some(round));
                // Nobody listens any more after the first line.
                let _ = at_work.send(());
            }
        }
        last
    });
    if wait == Wait::ForTheFirstLine {
        is_at_work.recv().expect("the victim prints a line");
    }
    thread::sleep(after);
    victim.kill().expect("it runs");
    victim.wait().expect("it is dead");
    reader.join().expect("no panic")
}

fn check(root: &Path, last: [Option<usize>; WRITERS]) {
    let Some(bundle) = root.read_dir().expect("a folder").next().map(|entry| entry.expect("an entry").path()) else {
        assert_eq!(last, [None; WRITERS]);
        return;
    };
    let cut_log = bundle.join("trace.jsonl");
    let log = std::fs::read(&cut_log).unwrap_or_default();
    // Only the last line may be torn.
    let whole = log.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if whole == 0 {
        assert_eq!(last, [None; WRITERS]);
        return;
    }
    std::fs::write(&cut_log, &log[..whole]).expect("space");
    let recorded = Recorded::at(&bundle);
    let mut found = [None; WRITERS];
    for event in recorded.of_type("inference_started") {
        let reference = serde_json::from_value(event["request_payload"].clone()).expect("a reference");
        let document: Value =
            serde_json::from_slice(&recorded.document(&reference).expect("no reference dangles")).expect("JSON");
        let round = document["round"].as_u64().expect("a number") as usize;
        let writer: usize =
            event["thread_id"].as_str().and_then(|id| id["thread-".len()..].parse().ok()).expect("a writer");
        assert_eq!(document, request(writer, round));
        assert_eq!(found[writer].map_or(0, |before| before + 1), round, "no request is missing");
        found[writer] = Some(round);
    }
    assert!(found.iter().zip(last).all(|(found, printed)| *found >= printed), "found {found:?}, printed {last:?}");
    let (_, bad) = reduced(&recorded.bundle);
    let torn = bad.iter().all(|diagnostic| diagnostic.contains("before its end") || !diagnostic.contains("payload"));
    assert!(torn, "{bad:?}");
}

#[test]
fn recorded_requests_survive_a_kill() {
    thread::scope(|scope| {
        for layout in LAYOUTS {
            scope.spawn(move || {
                let (mut at_work, mut acknowledged) = (0, 0);
                for trial in 0..kills() {
                    let root = TempDir::new().expect("a folder");
                    let after = Duration::from_micros(2_000 + (trial as u64 * 7919) % 23_000);
                    // Half of the victims may be killed as they begin.
                    let wait = if trial % 2 == 0 { Wait::ForTheFirstLine } else { Wait::ForNothing };
                    let last = kill_one(root.path(), layout, wait, after);
                    at_work += usize::from(last != [None; WRITERS]);
                    acknowledged += last.iter().map(|last| last.map_or(0, |last| last + 1)).sum::<usize>();
                    check(root.path(), last);
                }
                println!("{layout:?}: {} kills, {acknowledged} requests whose calls had returned, none lost", kills());
                assert!(at_work >= kills() / 2, "of {} victims only {at_work} printed a line", kills());
            });
        }
    });
}
