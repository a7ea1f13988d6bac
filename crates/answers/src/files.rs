//! The files that tool calls are about.

use std::collections::BTreeSet;

use rollout_trace_model::ToolCall;
use rollout_trace_reducer::Json;

use crate::{
    patches::{files, relative},
    rollout::Rollout,
};

/// Returns the file that a call reads or patches, or `None` if it is about none or several.
///
/// Source: questions, section 5.
pub(crate) fn only_file(rollout: &Rollout<'_>, call: &ToolCall) -> Option<String> {
    let mut found: BTreeSet<_> = files(rollout, call).into_iter().map(|file| file.path).collect();
    found.extend(read_files(rollout, call));
    if found.len() == 1 { found.pop_first() } else { None }
}

/// Returns the files that a command reads, as its runtime understood the command.
pub(crate) fn read_files(rollout: &Rollout<'_>, call: &ToolCall) -> Vec<String> {
    let cwd = rollout.graph().threads.get(&call.thread_id).and_then(|thread| thread.cwd.as_deref());
    let paths = |document: &Json<'_>| {
        let commands = document.get("parsed_cmd")?.as_array()?;
        let reads = commands.iter().filter(|command| command.text("type") == Some("read"));
        Some(reads.filter_map(|read| Some(relative(read.text("path")?, cwd))).collect())
    };
    let payload = call.raw_runtime_payload_ids.first();
    payload.and_then(|payload| rollout.document(payload, paths)).unwrap_or_default()
}
