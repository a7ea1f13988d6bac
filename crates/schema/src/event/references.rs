//! The payload references of events.

use super::{EventPayload, RequestInputMode};
use crate::PayloadRef;

/// Visits the references of an event, shared (`iter`) or exclusive (`iter_mut mut`).
macro_rules! visit_references {
    ($event:expr, $visit:expr, $iter:ident $($mut:ident)?) => {{
        let visit = $visit;
        match $event {
            EventPayload::ThreadStarted(event) => event.metadata_payload.$iter().for_each(visit),
            EventPayload::HistoryItemAccepted(event) => {
                event.agent_message_payload.$iter().chain(event.tool_output_payload.$iter()).for_each(visit);
            }
            EventPayload::InferenceStarted(event) => {
                if let Some(RequestInputMode::IncrementalWithUntracedPrefix { prefix_payload, .. }) =
                    &$($mut)? event.request_input_mode
                {
                    visit(prefix_payload);
                }
                visit(&$($mut)? event.request_payload);
                event.prepared_prompt_payload.$iter().chain(event.warmup_context_payload.$iter()).for_each(visit);
            }
            EventPayload::InferenceCompleted(event) => visit(&$($mut)? event.response_payload),
            EventPayload::InferenceFailed(event) => event.partial_response_payload.$iter().for_each(visit),
            EventPayload::InferenceCancelled(event) => event.partial_response_payload.$iter().for_each(visit),
            EventPayload::ToolCallStarted(event) => event.invocation_payload.$iter().for_each(visit),
            EventPayload::ToolCallRuntimeStarted(event) => visit(&$($mut)? event.runtime_payload),
            EventPayload::ToolCallRuntimeEnded(event) => visit(&$($mut)? event.runtime_payload),
            EventPayload::ToolCallEnded(event) => event.result_payload.$iter().for_each(visit),
            EventPayload::CodeCellInitialResponse(event) => event.response_payload.$iter().for_each(visit),
            EventPayload::CodeCellEnded(event) => event.response_payload.$iter().for_each(visit),
            EventPayload::CompactionRequestStarted(event) => visit(&$($mut)? event.request_payload),
            EventPayload::CompactionRequestCompleted(event) => visit(&$($mut)? event.response_payload),
            EventPayload::CompactionInstalled(event) => visit(&$($mut)? event.checkpoint_payload),
            EventPayload::AgentResultObserved(event) => event.carried_payload.$iter().for_each(visit),
            EventPayload::ProtocolEventObserved(event) => visit(&$($mut)? event.event_payload),
            EventPayload::Other(event) => event.payloads.$iter().for_each(visit),
            EventPayload::RolloutStarted(_)
            | EventPayload::RolloutEnded(_)
            | EventPayload::RecordingCompleted(_)
            | EventPayload::ThreadEnded(_)
            | EventPayload::ThreadResumed(_)
            | EventPayload::CodexTurnStarted(_)
            | EventPayload::CodexTurnEnded(_)
            | EventPayload::McpToolCallCorrelationAssigned(_)
            | EventPayload::StdinTargetResolved(_)
            | EventPayload::CodeCellStarted(_)
            | EventPayload::CodeCellWaitTargetResolved(_)
            | EventPayload::CompactionRequestFailed(_)
            | EventPayload::Unknown(_) => {}
        }
    }};
}

impl EventPayload {
    /// Calls `visit` with every payload reference that the event carries, in the order of its fields, but not with the
    /// parts of these references.
    pub fn for_each_payload_ref<'a>(&'a self, mut visit: impl FnMut(&'a PayloadRef)) {
        visit_references!(self, &mut visit, iter);
    }

    /// As [`for_each_payload_ref`](Self::for_each_payload_ref), for references to be changed.
    pub fn for_each_payload_ref_mut(&mut self, mut visit: impl FnMut(&mut PayloadRef)) {
        visit_references!(self, &mut visit, iter_mut mut);
    }
}
