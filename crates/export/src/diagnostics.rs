//! The diagnostics of a graph, for transcripts.

use rollout_trace_model::RolloutTrace;
use serde_json::Value;

use crate::object::Object;

/// Returns the diagnostics as JSON, without their messages, which may quote texts.
pub(crate) fn diagnostics(graph: &RolloutTrace) -> Vec<Value> {
    let diagnostics = graph.diagnostics.iter().map(|diagnostic| {
        Object::new()
            .with("code", diagnostic.code.as_str())
            .with("severity", diagnostic.severity.to_string())
            .with("seq", diagnostic.seq)
            .with("line", diagnostic.line)
            .with("payload", diagnostic.payload_id.as_deref())
            .into()
    });
    diagnostics.collect()
}
