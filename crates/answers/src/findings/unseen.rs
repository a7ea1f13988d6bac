//! Findings about what no model saw.

use super::{Finding, FindingCode};
use crate::{Rollout, Unseen, UnseenCode, UnseenRow, context_diff::rebuilt_unrecorded, words::grouped};

/// How many cut bytes are worth telling.
const CUT_BYTES: u64 = 4096;

pub(super) fn findings(rollout: &Rollout<'_>) -> Vec<Finding> {
    let finding = |row: &UnseenRow| {
        let code = match row.code {
            UnseenCode::ChildResultNotDelivered => FindingCode::AgentResultNotDelivered,
            UnseenCode::MessageNotDelivered => FindingCode::MessageNotDelivered,
            UnseenCode::ResultNotDelivered if was_left_out(rollout, row) => FindingCode::OutputNotDelivered,
            UnseenCode::OutputCut if is_mostly_cut(row) => FindingCode::OutputMostlyCut,
            UnseenCode::OutputAfterLastLook => FindingCode::OutputMissed,
            _ => return None,
        };
        let note = match (code, row.bytes.zip(row.of_bytes)) {
            (FindingCode::OutputMostlyCut, Some((bytes, of))) => {
                format!("{} of {} bytes of output were cut before the model saw them", grouped(bytes), grouped(of))
            }
            _ => row.note.clone(),
        };
        Some(Finding { certainty: row.certainty, ..Finding::new(code, row.ids.clone(), row.seq, note) })
    };
    Unseen::found(rollout).rows.iter().filter_map(finding).collect()
}

fn is_mostly_cut(row: &UnseenRow) -> bool {
    row.bytes.zip(row.of_bytes).is_some_and(|(bytes, of)| bytes >= CUT_BYTES && 2 * bytes >= of)
}

/// Returns whether later requests went without a result, although nothing rebuilt their history: a compaction that
/// nobody recorded may have read the result.
fn was_left_out(rollout: &Rollout<'_>, row: &UnseenRow) -> bool {
    let call = row.ids.first().and_then(|id| rollout.graph().tool_calls.get(id.as_str()));
    let Some((call, end)) = call.and_then(|call| Some((call, call.execution.ended_seq?))) else { return false };
    let calls = rollout.index().calls_of(&call.thread_id);
    let Some(later) = calls.get(calls.partition_point(|call| call.execution.started_seq <= end)) else { return false };
    let is_readable = rollout.facts().request(&later.inference_call_id).is_some();
    let before = rollout.index().call_before(later).filter(|_| is_readable);
    !before.is_some_and(|before| rebuilt_unrecorded(rollout, before, later))
}
