//! Compactions.
//!
//! Source: imports, section 3.1.1.

use rollout_trace_schema::CompactionId;
use serde_json::{json, value::RawValue};

use super::{
    answer::Open,
    reader::{Live, Reader},
};
use crate::{
    draft::At,
    object::{Object, elements, raw},
    writer::Item,
};

impl Reader {
    pub(super) fn read_compacted(&mut self, at: &At, record: &Object<'_>) {
        let message = record.text("message").unwrap_or_default();
        let history = record.get("replacement_history").and_then(elements);
        if self.inherited.is_some() {
            let items = self.replacement(&history.unwrap_or_default(), at.place.line, "");
            self.unshown.clone_from(&items);
            self.live = items.into_iter().map(|item| Live { item, sequence: None, time: at.time }).collect();
            self.turns.marks.clear();
            return;
        }
        let response_id = record.text("compaction_response_id");
        let is_summary = self.answer.as_ref().is_some_and(|open| is_summary(open, response_id.as_deref(), &message));
        let summary = if is_summary { self.take_back_answer() } else { None };
        if summary.is_none() {
            self.answer_is_followed();
            self.flush_answer();
        }
        let turn = self.ensure_turn(at);
        let at = At { turn: Some(turn), ..at.clone() };
        let kept = summary.as_ref().map_or(self.live.len(), |open| open.live_before);
        let before: Vec<Item> = self.live[..kept].iter().map(|live| live.item.clone()).collect();
        self.compactions += 1;
        let id = CompactionId::from(format!("import:{}:compaction:{}", self.header.thread, self.compactions));
        let (model, provider) = (self.model(), self.provider());
        if let Some(open) = summary {
            let started = open.started.reconstructed();
            let ended = open.ended.clone().unwrap_or_else(|| open.last.clone());
            let ended = At { turn: at.turn.clone(), ..ended.reconstructed() };
            self.writer.compaction_requested([&started, &ended], &id, (&model, &provider), (&before, &open.answer));
        } else if let Some((ended, answer)) = self
            .usage
            .unclaimed
            .take()
            .filter(|(_, answer)| answer.response_id.is_some() && answer.response_id == response_id)
        {
            let time = self.live.last().map_or(ended.time, |live| live.time).min(ended.time);
            let ended = At { turn: at.turn.clone(), ..ended.reconstructed() };
            let started = At { time, ..ended.clone() };
            self.writer.compaction_requested([&started, &ended], &id, (&model, &provider), (&before, &answer));
        }
        let (after, at) = match &history {
            Some(history) => (self.replacement(history, at.place.line, ""), at.reconstructed()),
            None => (self.implied_replacement(&before, &message, at.place.line), at.implied()),
        };
        self.writer.compacted(&at, &id, &before, &after);
        if history.is_none() {
            self.writer.loss("compaction_replacement_implied");
        }
        self.live = after.into_iter().map(|item| Live { item, sequence: None, time: at.time }).collect();
        for live in &self.live {
            self.writer.accepted(&at, &live.item, false);
        }
        self.turns.marks.clear();
        self.unshown.clear();
        self.flush();
    }

    /// Returns the items of a replacement.
    pub(super) fn replacement(&self, history: &[&RawValue], line: u64, thread: &str) -> Vec<Item> {
        let thread = if thread.is_empty() { self.header.thread.as_str() } else { thread };
        let item = |(place, item): (usize, &&RawValue)| {
            let mut object = Object::of(item)?;
            let id = object.text("id").unwrap_or_else(|| format!("import:{thread}:{line}.{place}"));
            object.set("id", id.as_str());
            Some(Item::new(id, raw(&object)))
        };
        history.iter().enumerate().filter_map(item).collect()
    }

    /// Returns the replacement that files of 2025 do not record: what people and the harness said, and the summary.
    fn implied_replacement(&self, before: &[Item], message: &str, line: u64) -> Vec<Item> {
        let is_kept = |item: &&Item| {
            let Some(object) = Object::of(&item.json) else { return false };
            let is_message = object.text("type").as_deref() == Some("message");
            is_message && matches!(object.text("role").as_deref(), Some("user" | "developer" | "system"))
        };
        let id = format!("import:{}:{line}", self.header.thread);
        let content = [json!({"type": "input_text", "text": message})];
        let summary = json!({"type": "message", "id": id, "role": "user", "content": content});
        before.iter().filter(is_kept).cloned().chain([Item::new(id, raw(&summary))]).collect()
    }
}

/// Returns whether an answer is the summary of the compaction that follows it.
fn is_summary(open: &Open, response_id: Option<&str>, message: &str) -> bool {
    let has_its_id = response_id.is_some() && open.answer.response_id.as_deref() == response_id;
    if open.is_compaction || has_its_id {
        return true;
    }
    let [item] = &open.answer.items[..] else { return false };
    let Some(object) = Object::of(&item.json) else { return false };
    let texts: Vec<_> = object
        .list("content")
        .unwrap_or_default()
        .into_iter()
        .filter_map(|part| Object::of(part)?.text("text"))
        .collect();
    let [text] = &texts[..] else { return false };
    !text.is_empty() && message.contains(text.as_str())
}
