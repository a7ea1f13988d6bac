//! Edits that were taken back.

use rollout_trace_model::{ToolCall, map::HashMap};
use rollout_trace_schema::{ExecutionStatus, ThreadId, ToolKind};

use super::{Finding, FindingCode};
use crate::{
    Rollout,
    patches::{PatchedFile, files},
};

/// A file of a thread, and the lines that a patch removes and adds.
type Edit = (ThreadId, PatchedFile);

pub(super) fn findings(rollout: &Rollout<'_>) -> Vec<Finding> {
    let is_patch =
        |call: &&ToolCall| call.kind == ToolKind::ApplyPatch && call.execution.status == ExecutionStatus::Completed;
    let mut patches: Vec<_> = rollout.graph().tool_calls.values().filter(is_patch).collect();
    patches.sort_by_key(|call| call.execution.started_seq);
    // The last call that made each edit.
    let mut made: HashMap<Edit, &ToolCall> = HashMap::default();
    let mut findings = Vec::new();
    for call in patches {
        let edits: Vec<PatchedFile> = files(rollout, call)
            .into_iter()
            .filter(|file| !file.removed.is_empty() || !file.added.is_empty())
            .collect();
        let reverted = edits.iter().find_map(|file| {
            let before =
                PatchedFile { path: file.path.clone(), removed: file.added.clone(), added: file.removed.clone() };
            Some((file, *made.get(&(call.thread_id.clone(), before))?))
        });
        if let Some((file, earlier)) = reverted {
            findings.push(Finding::new(
                FindingCode::EditReverted,
                vec![earlier.tool_call_id.to_string(), call.tool_call_id.to_string()],
                Some(call.execution.started_seq),
                format!("the edit of {} was taken back", file.path),
            ));
        }
        made.extend(edits.into_iter().map(|file| ((call.thread_id.clone(), file), call)));
    }
    findings
}
