//! All answers, and what holds of each of them.

use std::{collections::HashMap, fmt::Write, path::Path};

use rollout_trace::{
    Bundle, Evidence,
    answers::{
        Axis, Blame, Context, ContextDiff, CriticalPath, Diff, DivergenceCause, Findings, Grep, Hop, Node, Persons,
        Regex, Rollout, Search, SegmentClass, Stats, Time, Unseen, Verdict, Why,
    },
    reduce_with_facts,
    schema::ExecutionStatus,
};

/// Questions that compare each thing with each other are asked about this many calls at most.
const CALLS: usize = 12;

/// Asks everything about a bundle, and checks what holds of every answer.
pub(crate) fn check(folder: &Path) {
    let bundle = Bundle::open(folder).expect("there is a manifest");
    let (graph, facts) = reduce_with_facts(&bundle);
    let (mut payloads, mut again) = (bundle.payloads(), bundle.payloads());
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let twin = Rollout::new(&graph, &facts, &mut again, bundle.limits());
    check_sums(&rollout);
    check_contexts(&rollout);
    check_causes(folder, &rollout);
    check_same(&rollout, &twin);
    grep(&rollout).lines(&rollout);
    Unseen::of(&rollout).lines();
    Findings::of(&rollout).lines();
    Stats::of(&rollout).lines();
    Verdict::of(&rollout).lines();
}

/// Returns some of the calls, from the first to the last.
fn some_calls<'a>(rollout: &Rollout<'a>) -> Vec<&'a rollout_trace::model::InferenceCall> {
    let step = rollout.calls().len().div_ceil(CALLS).max(1);
    let last = rollout.calls().last().copied();
    rollout.calls().iter().copied().step_by(step).chain(last).collect()
}

/// The rent adds up, and each millisecond counts once.
fn check_sums(rollout: &Rollout<'_>) {
    let graph = rollout.graph();
    let threads = graph.threads.keys().map(Some).chain([None]);
    for thread in threads {
        for axis in Axis::ALL {
            let blame = Blame::of(rollout, axis, thread);
            let rent: u64 = blame.rows.iter().map(|row| row.rent_tokens_estimate).sum();
            assert_eq!(rent, blame.totals.tokens_estimate, "the rent by {axis:?} adds up");
            blame.lines();
        }
    }
    let time = Time::of(graph);
    assert_eq!(time.ms.values().sum::<u64>(), time.wall_ms, "the time adds up");
    for thread in &time.threads {
        assert_eq!(thread.ms.values().sum::<u64>(), thread.wall_ms, "the time of {} adds up", thread.agent_path);
    }
    time.lines();
    let path = CriticalPath::of(graph);
    let mut at = 0;
    for segment in &path.segments {
        assert_eq!(segment.from_ms, at, "the critical path has neither gaps nor overlaps");
        assert_eq!(segment.ms == 0, matches!(segment.class, SegmentClass::Change(_)));
        at += segment.ms;
    }
    assert_eq!((at, path.covered_ms, path.wall_ms), (time.wall_ms, time.wall_ms, time.wall_ms));
    path.lines(graph);
}

fn check_contexts(rollout: &Rollout<'_>) {
    for call in rollout.calls() {
        let context = Context::of(rollout, call);
        let sections: u64 = context.sections.values().map(|section| section.sizes.tokens_estimate).sum();
        if let Some(estimate) = context.usage.input_tokens_estimate {
            assert_eq!(sections, estimate, "the sections of {} add up", call.inference_call_id);
        }
        context.lines();
        ContextDiff::of(rollout, call).lines();
    }
    for call in some_calls(rollout) {
        for other in some_calls(rollout) {
            let diff = ContextDiff::between(rollout, other, call);
            if let Some(changes) = diff.changes.as_ref().filter(|_| other.inference_call_id == call.inference_call_id) {
                let prefix = &changes.prefix;
                assert!(prefix.whole && prefix.lost_tokens_estimate == 0, "a request is its own beginning");
            }
            diff.lines();
        }
    }
}

/// A rollout differs from itself only where it is unknown what it says.
fn check_same<'a>(rollout: &Rollout<'a>, twin: &Rollout<'a>) {
    let is_running =
        rollout.graph().inference_calls.values().any(|call| call.execution.status == ExecutionStatus::Running);
    let facts = rollout.facts();
    let is_readable = { rollout.calls().iter() }.all(|call| {
        let is_answered =
            call.execution.status != ExecutionStatus::Completed || facts.has_response(&call.inference_call_id);
        let is_lost = call.raw_response_payload_id.is_some() && !facts.has_response(&call.inference_call_id);
        facts.request(&call.inference_call_id).is_some() && is_answered && !is_lost
    });
    for persons in [Persons::Compared, Persons::Ignored] {
        let diff = Diff::of(rollout, twin, persons);
        for thread in &diff.threads {
            assert!(thread.conditions.is_empty() && thread.soft_differences.is_empty());
            let cause = thread.divergence.as_ref().map(|divergence| divergence.cause);
            let unreadable = [DivergenceCause::RequestNotReadable, DivergenceCause::AnswerNotReadable];
            assert!(cause.is_none_or(|cause| unreadable.contains(&cause)), "a rollout differs from itself: {cause:?}");
        }
        assert!(diff.only_in.a.is_empty() && diff.only_in.b.is_empty());
        assert_eq!(diff.same, diff.threads.iter().all(|thread| thread.divergence.is_none()));
        assert!(diff.same || !is_readable || is_running, "a rollout whose calls are readable is the same as itself");
        diff.lines();
    }
}

