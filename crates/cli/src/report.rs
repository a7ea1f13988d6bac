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
    /// `written` or `failed`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout_id: Option<String>,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
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
