//! Tool calls of which only the conversation tells.
//!
//! Where nothing reports how tools run, a tool call is made for each call in a response. It runs from the end of the
//! response to the first request that shows an output, which are bounds of the time that the tool took.
//!
//! Source: wires, section 6.

use rollout_trace_model::{
    BodyPart, ConversationItem, EvidenceGrade, Execution, ItemId, ProducerRef, Requester, ToolCall,
};
use rollout_trace_schema::{ExecutionStatus, InferenceCallId, ModelVisibleCallId, ToolCallId, ToolKind, ToolSummary};

use crate::{
    calls::{is_call, is_output},
    context::Context,
    conversation::Conversations,
    graph::Graph,
    links::Links,
    map::HashMap,
};

/// How many characters of the arguments a summary shows.
const PREVIEW_CHARS: usize = 160;

/// Makes tool calls from the conversation.
#[derive(Debug, Default)]
pub(crate) struct ConversationTools {
    /// How many tool calls have each call id.
    bearers: HashMap<ModelVisibleCallId, usize>,
}

impl ConversationTools {
    /// Makes a tool call for each call in the response to an inference call.
    pub(crate) fn requested(
        &mut self,
        cx: &mut Context<'_>,
        conversations: &Conversations,
        links: &mut Links,
        id: &InferenceCallId,
    ) {
        let items = cx.graph.inference_calls[id].response_item_ids.clone();
        for item in items {
            let item = &cx.graph.conversation_items[&item];
            let Some(call_id) = item.call_id.clone().filter(|_| is_call(&item.kind)) else { continue };
            let known = |producer: &ProducerRef| *producer == ProducerRef::Inference { inference_call_id: id.clone() };
            if !item.produced_by.first().is_some_and(known) {
                continue;
            }
            let tool = self.tool_call(cx, item, &call_id);
            let tool_id = tool.tool_call_id.clone();
            cx.graph.insert(&tool_id, tool);
            links.calls.link_tool(cx, &call_id, &tool_id, false);
            if !cx.graph.tool_calls[&tool_id].model_visible_output_item_ids.is_empty() {
                // The provider ran the tool itself.
                let call = &cx.graph.inference_calls[id].execution;
                let (at, seq) = (call.started_at_unix_ms, call.started_seq);
                let execution = &mut cx.graph.object_mut(&tool_id).execution;
                (execution.started_at_unix_ms, execution.started_seq) = (at, seq);
                end(cx, conversations, &tool_id);
            }
        }
    }

    fn tool_call(&mut self, cx: &Context<'_>, item: &ConversationItem, call_id: &ModelVisibleCallId) -> ToolCall {
        let count = self.bearers.entry(call_id.clone()).or_default();
        *count += 1;
        let tool_call_id = match count {
            1 => ToolCallId::from(call_id.as_str()),
            _ => ToolCallId::from(format!("{call_id}#{count}")),
        };
        let label = item.name.clone().unwrap_or_else(|| "tool".to_owned());
        ToolCall {
            tool_call_id,
            mcp_call_id: None,
            model_visible_call_id: Some(call_id.clone()),
            code_mode_runtime_tool_id: None,
            resolved_wait_runtime_cell_id: None,
            started_code_cell_id: None,
            thread_id: item.thread_id.clone(),
            started_by_codex_turn_id: item.codex_turn_id.clone(),
            execution: Execution::started(cx.at.time, cx.at.seq),
            requester: Requester::Model,
            kind: ToolKind::from_any_tool_name(&label),
            model_visible_call_item_ids: Vec::new(),
            model_visible_output_item_ids: Vec::new(),
            terminal_operation_id: None,
            summary: ToolSummary::Generic { label, input_preview: input_preview(item), output_preview: None },
            raw_invocation_payload_id: None,
            raw_result_payload_id: None,
            raw_runtime_payload_ids: Vec::new(),
            runtime_started: None,
            evidence: Some(EvidenceGrade::Conversation),
            evidence_source: None,
        }
    }
}

/// Ends the tool calls whose outputs a payload shows. `items` are those that the payload may show for the first time.
pub(crate) fn note_outputs(cx: &mut Context<'_>, conversations: &Conversations, items: &[ItemId]) {
    for id in items {
        let item = &cx.graph.conversation_items[id];
        if !is_output(&item.kind) || item.first_seen_seq != cx.at.seq {
            continue;
        }
        let tool = item.produced_by.iter().find_map(|producer| match producer {
            ProducerRef::Tool { tool_call_id } => Some(tool_call_id.clone()),
            _ => None,
        });
        if let Some(tool) = tool.filter(|tool| is_of_conversation(cx.graph, tool)) {
            end(cx, conversations, &tool);
        }
    }
}

fn is_of_conversation(graph: &Graph, tool: &ToolCallId) -> bool {
    graph.tool_calls.get(tool).is_some_and(|tool| tool.evidence == Some(EvidenceGrade::Conversation))
}

/// Ends a tool call, unless it has ended. The last of its outputs decides its status.
fn end(cx: &mut Context<'_>, conversations: &Conversations, id: &ToolCallId) {
    let tool = cx.graph.object_mut(id);
    let last = tool.model_visible_output_item_ids.last();
    let status = match last.is_some_and(|last| conversations.has_failed(*last)) {
        true => ExecutionStatus::Failed,
        false => ExecutionStatus::Completed,
    };
    if tool.execution.is_running() {
        tool.execution.end(cx.at.time, cx.at.seq, status);
    } else {
        tool.execution.status = status;
    }
}

/// Returns how the arguments of a call begin.
fn input_preview(item: &ConversationItem) -> Option<String> {
    let text = item.body.parts.iter().find_map(|part| match part {
        BodyPart::Text { text } => Some(text),
        BodyPart::Json { summary, .. } => Some(summary),
        BodyPart::Code { source, .. } => Some(source),
        _ => None,
    })?;
    Some(match text.char_indices().nth(PREVIEW_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text.clone(),
    })
}
