//! Turns.

use rollout_trace_schema::{CodexTurnId, ExecutionStatus};

use super::reader::Reader;
use crate::{draft::At, object::Object};

/// A turn that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    id: CodexTurnId,
    /// Whether no record began it.
    is_implied: bool,
    /// Whether the model has answered in it.
    is_answered: bool,
    /// Whether something came that the model has not answered.
    has_input: bool,
}

impl Turn {
    pub(super) fn implied(id: CodexTurnId) -> Self {
        Self { id, is_implied: true, is_answered: false, has_input: false }
    }
}

/// The turns of a thread.
#[derive(Debug, Default)]
pub(super) struct Turns {
    open: Option<Turn>,
    /// The turn that ended last.
    ended: Option<CodexTurnId>,
    /// Whether the file records turns.
    are_recorded: bool,
    /// How long the live history was when each turn began that is in it.
    pub(super) marks: Vec<usize>,
}

impl Turns {
    /// Returns the turn that is open.
    pub(super) fn current(&self) -> Option<CodexTurnId> {
        self.open.as_ref().map(|turn| turn.id.clone())
    }

    pub(super) fn open(&mut self, turn: Turn, live: usize) {
        self.open = Some(turn);
        self.marks.push(live);
    }

    pub(super) fn answered(&mut self) {
        if let Some(turn) = &mut self.open {
            (turn.is_answered, turn.has_input) = (true, false);
        }
    }
}

impl Reader {
    /// Begins a turn that a record names.
    pub(super) fn turn_begins(&mut self, at: &At, id: Option<String>) {
        let id = id.map(CodexTurnId::from);
        if self.inherited.is_some() {
            if !id.as_ref().is_some_and(|id| self.is_own_turn(id)) {
                self.turns.marks.push(self.live.len());
                return;
            }
            self.end_inheritance(at);
        }
        let is_known = id.is_some() && (id == self.turns.current() || id == self.turns.ended);
        if is_known {
            return;
        }
        self.answer_is_followed();
        self.flush_answer();
        self.end_implied_turn(at);
        self.turns.are_recorded = true;
        let id = id.unwrap_or_else(|| self.writer.new_turn());
        self.turns.open(Turn { is_implied: false, ..Turn::implied(id.clone()) }, self.live.len());
        self.writer.turn_started(at, &id);
    }

    pub(super) fn read_turn_context(&mut self, at: &At, context: &Object<'_>) {
        if let Some(model) = context.text("model") {
            self.model = Some(model);
        }
        match context.text("turn_id") {
            Some(turn) => self.turn_begins(at, Some(turn)),
            None if self.inherited.is_none() => drop(self.ensure_turn(at)),
            None => {}
        }
    }

    pub(super) fn turn_completes(&mut self, at: &At, event: &Object<'_>) {
        if self.inherited.is_some() {
            return;
        }
        let error = event.object("error").map(|error| error.text("message").unwrap_or_else(|| error.to_text()));
        let error = error.or_else(|| event.text("error"));
        match &error {
            None => self.answer_is_followed(),
            Some(error) if self.answer.as_ref().is_some_and(|open| !open.is_done && !open.is_ended()) => {
                self.answer_fails(at, error);
            }
            Some(error) => {
                self.answer_is_followed();
                self.flush_answer();
                if self.turns.open.as_ref().is_some_and(|turn| turn.has_input) {
                    self.request_that_failed(at, error);
                }
            }
        }
        self.flush_answer();
        self.end_turn(at, event, if error.is_some() { ExecutionStatus::Failed } else { ExecutionStatus::Completed });
    }

    pub(super) fn turn_aborts(&mut self, at: &At, event: &Object<'_>) {
        if self.inherited.is_some() {
            return;
        }
        let reason = event.text("reason").unwrap_or_default();
        match self.answer.as_ref().map(|open| (open.is_done, open.is_ended())) {
            Some((false, false)) => self.answer_is_cancelled(at, &reason),
            _ => self.answer_is_followed(),
        }
        self.flush_answer();
        let is_wanted = reason == "interrupted";
        self.end_turn(at, event, if is_wanted { ExecutionStatus::Cancelled } else { ExecutionStatus::Aborted });
    }

    fn end_turn(&mut self, at: &At, event: &Object<'_>, status: ExecutionStatus) {
        let current = self.turns.open.take().map(|turn| turn.id);
        if let Some(turn) = event.text("turn_id").map(CodexTurnId::from).or(current) {
            self.writer.turn_ended(at, &turn, status);
            self.turns.ended = Some(turn);
        }
    }

    /// Ends a turn that no record began, because another one begins.
    fn end_implied_turn(&mut self, at: &At) {
        if let Some(turn) = self.turns.open.take_if(|turn| turn.is_implied) {
            self.writer.turn_ended(&at.implied(), &turn.id, ExecutionStatus::Completed);
        }
    }

    /// Returns the place of an input with its turn: the open one, unless the input is the next prompt in a file that
    /// does not record turns.
    pub(super) fn input_turn(&mut self, at: &At, kind: &str, item: &Object<'_>) -> At {
        let is_prompt = kind == "message" && item.text("role").as_deref() == Some("user");
        if is_prompt && self.turns.open.as_ref().is_some_and(|turn| turn.is_implied && turn.is_answered) {
            self.answer_is_followed();
            self.flush_answer();
            self.end_implied_turn(at);
        }
        let turn = if self.turns.are_recorded { self.turns.current() } else { Some(self.ensure_turn(at)) };
        if let Some(turn) = &mut self.turns.open {
            turn.has_input = true;
        }
        At { turn, ..at.clone() }
    }

    /// Takes the items of the last turns out of the live history. They stay in the thread.
    pub(super) fn roll_back(&mut self, turns: usize) {
        self.answer_is_followed();
        self.flush_answer();
        for _ in 0..turns {
            let Some(mark) = self.turns.marks.pop() else { break };
            self.live.truncate(mark);
        }
    }
}
