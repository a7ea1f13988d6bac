//! Draws one item in full.

use std::fmt::{self, Display};

use rollout_trace_schema::RawPayloadId;

use crate::{
    Anchor, BodyPart, ConversationItem, InferenceCall, InferredProducer, InteractionEdge, ItemId, ProducerRef,
};

use super::{
    canvas::Canvas,
    painter::{BOLD, DIM},
};

/// The width of the labels.
const LABEL_WIDTH: usize = 14;

impl Canvas<'_, '_> {
    pub(super) fn item(&mut self, id: ItemId) -> fmt::Result {
        let graph = self.graph;
        let Some(item) = graph.conversation_items.get(&id) else {
            return self.line(0, format!("no item {id}"));
        };
        self.line(0, self.painter.paint(BOLD, id) + " · " + self.item_title(item))?;
        self.identity(item)?;
        self.sightings(item)?;
        self.origins(item)?;
        self.runtime(item)?;
        for edge in graph.interaction_edges.values().filter(|edge| touches(edge, id)) {
            let ends = format!("{} → {}", self.anchor(&edge.source), self.anchor(&edge.target));
            self.fact("edge", format!("{}: {ends} ({})", edge.kind.as_str(), edge.edge_id))?;
        }
        let name = id.to_string();
        for diagnostic in graph.diagnostics.iter().filter(|diagnostic| diagnostic.ids.contains(&name)) {
            self.fact(
                diagnostic.severity.to_string().as_str(),
                format!("{}: {}", diagnostic.code, diagnostic.message),
            )?;
        }
        self.body(item)
    }

    fn fact(&mut self, label: &str, text: impl Display) -> fmt::Result {
        let label = self.painter.paint(DIM, format_args!("{label:LABEL_WIDTH$}"));
        self.line(1, label + " " + text)
    }

    fn identity(&mut self, item: &ConversationItem) -> fmt::Result {
        self.fact("kind", &item.kind)?;
        self.fact("role", &item.role)?;
        item.channel.iter().try_for_each(|channel| self.fact("channel", channel))?;
        if let Some(message) = &item.agent_message {
            self.fact("author", &message.author)?;
            self.fact("recipient", &message.recipient)?;
        }
        item.call_id.iter().try_for_each(|id| self.fact("call id", id))?;
        item.responses_item_id.iter().try_for_each(|id| self.fact("Responses id", id))?;
        self.fact("thread", format!("{} ({})", self.agent(&item.thread_id), item.thread_id))?;
        item.codex_turn_id.iter().try_for_each(|id| self.fact("turn", id))
    }

    fn sightings(&mut self, item: &ConversationItem) -> fmt::Result {
        // A state of an official reducer does not contain when an item was seen.
        if item.first_seen_seq > 0 {
            self.fact("seen", format!("first at seq {}, last at seq {}", item.first_seen_seq, item.last_seen_seq))?;
        }
        match item.accepted_seq {
            Some(seq) => self.fact("accepted", format!("at seq {seq}"))?,
            None if self.graph.schema_version > 1 => self.fact("accepted", "never")?,
            None => {}
        }
        let id = item.item_id;
        let mut calls: Vec<&InferenceCall> = self.graph.inference_calls.values().collect();
        calls.retain(|call| call.request_item_ids.contains(id));
        calls.sort_by_key(|call| call.execution.started_seq);
        match (calls.first(), calls.last()) {
            (Some(first), Some(last)) => {
                let place = |call: &InferenceCall| {
                    let at = call.request_item_ids.position(id).map_or(0, |at| at + 1);
                    format!("{}, place {at} of {}", call.inference_call_id, call.request_item_ids.len())
                };
                self.fact("requests", calls.len())?;
                self.fact("first request", place(first))?;
                self.fact("last request", place(last))
            }
            _ => self.fact("requests", "none"),
        }
    }

