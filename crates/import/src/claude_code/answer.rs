//! Answers of the model.

use rollout_trace_schema::{ExecutionStatus, InferenceCallId};
use serde_json::{Value, json};

use super::thread::Thread;
use crate::{
    draft::At,
    object::Object,
    writer::{Answer, UNKNOWN},
};

/// An answer whose lines may go on.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) message_id: String,
    call: InferenceCallId,
    last: At,
    answer: Answer,
    stop_reason: Option<String>,
}

impl Thread {
    pub(super) fn read_assistant(&mut self, at: &At, record: &Object<'_>) {
        self.end_copy(at);
        let Some(message) = record.object("message") else { return };
        let is_synthetic = message.text("model").as_deref() == Some("<synthetic>");
        if is_synthetic || record.flag("isApiErrorMessage") {
            return self.read_synthetic(at, record, &message);
        }
        let turn = self.ensure_turn(at);
        let at = At { turn: Some(turn), ..at.clone() };
        let Some(message_id) = message.text("id") else { return };
        if self.answer.is_none() {
            self.begin_answer(&at, record, &message, &message_id);
        }
        let items = self.enter(&at, record, &message);
        for item in &items {
            self.writer.accepted(&at, item, false);
        }
        let calls = self.chain.entries().last().map(|entry| entry.blocks.iter().filter_map(|block| block.call.clone()));
        for call in calls.into_iter().flatten().collect::<Vec<_>>() {
            self.tool_is_called(&at, &call);
        }
        self.seen.extend(items.iter().cloned());
        let Some(open) = &mut self.answer else { return };
        open.answer.items.extend(items);
        open.answer.usage = message.read("usage").and_then(usage).or(open.answer.usage.take());
        open.answer.upstream_request_id = record.text("requestId").or(open.answer.upstream_request_id.take());
        open.stop_reason = message.text("stop_reason");
        open.last = at;
    }

    fn begin_answer(&mut self, at: &At, record: &Object<'_>, message: &Object<'_>, message_id: &str) {
        let reference = record.text("requestRef");
        let call = match self.take_request(reference.as_deref()) {
            Some(pending) => pending.call,
            None => {
                self.unanswered_request_fails(at);
                let call = self.writer.new_call();
                let model = message.text("model").unwrap_or_else(|| UNKNOWN.to_owned());
                let parent = record.text("parentUuid");
                self.request_implied(at, &call, &model, parent.as_deref());
                call
            }
        };
        self.error = None;
        let answer = Answer { response_id: Some(message_id.to_owned()), ..Answer::default() };
        self.answer =
            Some(Open { message_id: message_id.to_owned(), call, last: at.clone(), answer, stop_reason: None });
    }

    /// Reads an answer that the program made up: an item, and the end of the turn if it is an error.
    fn read_synthetic(&mut self, at: &At, record: &Object<'_>, message: &Object<'_>) {
        for item in self.enter(at, record, message) {
            self.writer.accepted(at, &item, false);
            self.seen.push(item.clone());
            self.unshown.push(item);
        }
        if record.flag("isApiErrorMessage") {
            let error: Value = message.read("content").unwrap_or_default();
            self.writer.protocol(at, "api_error_message", &json!({"content": error, "error": record.text("error")}));
            if self.error.is_none() {
                let text = error.get(0).and_then(|block| block.get("text")?.as_str()).unwrap_or("an error");
                self.error = Some((at.clone(), text.to_owned()));
            }
            self.unanswered_request_fails(at);
            self.end_turn(at, ExecutionStatus::Failed);
        }
    }

    /// Ends the open answer at its last line.
    pub(super) fn close_answer(&mut self, is_interrupted: bool) {
        let Some(open) = self.answer.take() else { return };
        let at = open.last.reconstructed();
        if is_interrupted && open.stop_reason.is_none() {
            self.writer.inference_cancelled(&at, &open.call, "interrupted by the user", &open.answer);
            return;
        }
        self.writer.inference_completed(&at, &open.call, &open.answer);
        let goes_on = matches!(open.stop_reason.as_deref(), None | Some("tool_use" | "max_tokens" | "pause_turn"));
        if !goes_on && self.turn == open.last.turn {
            self.end_turn(&at, ExecutionStatus::Completed);
        }
    }

    /// Ends the answer that is open at the end of the file.
    pub(super) fn close_last_answer(&mut self) {
        match &self.answer {
            Some(open) if open.stop_reason.is_none() => {
                let (at, call, answer) = (open.last.implied(), open.call.clone(), open.answer.clone());
                self.answer = None;
                self.writer.inference_cancelled(&at, &call, "the file ends", &answer);
            }
            _ => self.close_answer(false),
        }
    }
}

/// Returns figures in the form of a response document.
fn usage(usage: Value) -> Option<Value> {
    let figure = |name: &str| usage.get(name).and_then(Value::as_i64).unwrap_or(0);
    let reasoning = usage.get("output_tokens_details").and_then(|details| details.get("thinking_tokens")?.as_i64());
    let (read, written) = (figure("cache_read_input_tokens"), figure("cache_creation_input_tokens"));
    usage.is_object().then(|| {
        json!({
            "input_tokens": figure("input_tokens") + read + written,
            "cached_input_tokens": read,
            "cache_write_input_tokens": written,
            "output_tokens": figure("output_tokens"),
            "reasoning_output_tokens": reasoning.unwrap_or(0),
        })
    })
}
