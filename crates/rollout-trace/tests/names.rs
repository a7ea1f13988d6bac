//! Whatever an answer prints as a name is accepted as a selector, and means the thing that was named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;
use rollout_trace::{
    Bundle,
    answers::{
        Axis, Blame, Context, ContextDiff, CriticalPath, Diff, Findings, Grep, Node, PayloadName, Persons, Rollout,
        Search, SelectError, Time, Unseen, Verdict, Why,
    },
    model::{Line, ThreadOrigin},
    reduce_with_facts,
};
use serde::Serialize;
use serde_json::Value;

/// What a name is expected to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Means {
    Item,
    Call,
    Turn,
    Agent,
    ToolCall,
    Compaction,
    Payload,
    /// Anything but a payload.
    Thing,
}

/// What names look like in lines of text.
static PATTERNS: LazyLock<[(Means, Regex); 5]> = LazyLock::new(|| {
    [
        (Means::Item, r"\[\d+\]"),
        (Means::Call, r"\b(?:inference-|request )\d+\b"),
        (Means::Turn, r"\bturn[-:][\w-]+"),
        (Means::Thing, r"\b(?:conversation_item|terminal_operation|edge|thread|terminal|compaction):[\w:/-]*\w"),
        (Means::Payload, r"\bpayload \d+\b"),
    ]
    .map(|(means, pattern)| (means, Regex::new(pattern).unwrap()))
});

/// The names in the answers about a rollout.
#[derive(Default)]
struct Names(BTreeSet<(Means, String)>);

impl Names {
    fn answer(&mut self, answer: &impl Serialize, lines: &[Line]) {
        self.value(&serde_json::to_value(answer).unwrap(), "");
        for line in lines {
            self.line(&line.clone().plain().visible().to_string());
        }
    }

    /// Adds the names in the JSON of an answer. What a key names is always of one kind.
    fn value(&mut self, value: &Value, key: &str) {
        let means = match key {
            "item_id" | "was_item_id" | "now" | "just_seen" | "copied_as" => Means::Item,
            "inference_call_id" | "before" | "after" | "at" | "first_in" | "last_in" => Means::Call,
            "codex_turn_id" => Means::Turn,
            "thread_id" | "thread" | "agent_path" | "agent_path_b" => Means::Agent,
            "tool_call_id" => Means::ToolCall,
            "compaction_id" | "compactions" => Means::Compaction,
            "payload_id" => Means::Payload,
            "ids" | "id" => Means::Thing,
            // Names of models, and whatever the request says.
            "model" | "settings" => return,
            _ => return self.parts(value),
        };
        match value {
            Value::String(name) => _ = self.0.insert((means, name.clone())),
            Value::Array(names) => names.iter().for_each(|name| self.value(name, key)),
            Value::Object(_) => self.parts(value),
            _ => {}
        }
    }

    fn parts(&mut self, value: &Value) {
        match value {
            // A root is where causes end, and no thing.
            Value::Object(node) if node.get("type").is_some_and(|kind| kind == "root") => {}
            Value::Object(fields) => fields.iter().for_each(|(key, value)| self.value(value, key)),
            Value::Array(values) => values.iter().for_each(|value| self.value(value, "")),
            _ => {}
        }
    }

    /// Adds the names in a line of text. What is quoted is text of the bundle, which may contain anything.
    fn line(&mut self, line: &str) {
        let own = line.split_once(['"', '{']).map_or(line, |(own, _)| own);
        let end = line.rsplit_once(" · ").map_or("", |(_, end)| end);
        for (means, pattern) in PATTERNS.iter() {
            let found = pattern.find_iter(own).chain(pattern.find_iter(end));
            self.0.extend(found.map(|found| (*means, found.as_str().to_owned())));
        }
    }
}

