//! The figures of answers.

use serde_json::{Value, json};

use super::reader::{Age, Reader};
use crate::{draft::At, object::Object, writer::Answer};

/// What is remembered about figures.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// The session's figures, when they were last seen.
    total: Option<Value>,
    /// The figures of the next answer, if they come before it.
    pub(super) next: Option<Value>,
    /// Figures of an answer that has no items: a remote compaction's.
    pub(super) unclaimed: Option<(At, Answer)>,
    /// Whether any item of an answer was seen.
    pub(super) is_answered: bool,
}

impl Reader {
    /// Reads the record that an answer has since 0.162.
    pub(super) fn read_usage_record(&mut self, at: &At, record: &Object<'_>) {
        if self.inherited.is_some() {
            return;
        }
        self.age = Age::Records;
        let (response_id, usage) = (record.text("response_id"), record.read("usage").and_then(figures));
        match &mut self.answer {
            Some(answer) if !answer.is_done => {
                (answer.answer.response_id, answer.answer.usage) = (response_id, usage);
                self.answer_completes(at);
            }
            _ => self.usage.unclaimed = Some((at.clone(), Answer { response_id, usage, ..Answer::default() })),
        }
    }

    /// Reads the session's figures, which are those of an answer if they have changed.
    pub(super) fn read_token_count(&mut self, at: &At, event: &Object<'_>) {
        let Some(info) = event.object("info") else { return };
        let total: Option<Value> = info.read("total_token_usage");
        let has_changed = total.is_some() && total != self.usage.total;
        self.usage.total = total;
        if self.inherited.is_some() {
            return;
        }
        let usage = info.read("last_token_usage").and_then(figures);
        if self.age == Age::FiguresAfter && has_changed && !self.usage.is_answered {
            self.age = Age::FiguresBefore;
        }
        match self.age {
            Age::FiguresBefore if has_changed => {
                self.answer_is_followed();
                self.usage.next = usage;
            }
            Age::FiguresAfter if has_changed => {
                if let Some(answer) = self.answer.as_mut().filter(|answer| !answer.is_done) {
                    answer.answer.usage = usage;
                    let last = answer.last.clone();
                    self.answer_completes(&last);
                }
            }
            Age::FiguresAfter | Age::Records if !has_changed => {
                if let Some(answer) = self.answer.as_ref().filter(|answer| !answer.is_done && !answer.is_ended()) {
                    let last = At { place: at.place, ..answer.last.clone() };
                    self.answer_fails(&last, "the answer did not end");
                }
            }
            _ => {}
        }
    }

    /// Reads the record that the oldest files have wherever a request goes out.
    pub(super) fn read_state(&mut self, _: &At) {
        self.age = Age::States;
        self.answer_is_followed();
    }
}

/// Returns figures in the form of a response document.
fn figures(usage: Value) -> Option<Value> {
    let figure = |name: &str| usage.get(name).and_then(Value::as_i64).unwrap_or(0);
    usage.is_object().then(|| {
        json!({
            "input_tokens": figure("input_tokens"),
            "cached_input_tokens": figure("cached_input_tokens"),
            "cache_write_input_tokens": figure("cache_write_input_tokens"),
            "output_tokens": figure("output_tokens"),
            "reasoning_output_tokens": figure("reasoning_output_tokens"),
            "total_tokens": figure("total_tokens"),
        })
    })
}
