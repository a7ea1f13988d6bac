//! Answers of the model, and the requests before them.

use std::collections::VecDeque;

use super::reader::{Age, Live, Reader};
use crate::{
    draft::{At, Boundary, Draft},
    object::{Object, raw},
    writer::{Answer, Item, Request},
};
use rollout_trace_schema::{EventPayload, InferenceCallId};

/// An answer that is not known to be over, or that may turn out to be a compaction's summary.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) call: InferenceCallId,
    pub(super) started: At,
    /// The place and the time of the last item.
    pub(super) last: At,
    /// When the answer was over, if that is known.
    pub(super) ended: Option<At>,
    pub(super) answer: Answer,
    /// How long the live history was before the answer.
    pub(super) live_before: usize,
    /// The number of the last item that the request held.
    sampled_through: Option<u64>,
    /// Whether the items say that they are a compaction's summary.
    pub(super) is_compaction: bool,
    /// The events up to the answer's last item, once an input has followed while its end was still unknown.
    before: Option<VecDeque<Draft>>,
    /// Whether its end is written.
    pub(super) is_done: bool,
}

impl Open {
    /// Returns whether something has followed the answer.
    pub(super) fn is_ended(&self) -> bool {
        self.before.is_some()
    }
}

impl Reader {
    /// Reads an item of the history.
    pub(super) fn read_item(&mut self, at: &At, text: &str, metadata: &Object<'_>) {
        let Some(mut object) = Object::parse(text) else { return };
        let kind = object.text("type").unwrap_or_default();
        let is_produced = match kind.as_str() {
            "message" => object.text("role").as_deref() == Some("assistant"),
            "reasoning" | "compaction" | "compaction_summary" | "context_compaction" => true,
            kind => kind.ends_with("_call"),
        };
        let id = object.text("id").unwrap_or_else(|| format!("import:{}:{}", self.header.thread, at.place.line));
        object.set("id", id.as_str());
        let item = Item::new(id, raw(&object));
        let sequence = metadata.read("history_sequence");
        if self.inherited.is_some() {
            self.live.push(Live { item, sequence: None, time: at.time });
            self.unshown.extend(self.live.last().map(|live| live.item.clone()));
            return;
        }
        let live = Live { item: item.clone(), sequence, time: at.time };
        if is_produced {
            let sampled_through = metadata.read("sampled_through_sequence");
            let at = self.answer_continues(at, sampled_through, metadata.flag("compaction_output"));
            self.live.push(live);
            self.writer.accepted(&at, &item, false);
            self.tool_is_called(&at, &kind, &object);
        } else {
            let at = self.input_arrives(at, &kind, &object);
            self.live.push(live);
            let is_agent_message = kind == "agent_message";
            if is_agent_message {
                self.result_arrives(&at, &object);
            }
            self.writer.accepted(&at, &item, is_agent_message);
            self.unshown.push(item.clone());
            self.tool_answers(&at, &kind, &object, &item);
        }
        if is_produced && let Some(answer) = &mut self.answer {
            answer.last = At { turn: answer.started.turn.clone(), ..at.clone() };
            answer.answer.items.push(item);
        }
    }

    /// Prepares for another item of the open answer, or of a new one. Returns the item's place with its turn.
    fn answer_continues(&mut self, at: &At, sampled_through: Option<u64>, is_compaction: bool) -> At {
        if sampled_through.is_some() && self.age == Age::FiguresAfter {
            self.age = Age::Records;
        }
        self.usage.is_answered = true;
        let is_same = |open: &Open| {
            !open.is_done
                && !open.is_ended()
                && open.sampled_through == sampled_through
                && open.is_compaction == is_compaction
        };
        match &self.answer {
            Some(open) if is_same(open) => return At { turn: open.started.turn.clone(), ..at.clone() },
            Some(open) if !open.is_done && !open.is_ended() => {
                let last = open.last.clone();
                self.answer_fails(&last, "the answer did not end before the next one began");
            }
            _ => self.answer_is_followed(),
        }
        self.flush_answer();
        let turn = self.ensure_turn(at);
        self.turns.answered();
        self.flush();
        let at = At { turn: Some(turn), ..at.clone() };
        self.begin_answer(&at, sampled_through, is_compaction);
        at
    }

    fn begin_answer(&mut self, at: &At, sampled_through: Option<u64>, is_compaction: bool) {
        let call = self.writer.new_call();
        let boundary = match sampled_through {
            Some(_) if !self.is_base_missing => Boundary::Recorded,
            _ => Boundary::Implied,
        };
        let started = self.write_request(at, &call, sampled_through, boundary);
        let usage = self.usage.next.take();
        self.answer = Some(Open {
            call,
            started,
            last: at.clone(),
            ended: None,
            answer: Answer { usage, ..Answer::default() },
            live_before: self.live.len(),
            sampled_through,
            is_compaction,
            before: None,
            is_done: false,
        });
    }

    /// Writes that a request went out, at the latest moment that is known before its answer. Returns that moment.
    fn write_request(
        &mut self,
        at: &At,
        call: &InferenceCallId,
        sampled_through: Option<u64>,
        boundary: Boundary,
    ) -> At {
        let (model, provider) = (self.model(), self.provider());
        let held = || held(&self.live, sampled_through);
        let time = held().map(|live| live.time).max().unwrap_or(at.time).min(at.time);
        let mut rest = Object::default();
        rest.set("time_evidence", "lower_bound");
        let mut missing = vec!["tools"];
        match &self.header.instructions {
            Some(instructions) => rest.set("instructions", instructions.as_str()),
            None => missing.push("instructions"),
        }
        let request = Request {
            call: call.clone(),
            model: &model,
            provider: &provider,
            boundary,
            missing: &missing,
            rest,
            message_hashes: None,
        };
        let at = at.at(time);
        self.writer.inference_started(&at, request, held().map(|live| &live.item));
        self.unshown.clear();
        at
    }

