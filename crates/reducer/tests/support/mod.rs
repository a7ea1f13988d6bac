//! What the tests of the reducer share.

#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod script;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::{Bundle, Evidence};
use rollout_trace_model::{DiagnosticCode, Drawing, RolloutTrace, Severity};
use rollout_trace_reducer::Reducer;
pub(crate) use script::Script;

/// Returns the folder of the official cases.
pub(crate) fn conformance() -> PathBuf {
    env::var_os("CONFORMANCE").expect("CONFORMANCE names the folder of the official cases").into()
}

/// Reduces a whole bundle.
pub(crate) fn reduce_bundle(bundle: &Bundle) -> RolloutTrace {
    let mut reducer = new_reducer(bundle);
    let mut payloads = bundle.payloads();
    bundle.events().for_each_ahead(|evidence| reducer.apply(evidence, &mut payloads));
    payloads.problems().iter().for_each(|problem| reducer.note_problem(problem));
    reducer.finish()
}

/// Reduces a bundle at once and piece by piece, and checks what must hold for any graph.
pub(crate) fn reduce(bundle: &Path) -> RolloutTrace {
    let bundle = Bundle::open(bundle).expect("the bundle opens");
    let graph = reduce_bundle(&bundle);
    let json = serde_json::to_string(&graph).expect("a graph serializes");
    assert_eq!(json, serde_json::to_string(&piecemeal(&bundle)).expect("a graph serializes"), "piece by piece");
    let read: RolloutTrace = serde_json::from_str(&json).expect("a graph reads back");
    assert_eq!(read, graph, "read back");
    assert_eq!(graph.check_links(), Vec::<String>::new());
    graph
}

/// Reduces a bundle and looks at the graph again and again on the way.
fn piecemeal(bundle: &Bundle) -> RolloutTrace {
    let mut payloads = bundle.payloads();
    let mut reducer = new_reducer(bundle);
    let evidence: Vec<_> = bundle.events().collect();
    for (number, piece) in evidence.iter().enumerate() {
        reducer.apply(piece, &mut payloads);
        if number == evidence.len() / 2 {
            check_live(reducer.graph(), reduce_evidence(bundle, &evidence[..=number]));
        } else if number % 7 == 0 {
            reducer.graph();
        }
    }
    payloads.problems().iter().for_each(|problem| reducer.note_problem(problem));
    let live = reducer.graph().clone();
    let graph = reducer.finish();
    check_live(&live, graph.clone());
    graph
}

pub(crate) fn new_reducer(bundle: &Bundle) -> Reducer {
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    bundle.problems().iter().for_each(|problem| reducer.note_problem(problem));
    reducer
}

/// Reduces some of the evidence of a bundle as if there were no more.
pub(crate) fn reduce_evidence(bundle: &Bundle, evidence: &[Evidence]) -> RolloutTrace {
    let mut payloads = bundle.payloads();
    let mut reducer = new_reducer(bundle);
    evidence.iter().for_each(|piece| reducer.apply(piece, &mut payloads));
    reducer.finish()
}

/// Checks that a graph that was looked at shows everything in the final graph of the same evidence, except for what the
/// end decides.
pub(crate) fn check_live(live: &RolloutTrace, mut ended: RolloutTrace) {
    assert_eq!(ended.check_links(), Vec::<String>::new());
    let of_end = ended.diagnostics.split_off(live.diagnostics.len());
    for diagnostic in of_end {
        let is_of_end = matches!(
            diagnostic.code,
            DiagnosticCode::AgentActivityMismatch
                | DiagnosticCode::CodeCellWithoutSource
                | DiagnosticCode::DeliveredAsUserMessage
                | DiagnosticCode::RunningAtEnd
                | DiagnosticCode::TraceStopsEarly
                | DiagnosticCode::UndeliveredMessage
                | DiagnosticCode::UnknownThread
        );
        assert!(is_of_end && diagnostic.seq.is_none(), "{diagnostic:?}");
    }
    ended.cut_off.clear();
    ended.undelivered_messages.clear();
    ended.plain_deliveries.clear();
    assert_eq!(*live, ended);
}

/// Writes the bundle of a scenario into a fresh folder.
pub(crate) fn scenario(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    Script::parse(text).write(folder.path());
    folder
}

/// Returns the scenarios of this folder, by name.
pub(crate) fn scenarios() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut found: Vec<_> = fs::read_dir(folder)
        .expect("the scenarios are there")
        .map(|entry| entry.expect("the scenarios are there").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a scenario is text"))
        })
        .collect();
    found.sort();
    found
}

/// Draws a graph for a snapshot.
pub(crate) fn draw(graph: &RolloutTrace) -> String {
    Drawing::new(graph).to_string()
}

/// Returns the codes of the diagnostics that are more than notes.
pub(crate) fn complaints(graph: &RolloutTrace) -> Vec<&'static str> {
    let loud = graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note);
    loud.map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// Copies a bundle, to damage the copy.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder can be written");
    for entry in fs::read_dir(from).expect("the bundle is there") {
        let entry = entry.expect("the bundle is there");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            // `fs::copy` would also copy the permissions of a read-only original.
            fs::write(&target, fs::read(entry.path()).expect("the bundle is readable")).expect("there is room");
        }
    }
}