fn grep(rollout: &Rollout<'_>) -> Grep {
    Grep::of(rollout, &Search::everywhere(Regex::new("[a-z]").expect("it is a pattern")))
}

/// Checks the causes of everything: they begin with what was asked about, follow one another, and have evidence.
fn check_causes(folder: &Path, rollout: &Rollout<'_>) {
    let mut events: HashMap<u64, Vec<String>> = HashMap::new();
    for evidence in Bundle::open(folder).expect("there is a manifest").events() {
        if let Evidence::Event(located) = evidence {
            // Where its number is damaged, an event has the one as which it is read.
            let text = serde_json::to_string(&located.event).expect("an event serializes");
            events.entry(located.event.seq).or_default().push(text);
        }
    }
    let calls = some_calls(rollout);
    for node in nodes(rollout) {
        for at in std::iter::once(None).chain(calls.iter().copied().map(Some)) {
            let why = Why::of(rollout, &node, at);
            why.lines();
            let is_carried = why.seen == Some(true);
            let mut before = node.clone();
            for Hop { from, to, seq, payload_id, .. } in &why.path {
                assert!(*from == before || is_carried, "{from:?} follows {before:?}");
                before = to.clone();
                if let (Some(seq), Some(payload)) = (seq, payload_id) {
                    let names = format!("\"{payload}\"");
                    let lines = events.get(seq).map_or(&[] as &[_], Vec::as_slice);
                    assert!(
                        lines.iter().any(|line| line.contains(&names)),
                        "event {seq} names {payload}, from {from:?} to {to:?}"
                    );
                }
            }
            assert!(matches!(before, Node::Root(_)), "{node:?} leads to a root, and not to {before:?}");
        }
        if !matches!(node, Node::Edge(_)) {
            assert_eq!(rollout.select(&rollout.selector(&node)), Ok(node.clone()), "a selector means one thing");
        }
    }
}

fn nodes(rollout: &Rollout<'_>) -> Vec<Node> {
    let graph = rollout.graph();
    let items = graph.conversation_items.keys().map(|id| Node::Item(*id));
    let calls = graph.inference_calls.keys().cloned().map(Node::Inference);
    let tools = graph.tool_calls.keys().cloned().map(Node::ToolCall);
    let cells = graph.code_cells.keys().cloned().map(Node::CodeCell);
    let threads = graph.threads.keys().cloned().map(Node::Thread);
    let turns = graph.codex_turns.keys().cloned().map(Node::Turn);
    let operations = graph.terminal_operations.keys().map(|id| Node::TerminalOperation(*id));
    let sessions = graph.terminal_sessions.keys().cloned().map(Node::TerminalSession);
    let compactions = graph.compactions.keys().cloned().map(Node::Compaction);
    let edges = graph.interaction_edges.keys().cloned().map(Node::Edge);
    let runtime = tools.chain(cells).chain(operations).chain(sessions).chain(compactions).chain(edges);
    items.chain(calls).chain(threads).chain(turns).chain(runtime).collect()
}

/// Returns all answers about a rollout as JSON, one on a line.
pub(crate) fn answers(rollout: &Rollout<'_>) -> String {
    let mut text = String::new();
    let mut add = |answer: serde_json::Result<String>| {
        writeln!(text, "{}", answer.expect("an answer serializes")).expect("a string takes all");
    };
    let graph = rollout.graph();
    for axis in Axis::ALL {
        add(serde_json::to_string(&Blame::of(rollout, axis, None)));
    }
    add(serde_json::to_string(&Time::of(graph)));
    add(serde_json::to_string(&CriticalPath::of(graph)));
    add(serde_json::to_string(&Unseen::of(rollout)));
    add(serde_json::to_string(&Findings::of(rollout)));
    add(serde_json::to_string(&Stats::of(rollout)));
    add(serde_json::to_string(&Verdict::of(rollout)));
    add(serde_json::to_string(&grep(rollout)));
    for call in rollout.calls() {
        add(serde_json::to_string(&Context::of(rollout, call)));
        add(serde_json::to_string(&ContextDiff::of(rollout, call)));
    }
    let last = rollout.calls().last().copied();
    for node in nodes(rollout) {
        add(serde_json::to_string(&Why::of(rollout, &node, None)));
        if let Some(last) = last {
            add(serde_json::to_string(&Why::of(rollout, &node, Some(last))));
        }
    }
    text
}
