//! What became of each bundle of a list, as lines of JSON.

use std::path::Path;

use rollout_trace::RolloutTrace;
use serde::Serialize;

use crate::{failure::Failure, output::Output, summary::Counts};

/// The ids of a rollout.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    trace_id: String,
    rollout_id: String,
}

impl Ids {
    pub(crate) fn of(graph: &RolloutTrace) -> Self {
        Self { trace_id: graph.trace_id.to_string(), rollout_id: graph.rollout_id.to_string() }
    }
}

/// What became of a bundle.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Its path; null if the error says which path it is about.
    bundle: Option<String>,
    /// `written`, `failed` or, if the list has the same graph of the same bundle before it, `repeated`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout_id: Option<String>,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The hash of the graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_hash: Option<String>,
    /// The name of the run that has the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How many rows there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    /// The diagnostics of each severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<usize>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Report {
    /// Returns the report of a bundle that was read.
    pub(crate) fn of(path: Option<&Path>, ids: &Ids, counts: Counts) -> Self {
        Self {
            bundle: path.map(shown),
            status: "written",
            trace_id: Some(ids.trace_id.clone()),
            rollout_id: Some(ids.rollout_id.clone()),
            errors: Some(counts.errors),
            warnings: Some(counts.warnings),
            notes: Some(counts.notes),
            ..Self::default()
        }
    }

    /// Adds the file that was written.
    pub(crate) fn at(self, file: &Path) -> Self {
        Self { file: Some(shown(file)), ..self }
    }

    /// Adds the hash of the graph and how many rows it has, or that the run has them already.
    pub(crate) fn with_rows(self, state_hash: &str, rows: u64, is_repeated: bool) -> Self {
        let status = if is_repeated { "repeated" } else { self.status };
        Self { status, state_hash: Some(state_hash.to_owned()), rows: Some(rows), ..self }
    }

    /// Adds the name of the run, if it has the rows of the bundle.
    pub(crate) fn named(self, name: &str) -> Self {
        let name = self.rows.map(|_| name.to_owned());
        Self { name, ..self }
    }

    /// Returns the report of a bundle that could not be read or written, of which a failure says this.
    pub(crate) fn failed(path: Option<&Path>, lines: &[String]) -> Self {
        let lines = lines.iter().map(|line| line.trim().trim_start_matches("error: "));
        let error = lines.collect::<Vec<_>>().join("; ");
        Self { bundle: path.map(shown), status: "failed", error: Some(error), ..Self::default() }
    }

    /// Prints the report as a line of JSON.
    pub(crate) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let line = serde_json::to_string(self).expect("the keys of a report are strings");
        output.json(|stdout| writeln!(stdout, "{line}"))
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