/// Asks everything about a bundle, and selects by every name in the answers.
fn check(path: &Path) {
    let bundle = Bundle::open(path).unwrap();
    let (graph, facts) = reduce_with_facts(&bundle);
    let (mut payloads, mut again) = (bundle.payloads(), bundle.payloads());
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    let twin = Rollout::new(&graph, &facts, &mut again, bundle.limits());
    let mut names = Names::default();
    for node in nodes(&rollout) {
        let at = rollout.calls().last().copied();
        for why in [Why::of(&rollout, &node, None), Why::of(&rollout, &node, at)] {
            names.answer(&why, &why.lines());
        }
        let selector = rollout.selector(&node);
        assert_eq!(rollout.select(&selector), Ok(node), "{selector} in {}", path.display());
    }
    for call in rollout.calls() {
        let (context, diff) = (Context::of(&rollout, call), ContextDiff::of(&rollout, call));
        names.answer(&context, &context.lines());
        names.answer(&diff, &diff.lines());
    }
    for axis in Axis::ALL {
        let blame = Blame::of(&rollout, axis, None);
        names.answer(&blame, &blame.lines());
        let means = match axis {
            Axis::Item => Means::Item,
            Axis::Turn => Means::Turn,
            Axis::Thread => Means::Agent,
            _ => continue,
        };
        let keys = blame.rows.into_iter().map(|row| row.key);
        let others = ["no turn", "tool list", "instructions", "output format"];
        names
            .0
            .extend(keys.filter(|key| !others.contains(&&**key) && !key.starts_with("tool ")).map(|key| (means, key)));
    }
    let (unseen, findings) = (Unseen::of(&rollout), Findings::of(&rollout));
    names.answer(&unseen, &unseen.lines());
    names.answer(&findings, &findings.lines());
    // Diagnostics may name what is missing.
    let own = ["request_not_recorded", "history_rebuilt_unrecorded", "before_recording", "sealed_content"];
    let gaps = Verdict::of(&rollout).gaps;
    gaps.iter().filter(|gap| own.contains(&&*gap.code)).for_each(|gap| names.answer(gap, &[]));
    let (time, critical) = (Time::of(&graph), CriticalPath::of(&graph));
    names.answer(&time.threads, &[]);
    names.answer(&critical.segments, &critical.lines(&graph));
    let grep = Grep::of(&rollout, &Search::everywhere(Regex::new("[a-z]").unwrap()));
    names.value(&serde_json::to_value(&grep).unwrap(), "");
    let diff = Diff::of(&rollout, &twin, Persons::Compared);
    names.answer(&diff.threads, &diff.lines());
    // The thread that spawned an agent may be none of the trace.
    let parents = graph.threads.values().filter_map(|thread| match &thread.origin {
        ThreadOrigin::Spawned { parent_thread_id, .. } => Some(parent_thread_id.to_string()),
        _ => None,
    });
    let missing: BTreeSet<_> = parents.filter(|parent| !graph.threads.contains_key(parent.as_str())).collect();
    for (means, name) in names.0.iter().filter(|(_, name)| !missing.contains(name)) {
        check_name(&rollout, *means, name, path);
    }
    assert!(names.0.len() > 5 || graph.conversation_items.is_empty());
}

fn check_name(rollout: &Rollout<'_>, means: Means, name: &str, path: &Path) {
    let place = format!("{name:?} ({means:?}) in {}", path.display());
    if means == Means::Payload {
        let name = PayloadName::new(name);
        let payloads = &rollout.graph().raw_payloads;
        assert!(payloads.values().any(|payload| name.find(payload).is_some()), "no payload has the name {place}");
        return;
    }
    let found = match rollout.select(name) {
        Ok(node) => vec![node],
        Err(SelectError::Several(several)) => several,
        Err(SelectError::Nothing) => panic!("nothing has the name {place}"),
    };
    let is_meant = |node: &Node| match means {
        Means::Item => matches!(node, Node::Item(_)),
        Means::Call => matches!(node, Node::Inference(_)),
        Means::Turn => matches!(node, Node::Turn(_)),
        Means::Agent => matches!(node, Node::Thread(_)),
        Means::ToolCall => matches!(node, Node::ToolCall(_)),
        Means::Compaction => matches!(node, Node::Compaction(_)),
        Means::Payload | Means::Thing => true,
    };
    assert!(found.iter().any(is_meant), "{place} is {found:?}");
    // Where only one kind is asked for, it is found as well.
    match means {
        Means::Call => assert!(rollout.select_call(name).is_ok(), "no request has the name {place}"),
        Means::Agent => {
            assert_ne!(rollout.select_thread(name), Err(SelectError::Nothing), "no agent has the name {place}")
        }
        _ => {}
    }
}

/// Returns all things of a rollout.
fn nodes(rollout: &Rollout<'_>) -> Vec<Node> {
    let graph = rollout.graph();
    let items = graph.conversation_items.keys().map(|id| Node::Item(*id));
    let calls = graph.inference_calls.keys().cloned().map(Node::Inference);
    let turns = graph.codex_turns.keys().cloned().map(Node::Turn);
    let threads = graph.threads.keys().cloned().map(Node::Thread);
    let tools = graph.tool_calls.keys().cloned().map(Node::ToolCall);
    let cells = graph.code_cells.keys().cloned().map(Node::CodeCell);
    let operations = graph.terminal_operations.keys().map(|id| Node::TerminalOperation(*id));
    let sessions = graph.terminal_sessions.keys().cloned().map(Node::TerminalSession);
    let compactions = graph.compactions.keys().cloned().map(Node::Compaction);
    let edges = graph.interaction_edges.keys().cloned().map(Node::Edge);
    let runs = items.chain(calls).chain(turns).chain(threads).chain(tools);
    runs.chain(cells).chain(operations).chain(sessions).chain(compactions).chain(edges).collect()
}

#[test]
fn of_the_sample() {
    check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle")));
}

#[test]
#[ignore = "needs the suites, which SUITES names"]
fn of_the_suites() {
    let suites = PathBuf::from(env::var_os("SUITES").expect("SUITES names the folder of the suites"));
    let bundles =
        [suites.clone(), suites.join("../conformance")].iter().flat_map(|root| bundles(root)).collect::<Vec<_>>();
    assert!(bundles.len() > 20, "{} bundles", bundles.len());
    bundles.iter().for_each(|bundle| check(bundle));
}

/// Returns the bundles in a folder, at any depth, that can be opened.
fn bundles(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    let in_entry = |path: PathBuf| match () {
        () if path.join("trace.jsonl").exists() || path.to_string_lossy().ends_with(".tar.zst") => vec![path],
        () if path.is_dir() => bundles(&path),
        () => Vec::new(),
    };
    found.into_iter().flat_map(in_entry).filter(|path| Bundle::open(path).is_ok()).collect()
}
