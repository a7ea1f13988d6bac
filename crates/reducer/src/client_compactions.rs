//! Compactions that an agent core makes by itself: it asks the model for a summary, with which the thread's next history
//! begins.
//!
//! Source: wires, section 8.2.

use rollout_trace_model::{BodyPart, Compaction, ConversationItem, EvidenceGrade, ItemId, ItemKind, Role};
use rollout_trace_schema::{CompactionId, InferenceCallId, InferenceStarted, ThreadId};

use crate::{context::Context, graph::Graph, map::HashMap};

/// A shorter answer may be in a later message by chance.
const SHORTEST_SUMMARY: usize = 20;

/// Finds the compactions that requests show.
#[derive(Debug, Default)]
pub(crate) struct ClientCompactions {
    /// The last call of each thread that was answered.
    answered: HashMap<ThreadId, InferenceCallId>,
}

impl ClientCompactions {
    /// Notes that a call was answered.
    pub(crate) fn note_answer(&mut self, graph: &Graph, call: &InferenceCallId) {
        self.answered.insert(graph.inference_calls[call].thread_id.clone(), call.clone());
    }

    /// Makes a compaction if a request that shows `items` begins with the answer to the call before it.
    pub(crate) fn note_request(&self, cx: &mut Context<'_>, event: &InferenceStarted, items: &[ItemId]) {
        let Some(previous) = self.answered.get(&event.thread_id) else { return };
        let graph = &*cx.graph;
        let summarizing = &graph.inference_calls[previous];
        let is_by_user = |item: &ItemId| {
            let item = &graph.conversation_items[item];
            item.kind == ItemKind::Message && item.role == Role::User
        };
        // The history is a new one if it begins with another message of the user, which was not seen before.
        let first = items.iter().copied().find(is_by_user);
        let Some(first) = first.filter(|item| graph.conversation_items[item].first_seen_seq == cx.at.seq) else {
            return;
        };
        let Some(summary) = summary(graph, &summarizing.response_item_ids) else { return };
        if items.iter().any(|item| summarizing.response_item_ids.contains(item)) {
            return;
        }
        let begins_with = items.iter().copied().skip_while(|item| *item != first).take_while(is_by_user);
        let Some(marker) = { begins_with }.find(|item| text(&graph.conversation_items[item]).contains(&summary)) else {
            return;
        };
        let compaction_id = CompactionId::from(format!("compaction:{previous}"));
        let compaction = Compaction {
            compaction_id: compaction_id.clone(),
            thread_id: event.thread_id.clone(),
            codex_turn_id: Some(event.codex_turn_id.clone()),
            installed_at_unix_ms: cx.at.time,
            marker_item_id: marker,
            request_ids: Vec::new(),
            input_item_ids: summarizing.request_item_ids.iter().collect(),
            replacement_item_ids: items.to_vec(),
            installed_seq: cx.at.seq,
            raw_checkpoint_payload_id: None,
            evidence: Some(EvidenceGrade::Inferred),
            evidence_source: None,
        };
        cx.documents.growth.add_list(compaction.input_item_ids.len() + items.len());
        cx.graph.insert(&compaction_id, compaction);
    }
}

/// Returns the summary in an answer: what is in its element `summary`, else the whole text.
fn summary(graph: &Graph, answer: &[ItemId]) -> Option<String> {
    let is_message = |item: &&ItemId| graph.conversation_items[*item].kind == ItemKind::Message;
    let text = text(&graph.conversation_items[answer.iter().rev().find(is_message)?]);
    let inner = text.split_once("<summary>").and_then(|(_, rest)| Some(rest.split_once("</summary>")?.0));
    let summary = inner.unwrap_or(&text).trim();
    (summary.chars().count() >= SHORTEST_SUMMARY).then(|| summary.to_owned())
}

fn text(item: &ConversationItem) -> String {
    let texts = item.body.parts.iter().filter_map(|part| match part {
        BodyPart::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
