//! Call ids that are used again.
//!
//! What joins a tool call with outputs is their call id alone, and a history may hold outputs from before the recording
//! began or from another thread. So an output that was shown before a tool call began may still be listed as its own. It
//! is not if the id is known to name another call: then a response calls under an id whose output its model had already
//! been shown.
//!
//! Source: reduction, section 9.6.

use rollout_trace_model::{CodeCellId, ItemKind};
use rollout_trace_schema::ToolCallId;

use super::{
    release,
    started::Started,
    uses::{CallUse, Part, Uses},
};
use crate::{graph::Graph, origin::Origin};

/// The tool call and the code cell of a use.
type Runtime = (Option<ToolCallId>, Option<CodeCellId>);

/// Returns the use to which a call item belongs, or `None` if it makes a new one.
pub(super) fn place_of_call(graph: &Graph, uses: &mut Uses, origin: &Origin<'_>, part: &Part) -> Option<usize> {
    let last = uses.last_index()?;
    // The last use has a tool call, a code cell or an output, but no item of this kind that makes the call.
    let incomplete = (!uses.get_mut(last).has_call_of(&part.kind)).then_some(last);
    match uses.with_call(part.content) {
        Some(known) if is_over(graph, uses.get(known), origin) => {
            let is_carried_out = known == last && !began_late(graph, uses.get(known), origin);
            if is_carried_out { Some(known) } else { incomplete }
        }
        Some(known) => Some(known),
        None => incomplete,
    }
}

/// Takes the tool call and the code cell from the last use, because a response is about to make another use. They must
/// have begun after the last use was answered, and so belong to the new one.
pub(super) fn take_runtime(
    graph: &mut Graph,
    started: &mut Started,
    uses: &mut Uses,
    origin: &Origin<'_>,
) -> Option<Runtime> {
    let call = uses.last_mut()?;
    let is_own =
        { call.tool.iter() }.all(|id| graph.tool_calls[id].thread_id == *origin.thread) && { call.cell.iter() }
            .all(|id| graph.code_cells[id].thread_id == *origin.thread);
    if call.is_free() || !is_own || !is_over(graph, call, origin) || !began_late(graph, call, origin) {
        return None;
    }
    let runtime = (call.tool.clone(), call.cell.clone());
    release(graph, started, call, runtime.clone());
    Some(runtime)
}

/// Gives a new use the tool call and the code cell that were taken from the last one. `part` makes the call.
pub(super) fn give_runtime(graph: &mut Graph, call: &mut CallUse, (tool, cell): Runtime, part: &Part) {
    call.tool = tool;
    call.cell = cell.filter(|_| part.kind == ItemKind::CustomToolCall);
    if let Some(cell) = &call.cell {
        graph.object_mut(cell).source_item_id = part.item;
    }
}

/// Returns whether a response cannot be that of a use, because its model had been shown an output of the use when it was
/// asked.
fn is_over(graph: &Graph, call: &CallUse, origin: &Origin<'_>) -> bool {
    let asked = origin.response_of().and_then(|id| graph.inference_calls.get(id)).map(|asked| &asked.execution);
    let asked = asked.filter(|asked| !asked.start_unobserved);
    asked.is_some_and(|asked| call.answered.is_some_and(|answered| answered <= asked.started_seq))
}

/// Returns whether nothing of this thread carried a use out before the use was answered.
fn began_late(graph: &Graph, call: &CallUse, origin: &Origin<'_>) -> bool {
    let tool = call.tool.as_ref().map(|id| &graph.tool_calls[id]).map(|tool| (&tool.thread_id, &tool.execution));
    let cell = call.cell.as_ref().map(|id| &graph.code_cells[id]).map(|cell| (&cell.thread_id, &cell.execution));
    tool.into_iter().chain(cell).all(|(thread, execution)| {
        thread != origin.thread || call.answered.is_some_and(|answered| answered < execution.started_seq)
    })
}