    fn origins(&mut self, item: &ConversationItem) -> fmt::Result {
        let id = item.item_id;
        for producer in &item.produced_by {
            let text = match producer {
                ProducerRef::Inference { inference_call_id } => format!("response of {inference_call_id}"),
                ProducerRef::Tool { tool_call_id } => format!("tool call {tool_call_id}"),
                ProducerRef::CodeCell { code_cell_id } => format!("code cell {code_cell_id}"),
                ProducerRef::Compaction { compaction_id } => format!("compaction {compaction_id}"),
            };
            self.fact("produced by", text)?;
        }
        for producer in &item.inferred_producers {
            let text = match producer {
                InferredProducer::UserInput => "a person".to_owned(),
                InferredProducer::Harness { source: Some(source) } => format!("the harness: {source}"),
                InferredProducer::Harness { source: None } => "the harness".to_owned(),
                InferredProducer::Edge { edge_id } => format!("another agent: {edge_id}"),
            };
            self.fact("comes from", text)?;
        }
        let graph = self.graph;
        for compaction in graph.compactions.values() {
            if compaction.input_item_ids.contains(&id) {
                self.fact("compacted by", &compaction.compaction_id)?;
            }
        }
        Ok(())
    }

    /// Draws the runtime objects that the item requests or answers, and the items at their other end.
    fn runtime(&mut self, item: &ConversationItem) -> fmt::Result {
        let (graph, id) = (self.graph, item.item_id);
        for tool in graph.tool_calls.values() {
            if tool.model_visible_call_item_ids.contains(&id) {
                let outputs = self.answers(&tool.model_visible_output_item_ids);
                self.fact("asks for", format!("tool call {}{outputs}", tool.tool_call_id))?;
            } else if tool.model_visible_output_item_ids.contains(&id) {
                let calls = self.numbers(&tool.model_visible_call_item_ids);
                self.fact("answers", format!("{calls} as tool call {}", tool.tool_call_id))?;
            }
        }
        for cell in graph.code_cells.values() {
            if cell.source_item_id == id {
                let outputs = self.answers(&cell.output_item_ids);
                self.fact("asks for", format!("{}{outputs}", cell.code_cell_id))?;
            } else if cell.output_item_ids.contains(&id) {
                self.fact("answers", format!("[{}] as {}", cell.source_item_id.0, cell.code_cell_id))?;
            }
        }
        for operation in graph.terminal_operations.values() {
            let observed = &operation.model_observations;
            if observed.iter().any(|seen| seen.call_item_ids.contains(&id) || seen.output_item_ids.contains(&id)) {
                self.fact("observes", operation.operation_id)?;
            }
        }
        Ok(())
    }

    fn body(&mut self, item: &ConversationItem) -> fmt::Result {
        for part in &item.body.parts {
            let (title, text) = match part {
                BodyPart::Text { text } => ("text".to_owned(), text.as_str()),
                BodyPart::Summary { text } => ("summary".to_owned(), text.as_str()),
                BodyPart::Encoded { label, value } => (label.clone(), value.as_str()),
                BodyPart::Json { summary, raw_payload_id } => {
                    (format!("JSON, whole in {}", self.payload_path(raw_payload_id)), summary.as_str())
                }
                BodyPart::Code { language, source } => (language.clone(), source.as_str()),
                BodyPart::PayloadRef { label, raw_payload_id, .. } => {
                    (format!("{label}, in {}", self.payload_path(raw_payload_id)), "")
                }
            };
            self.line(1, self.painter.paint(BOLD, title))?;
            text.lines().try_for_each(|line| self.quoted_line(2, line))?;
        }
        Ok(())
    }

    /// Returns where a payload is.
    fn payload_path(&self, id: &RawPayloadId) -> String {
        self.graph.raw_payloads.get(id).map_or_else(|| id.to_string(), ToString::to_string)
    }
}

fn touches(edge: &InteractionEdge, item: ItemId) -> bool {
    let anchor = Anchor::ConversationItem { item_id: item };
    edge.source == anchor || edge.target == anchor || edge.carried_item_ids.contains(&item)
}
