//! Many turns in one process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{cell::RefCell, fmt::Write, fs};

use rollout_trace_agent_core::{Event, EventMessage, TraceOptions, TraceTarget};
use serde_json::to_vec;

const CHILDREN: usize = 8;
/// The turns of the root agent, each of which gives a child a turn of its own.
const ROOT_TURNS: usize = 100;
/// The number of turns after which the root agent's history is compacted.
const COMPACTION: usize = 20;

/// The process's use of system resources.
#[derive(Debug)]
struct Usage {
    resident_kib: usize,
    threads: usize,
    open_files: usize,
}

fn usage() -> Usage {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let number = |name: &str| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let open_files = fs::read_dir("/proc/self/fd").unwrap().count();
    Usage { resident_kib: number("VmRSS:"), threads: number("Threads:"), open_files }
}

/// Returns a scenario in which each turn of the root agent has a cell with concurrent tools, a task for a child, and an
/// answer.
fn scenario() -> String {
    let mut text = String::from(
        "[setup]\nforgetful = true\n[setup.config]\ncompaction = { by = \"provider\" }\nagents = { max_threads = 9 }\n",
    );
    for turn in 0..ROOT_TURNS {
        let child = turn % CHILDREN;
        let call = if turn < CHILDREN {
            format!("spawn_agent\"\narguments = {{ task_name = \"child{child}\", message = \"Task {turn}.\" }}")
        } else {
            format!("followup_task\"\narguments = {{ target = \"child{child}\", message = \"Task {turn}.\" }}")
        };
        // Every tenth cell runs a real command, and the others call a cheap tool.
        let tool = if turn % 10 == 0 { "exec_command({cmd: 'echo soaked'})" } else { "list_agents()" };
        write!(
            text,
            r#"
[[user]]
say = "Turn {turn}."
[[reply]]
[[reply.item]]
code = "const all = await Promise.all([tools.list_agents(), tools.{tool}]); store('turn', {turn}); text(all.length + load('turn'));"
[[reply]]
[[reply.item]]
call = "{call}
[[reply]]
[[reply.item]]
call = "wait_agent"
arguments = {{ timeout_ms = 60000 }}
[[reply]]
[[reply.item]]
say = "Turn {turn} is done."
[[reply]]
agent = "/root/child{child}"
when = "Task {turn}."
[[reply.item]]
code = "text('x'.repeat(2000)); yield_control(); await tools.list_agents(); notify('nearly');"
[[reply]]
agent = "/root/child{child}"
[[reply.item]]
call = "wait"
arguments = {{ cell_id = "{cell}", yield_time_ms = 60000 }}
[[reply]]
agent = "/root/child{child}"
[[reply.item]]
say = "Task {turn} is done."
"#,
            cell = turn / CHILDREN + 1,
        )
        .unwrap();
        if turn % COMPACTION == COMPACTION - 1 {
            text.push_str("[[user]]\ncompact = true\n[[reply]]\nto = \"compact\"\n[[reply.item]]\n");
            text.push_str("raw = { type = \"compaction\", encrypted_content = \"sealed\" }\n");
        }
    }
    text
}

#[test]
fn two_hundred_turns_of_nine_agents() {
    let folder = tempfile::tempdir().unwrap();
    let trace = TraceTarget::Root(folder.path().join("traces"), TraceOptions::new());
    let usages = RefCell::new(Vec::new());
    let watch = |event: &Event| {
        if event.agent_path == "/root" && matches!(event.message, EventMessage::TurnComplete { .. }) {
            usages.borrow_mut().push(usage());
        }
    };
    let played = support::played("soak", &scenario(), &folder.path().join("work"), trace, watch);
    assert_eq!(played.unused_replies, Vec::<usize>::new());

    // `reduced` also checks the links.
    let bundle = played.bundle.as_deref().unwrap();
    let graph = support::reduced(bundle);
    assert!(graph.diagnostics.is_empty(), "{:#?}", graph.diagnostics);
    assert!(graph.cut_off.is_empty(), "{:?}", graph.cut_off);
    assert_eq!(graph.recording_complete, Some(true));
    assert_eq!(to_vec(&graph).unwrap(), to_vec(&support::reduced(bundle)).unwrap());
    assert_eq!(graph.threads.len(), 1 + CHILDREN);
    assert_eq!(graph.codex_turns.len(), 2 * ROOT_TURNS + ROOT_TURNS / COMPACTION);
    assert_eq!(graph.code_cells.len(), 2 * ROOT_TURNS);
    assert_eq!(graph.compactions.len(), ROOT_TURNS / COMPACTION);
    // Each task and each result is an edge.
    assert_eq!(graph.interaction_edges.len(), 2 * ROOT_TURNS);

    // Measured right after compactions, when the history is equally short. After the second one, all kinds of work have
    // happened.
    let usages = usages.into_inner();
    let after = |compaction: usize| &usages[compaction * (COMPACTION + 1) - 1];
    let (middle, late) = (after(2), after(5));
    assert!(late.threads <= middle.threads + 4, "{middle:?} {late:?}");
    assert!(late.open_files <= middle.open_files + 8, "{middle:?} {late:?}");
    assert!(late.resident_kib <= middle.resident_kib + 4 * 1024, "{middle:?} {late:?}");
}