    /// Writes the open answer's end, before what has followed it.
    fn end_answer(&mut self, at: &At, write: impl FnOnce(&mut Self, &At, &Open)) {
        let Some(mut open) = self.answer.take() else { return };
        let after = open.before.take().map(|before| {
            let after = self.writer.take();
            self.writer.put(before);
            after
        });
        let at = At { turn: open.started.turn.clone(), ..at.clone() };
        write(self, &at, &open);
        if let Some(after) = after {
            self.writer.put(after);
        }
        open.is_done = true;
        open.ended = Some(at);
        self.answer = Some(open);
    }

    /// Ends the open answer by what the file says of it.
    pub(super) fn answer_completes(&mut self, at: &At) {
        let at = at.reconstructed();
        self.end_answer(&at, |reader, at, open| reader.writer.inference_completed(at, &open.call, &open.answer));
    }

    pub(super) fn answer_fails(&mut self, at: &At, error: &str) {
        self.end_answer(&at.implied(), |reader, at, open| {
            reader.writer.inference_failed(at, &open.call, error, &open.answer);
        });
    }

    pub(super) fn answer_is_cancelled(&mut self, at: &At, reason: &str) {
        self.end_answer(&at.implied(), |reader, at, open| {
            reader.writer.inference_cancelled(at, &open.call, reason, &open.answer);
        });
    }

    /// Completes the open answer, because something follows that only comes after an answer.
    pub(super) fn answer_is_followed(&mut self) {
        if let Some(open) = self.answer.as_ref().filter(|open| !open.is_done) {
            let last = open.last.implied();
            self.end_answer(&last, |reader, at, open| {
                reader.writer.inference_completed(at, &open.call, &open.answer);
            });
        }
    }

    /// Lets the events of an answer go whose end is written.
    pub(super) fn flush_answer(&mut self) {
        if self.answer.as_ref().is_some_and(|open| open.is_done) {
            self.answer = None;
            self.flush();
        }
    }

    /// Prepares for an item that the model did not produce. Returns the item's place with its turn.
    fn input_arrives(&mut self, at: &At, kind: &str, item: &Object<'_>) -> At {
        let is_output = kind.ends_with("_output");
        let is_interleaved = matches!(self.age, Age::States | Age::FiguresBefore) && is_output;
        if !is_interleaved {
            self.flush_answer();
        }
        if matches!(self.age, Age::States | Age::FiguresBefore) && !is_output {
            self.answer_is_followed();
            self.flush_answer();
        }
        if let Some(open) = self.answer.as_mut().filter(|open| !is_interleaved && !open.is_ended()) {
            open.before = Some(self.writer.take());
            // The input is the first sign that the answer is over, so it may have lasted until the record before.
            open.last.time = open.last.time.max(self.previous);
        }
        self.input_turn(at, kind, item)
    }

    /// Writes a call that a turn made and that brought nothing before the turn died.
    pub(super) fn request_that_failed(&mut self, at: &At, error: &str) {
        let call = self.writer.new_call();
        self.write_request(at, &call, None, Boundary::Implied);
        self.writer.inference_failed(&at.implied(), &call, error, &Answer::default());
    }

    /// Ends what the end of the file leaves open.
    pub(super) fn end_of_file(&mut self, at: &At) {
        let Some(open) = self.answer.as_ref().filter(|open| !open.is_done) else { return self.flush_answer() };
        let last = open.answer.items.last().and_then(|item| Object::of(&item.json)?.text("type"));
        let is_whole = open.is_ended()
            || match self.age {
                Age::FiguresBefore => open.answer.usage.is_some(),
                Age::States => last.as_deref() == Some("message"),
                Age::FiguresAfter | Age::Records => false,
            };
        if is_whole {
            self.answer_is_followed();
        } else {
            let at = At { place: at.place, ..open.last.clone() };
            self.answer_is_cancelled(&at, "the file ends");
        }
        self.flush_answer();
    }

    /// Takes the open answer back, whose events still wait, because it is a compaction's summary.
    pub(super) fn take_back_answer(&mut self) -> Option<Open> {
        let open = self.answer.take()?;
        let is_of_answer = |draft: &Draft| match &draft.body {
            EventPayload::InferenceStarted(event) => event.inference_call_id == open.call,
            EventPayload::InferenceCompleted(event) => event.inference_call_id == open.call,
            EventPayload::HistoryItemAccepted(event) => open.answer.items.iter().any(|item| item.id == event.item_id),
            _ => false,
        };
        let kept = self.writer.take().into_iter().filter(|draft| !is_of_answer(draft)).collect();
        self.writer.put(kept);
        self.writer.forget_request();
        Some(open)
    }
}

/// Returns the items of the live history that a request held.
fn held(live: &[Live], sampled_through: Option<u64>) -> impl Iterator<Item = &Live> {
    live.iter().filter(move |live| match (live.sequence, sampled_through) {
        (Some(sequence), Some(through)) => sequence <= through,
        _ => true,
    })
}
