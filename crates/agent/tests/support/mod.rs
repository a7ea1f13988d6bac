//! Helpers of the agent's tests.

#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod normal;

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    time::Duration,
};

use rollout_trace::{Bundle, Drawing, RolloutTrace, Severity, model::normalized, reduce_bundle};
use rollout_trace_agent::{Played, Scenario, play};
use rollout_trace_agent_core::{Event, TraceOptions, TraceTarget};
use serde_json::Value;

/// A played scenario and the graph of its trace.
pub(crate) struct Recorded {
    pub(crate) played: Played,
    pub(crate) graph: RolloutTrace,
}

/// The number of latest events that are shown if a scenario hangs.
const SHOWN: usize = 200;

/// The placeholder for the MCP server's program in a scenario.
const MCP_SERVER: &str = "{mcp_server}";

/// Longer than any scenario takes, even on a busy machine.
const HANG: Duration = Duration::from_secs(60);

/// Plays a scenario, and checks the properties of every scenario that ends by itself.
pub(crate) fn record(name: &str, text: &str) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let trace = TraceTarget::Root(folder.path().join("traces"), TraceOptions::new());
    let played = played(name, text, &folder.path().join("work"), trace, |_| {});
    assert_eq!(played.unused_replies, Vec::<usize>::new(), "all replies are requested");
    let graph = reduced(played.bundle.as_deref().unwrap());
    let loud: Vec<_> = graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note).collect();
    assert!(loud.is_empty(), "{name}: {loud:#?}");
    assert_eq!(graph.recording_complete, Some(true));
    Recorded { played, graph }
}

/// Plays a scenario with tracing off.
pub(crate) fn unrecorded(name: &str, text: &str) -> Played {
    let folder = tempfile::tempdir().unwrap();
    played(name, text, &folder.path().join("work"), TraceTarget::Off, |_| {})
}

/// Plays a scenario. `watch` receives each event as it comes.
pub(crate) fn played(name: &str, text: &str, folder: &Path, trace: TraceTarget, watch: impl Fn(&Event)) -> Played {
    let text = match text.contains(MCP_SERVER) {
        true => &text.replace(MCP_SERVER, &mcp_server().to_string_lossy()),
        false => text,
    };
    let scenario = Scenario::parse(name, text).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut seen = VecDeque::new();
    let played = runtime.block_on(async {
        let mut show = |event: &Event| {
            watch(event);
            seen.push_back(event.clone());
            seen.drain(..seen.len().saturating_sub(SHOWN));
        };
        tokio::time::timeout(HANG, play(&scenario, folder, trace, &mut show)).await
    });
    match played {
        Ok(played) => played.unwrap(),
        Err(_) => panic!("{name} hangs after {seen:#?}"),
    }
}

/// Returns the path of the MCP server, which is an example. `cargo test` builds examples before it runs tests, unless
/// it runs a selected test. The example may then be missing or old.
fn mcp_server() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/agent_mcp_server");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent-core/examples/mcp_server.rs");
    let time = |file: &Path| file.metadata().and_then(|metadata| metadata.modified());
    let is_fresh = time(&program).is_ok_and(|built| built >= time(&source).unwrap());
    let build = "cargo build -p rollout-trace-agent --example agent_mcp_server";
    assert!(is_fresh, "{} is missing, or older than its source: run `{build}` first", program.display());
    program
}

/// Reduces a bundle, and checks the graph's links.
pub(crate) fn reduced(bundle: &Path) -> RolloutTrace {
    let graph = reduce_bundle(&Bundle::open(bundle).unwrap());
    assert_eq!(graph.check_links(), Vec::<String>::new());
    graph
}

impl Recorded {
    /// Draws the graph without parts that differ between runs.
    pub(crate) fn drawing(&self) -> String {
        Self::drawing_of(&self.graph)
    }

    pub(crate) fn drawing_of(graph: &RolloutTrace) -> String {
        let drawing = Drawing::new(&by_thread(&normalized(graph))).to_string();
        ["inference-", "turn-", "terminal ", "call-", "mcp-"].iter().fold(drawing, |text, name| renumbered(&text, name))
    }
}

/// Numbers the items of a graph thread by thread, since the order of two threads differs by chance.
fn by_thread(graph: &RolloutTrace) -> RolloutTrace {
    let mut items: Vec<_> = graph.conversation_items.values().collect();
    items.sort_by_key(|item| (&graph.threads[&item.thread_id].agent_path, item.item_id));
    let numbers: HashMap<String, String> = items
        .iter()
        .zip(1..)
        .map(|(item, number)| (item.item_id.to_string(), format!("conversation_item:{number}")))
        .collect();
    let value = renamed(serde_json::to_value(graph).unwrap(), &numbers);
    serde_json::from_value(value).unwrap()
}

fn renamed(value: Value, names: &HashMap<String, String>) -> Value {
    let name = |text: String| names.get(&text).cloned().unwrap_or(text);
    match value {
        Value::String(text) => name(text).into(),
        Value::Array(values) => values.into_iter().map(|value| renamed(value, names)).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (name(key), renamed(value, names))).collect(),
        other => other,
    }
}

/// Renumbers the numbers after a name in the order of their first occurrence.
fn renumbered(text: &str, name: &str) -> String {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut parts = text.split(name);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        let next = numbers.len() + 1;
        result.push_str(name);
        if !number.is_empty() {
            result.push_str(&numbers.entry(number).or_insert(next).to_string());
        }
        result.push_str(rest);
    }
    result
}

/// Filters for parts of texts that differ by chance.
pub(crate) fn chance() -> Vec<(&'static str, &'static str)> {
    vec![(r"Chunk ID: [0-9a-f]+", "Chunk ID: …"), (r"Wall time:? [0-9.]+ seconds", "Wall time … seconds")]
}
