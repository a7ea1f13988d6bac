//! What holds of every answer, for the sample bundle and for copies of it with one event or payload less.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace::{
    Bundle,
    answers::{
        Axis, Blame, Context, ContextDiff, Diff, DivergenceCause, Findings, Hop, Node, Persons, Rollout, Stats, Unseen,
        Verdict, Why,
    },
    reduce_with_facts,
};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// Copies the sample bundle into a folder.
fn copy(folder: &Path) {
    fs::create_dir_all(folder.join("payloads")).expect("the folder can be made");
    for file in ["manifest.json", "trace.jsonl"] {
        fs::copy(Path::new(SAMPLE).join(file), folder.join(file)).expect("the sample can be copied");
    }
    for payload in payloads(Path::new(SAMPLE)) {
        fs::copy(&payload, folder.join("payloads").join(payload.file_name().expect("a file")))
            .expect("the sample can be copied");
    }
}

fn payloads(bundle: &Path) -> Vec<PathBuf> {
    let mut payloads: Vec<_> = fs::read_dir(bundle.join("payloads"))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder is readable").path())
        .collect();
    payloads.sort();
    payloads
}

/// Asks everything about a bundle, and checks what holds of every answer.
fn check(folder: &Path) {
    let bundle = Bundle::open(folder).expect("there is a manifest");
    let (graph, facts) = reduce_with_facts(&bundle);
    let (mut payloads, mut again) = (bundle.payloads(), bundle.payloads());
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let twin = Rollout::new(&graph, &facts, &mut again, bundle.limits());

    for axis in Axis::ALL {
        let blame = Blame::of(&rollout, axis, None);
        let rent: u64 = blame.rows.iter().map(|row| row.rent_tokens_estimate).sum();
        assert_eq!(rent, blame.totals.tokens_estimate, "the rent by {axis:?} adds up");
        blame.lines();
    }
    for call in rollout.calls() {
        let context = Context::of(&rollout, call);
        let sections: u64 = context.sections.values().map(|section| section.sizes.tokens_estimate).sum();
        if let Some(estimate) = context.usage.input_tokens_estimate {
            assert_eq!(sections, estimate, "the sections of {} add up", call.inference_call_id);
        }
        context.lines();
        for other in rollout.calls() {
            ContextDiff::between(&rollout, other, call).lines();
        }
        ContextDiff::of(&rollout, call).lines();
    }
    check_causes(folder, &rollout);
    for persons in [Persons::Compared, Persons::Ignored] {
        let diff = Diff::of(&rollout, &twin, persons);
        for thread in &diff.threads {
            assert!(thread.conditions.is_empty() && thread.soft_differences.is_empty());
            let cause = thread.divergence.as_ref().map(|divergence| divergence.cause);
            let unreadable = [DivergenceCause::RequestNotReadable, DivergenceCause::AnswerNotReadable];
            assert!(cause.is_none_or(|cause| unreadable.contains(&cause)), "a rollout differs from itself: {cause:?}");
        }
        diff.lines();
    }
    Unseen::of(&rollout).lines();
    Findings::of(&rollout).lines();
    Stats::of(&rollout).lines();
    Verdict::of(&rollout).lines();
}

/// Checks the causes of everything: they begin with what was asked about, follow one another, and have evidence.
fn check_causes(folder: &Path, rollout: &Rollout<'_>) {
    let log = fs::read_to_string(folder.join("trace.jsonl")).expect("the log is UTF-8");
    let events: HashMap<u64, &str> = { log.lines() }
        .filter_map(|line| {
            let (_, rest) = line.split_once("\"seq\":")?;
            Some((rest.trim_start().split(|byte: char| !byte.is_ascii_digit()).next()?.parse().ok()?, line))
        })
        .collect();
    let graph = rollout.graph();
    let items = graph.conversation_items.keys().map(|id| Node::Item(*id));
    let calls = graph.inference_calls.keys().cloned().map(Node::Inference);
    let tools = graph.tool_calls.keys().cloned().map(Node::ToolCall);
    let threads = graph.threads.keys().cloned().map(Node::Thread);
    let turns = graph.codex_turns.keys().cloned().map(Node::Turn);
    let operations = graph.terminal_operations.keys().map(|id| Node::TerminalOperation(*id));
    let edges = graph.interaction_edges.keys().cloned().map(Node::Edge);
    for node in items.chain(calls).chain(tools).chain(threads).chain(turns).chain(operations).chain(edges) {
        for at in std::iter::once(None).chain(rollout.calls().iter().copied().map(Some)) {
            let why = Why::of(rollout, &node, at);
            why.lines();
            let is_carried = why.seen == Some(true);
            let mut before = node.clone();
            for Hop { from, to, seq, payload_id, .. } in &why.path {
                assert!(*from == before || is_carried, "{from:?} follows {before:?}");
                before = to.clone();
                if let (Some(seq), Some(payload)) = (seq, payload_id) {
                    let names = format!("\"{payload}\"");
                    assert!(events[seq].contains(&names), "event {seq} names {payload}, from {from:?} to {to:?}");
                }
            }
            assert!(matches!(before, Node::Root(_)), "{node:?} leads to a root");
        }
        if !matches!(node, Node::Edge(_)) {
            assert_eq!(rollout.select(&rollout.selector(&node)), Ok(node.clone()), "a selector means one thing");
        }
    }
}

#[test]
fn of_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    check(folder.path());
}

#[test]
fn with_an_event_less() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let log = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    let lines: Vec<_> = log.lines().collect();
    for missing in 0..lines.len() {
        let rest: Vec<_> =
            lines.iter().enumerate().filter(|(place, _)| *place != missing).map(|(_, line)| *line).collect();
        fs::write(folder.path().join("trace.jsonl"), rest.join("\n") + "\n").unwrap();
        check(folder.path());
    }
}

#[test]
fn cut_short() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let log = fs::read_to_string(folder.path().join("trace.jsonl")).unwrap();
    let lines: Vec<_> = log.lines().collect();
    for kept in 0..lines.len() {
        fs::write(folder.path().join("trace.jsonl"), lines[..kept].join("\n") + "\n").unwrap();
        check(folder.path());
    }
}

#[test]
fn with_a_payload_less() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    for payload in payloads(folder.path()) {
        let kept = fs::read(&payload).unwrap();
        fs::remove_file(&payload).unwrap();
        check(folder.path());
        fs::write(&payload, &kept[..kept.len() / 2]).unwrap();
        check(folder.path());
        fs::write(&payload, kept).unwrap();
    }
}
