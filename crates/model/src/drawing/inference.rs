//! Draws an inference call.

use std::fmt;

use rollout_trace_schema::InferenceCallId;

use crate::{InferenceCall, TokenUsage};

use super::{canvas::Canvas, painter::BOLD};

impl Canvas<'_, '_> {
    pub(super) fn only_inference_call(&mut self, id: &InferenceCallId) -> fmt::Result {
        match self.graph.inference_calls.get(id) {
            Some(call) => self.inference_call(0, call),
            None => self.line(0, format!("no inference call {}", self.preview(id))),
        }
    }

    pub(super) fn inference_call(&mut self, depth: usize, call: &InferenceCall) -> fmt::Result {
        let name = self.painter.paint(BOLD, self.call_name(&call.inference_call_id));
        let mut head = name + self.time(&call.execution) + " · " + self.painter.status(&call.execution.status);
        for text in call.error.iter().chain(&call.cancel_reason) {
            head += format_args!(": {}", self.preview(text));
        }
        let default_model = self.graph.threads.get(&call.thread_id).and_then(|thread| thread.default_model.as_ref());
        if !call.model.is_empty() && default_model.is_none_or(|model| *model != call.model) {
            head += format_args!(" · {}", call.model);
        }
        if let Some(usage) = &call.usage {
            head += format_args!(" · {}", tokens(usage));
        }
        self.line(depth, head)?;
        self.losses_of(depth + 1, &call.inference_call_id)?;
        if self.selected.has_content(call) {
            self.request(depth + 1, call)?;
            self.response(depth + 1, call)?;
        }

        let places = &self.places;
        let tools = places.tools_of_inference.get(&call.inference_call_id).cloned().unwrap_or_default();
        let cells = places.cells_of_inference.get(&call.inference_call_id).cloned().unwrap_or_default();
        tools.into_iter().try_for_each(|tool| self.tool_call(depth + 1, tool))?;
        cells.into_iter().try_for_each(|cell| self.code_cell(depth + 1, cell))
    }

    fn response(&mut self, depth: usize, call: &InferenceCall) -> fmt::Result {
        if call.response_item_ids.is_empty() {
            let what = if call.raw_response_payload_id.is_some() { "empty response" } else { "no response" };
            return self.line(depth, what);
        }
        self.line(depth, "response")?;
        for &item in &call.response_item_ids {
            self.line(depth + 1, self.item_line(item))?;
            let edges = self.places.edges_of_response_item.get(&item).cloned().unwrap_or_default();
            edges.into_iter().try_for_each(|edge| self.edge(depth + 2, edge))?;
        }
        Ok(())
    }
}

fn tokens(usage: &TokenUsage) -> String {
    let mut read = Vec::new();
    for (count, what) in [(usage.cached_input_tokens, "cached"), (usage.cache_write_input_tokens, "to cache")] {
        if count > 0 {
            read.push(format!("{count} {what}"));
        }
    }
    let read = if read.is_empty() { String::new() } else { format!(" ({})", read.join(", ")) };
    let reasoning = match usage.reasoning_output_tokens {
        0 => String::new(),
        count => format!(" ({count} reasoning)"),
    };
    format!("{} tokens in{read}, {} out{reasoning}", usage.input_tokens, usage.output_tokens)
}
