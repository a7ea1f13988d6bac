//! The shared state of one agent's thread.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex},
};

use rollout_trace_recorder::ThreadTraceContext;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::{
    AgentMessages, AgentStatus, EventMessage, Item, Op, TokenUsageInfo,
    event::Event,
    fault,
    history::History,
    lock::lock,
    mail::Mail,
    pause::Pause,
    rollout::Rollout,
    tools::{Cells, Commands},
    turn::Turn,
};

/// The shared state of one agent's thread.
pub(crate) struct Thread {
    pub(crate) id: String,
    /// The agent's place in the tree of agents.
    pub(crate) path: String,
    /// The agent's depth below the root.
    pub(crate) depth: usize,
    pub(crate) parent: Option<Arc<Thread>>,
    pub(crate) rollout: Arc<Rollout>,
    pub(crate) trace: ThreadTraceContext,
    /// The instructions to the model, without the part that differs between turns.
    pub(crate) instructions: String,
    /// The descriptions of the tools, for requests.
    pub(crate) tools: Vec<Value>,
    pub(crate) commands: Commands,
    pub(crate) cells: Cells,
    pub(crate) pause: Pause,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    pub(crate) status: watch::Sender<AgentStatus>,
    /// The number of messages that have arrived from other agents.
    pub(crate) mail_count: watch::Sender<u64>,
    pub(crate) state: Mutex<State>,
}

/// The mutable state of a thread.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) usage: TokenUsageInfo,
    /// Input that arrived during a turn, for the turn's next request.
    pub(crate) steered: Vec<Item>,
    /// Notifications of running code cells to the model.
    pub(crate) notifications: Vec<Item>,
    pub(crate) mailbox: VecDeque<Mail>,
    /// Whether the thread takes messages.
    pub(crate) door: Door,
    pub(crate) waits: Waits,
    pub(crate) running: Option<Arc<Turn>>,
}

/// Whether a thread takes messages of other agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Door {
    #[default]
    Open,
    /// The thread is ending. Only the results of its children are still taken.
    Closing,
    /// What arrives now belongs to the closed agent.
    Closed,
}

/// The calls of a thread that wait for messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    /// The number of waiting calls of the model.
    pub(crate) open: usize,
    /// How many such calls have begun or ended.
    pub(crate) changes: u64,
    /// Whether calls of the model's latest answer have yet to begin. They may send messages.
    pub(crate) others_will_begin: bool,
    /// Whether all agents at work wait for one another.
    pub(crate) are_stalled: bool,
}

/// The thread is ending and takes no more messages.
#[derive(Debug)]
pub(crate) struct Ending;

/// A request to a thread's loop.
#[derive(Debug)]
pub(crate) enum Request {
    /// A request of the program that runs the rollout.
    Submission { id: String, op: Op },
    /// Another agent has sent a message that starts a turn.
    Mail,
}

impl Thread {
    /// Publishes an event, and records it in the trace if it is of a kind that the trace keeps.
    pub(crate) fn emit(&self, submission_id: Option<&str>, turn_id: Option<&str>, message: EventMessage) {
        if let Some(event_type) = message.protocol_event_type() {
            self.trace.record_protocol_event(event_type, &message);
        }
        self.rollout.publish(Event {
            agent_path: self.path.clone(),
            submission_id: submission_id.map(str::to_owned),
            turn_id: turn_id.map(str::to_owned),
            message,
        });
    }

    /// Adds an item to the history.
    pub(crate) fn accept(&self, turn_id: Option<&str>, item: Item) {
        fault::point("history", &self.path);
        let item = item.with_id();
        let id = item.id().unwrap_or_default();
        if item.is_output() {
            self.trace.record_tool_output_accepted(turn_id, id, &item);
        } else {
            self.trace.record_history_item_accepted(turn_id, id);
        }
        lock(&self.state).history.push(item);
    }

    /// Adds another agent's message to the history.
    pub(crate) fn accept_mail(&self, turn_id: &str, mail: Mail) {
        match self.rollout.config.agent_messages {
            form @ AgentMessages::Messages => self.accept(Some(turn_id), mail.item(form)),
            form @ AgentMessages::Items => {
                let item = mail.item(form).with_id();
                self.trace.record_agent_message_accepted(Some(turn_id), item.id().unwrap_or_default(), &item);
                lock(&self.state).history.push(item);
            }
        }
        let message = EventMessage::AgentMessageReceived { author: mail.author, text: mail.text };
        self.emit(None, Some(turn_id), message);
    }

    /// Adds a message to the mailbox, and wakes the thread if the message starts a turn. `record` is called before the
    /// thread can see the message, and not at all if the thread takes no more messages.
    pub(crate) fn deliver(&self, mail: Mail, record: impl FnOnce()) -> Result<(), Ending> {
        let starts_turn = mail.starts_turn;
        let mut state = lock(&self.state);
        if state.door != Door::Open {
            return Err(Ending);
        }
        record();
        state.mailbox.push_back(mail);
        drop(state);
        self.mail_count.send_modify(|count| *count += 1);
        if starts_turn {
            self.status.send_if_modified(|status| {
                let is_idle = !status.is_busy();
                if is_idle {
                    *status = AgentStatus::PendingInit;
                }
                is_idle
            });
            // An error means that the thread has already ended.
            let _ = self.requests.send(Request::Mail);
        }
        Ok(())
    }

    /// Begins to close the mailbox.
    pub(crate) fn begin_ending(&self) {
        let mut state = lock(&self.state);
        if state.door == Door::Open {
            state.door = Door::Closing;
        }
    }

    /// Returns whether the thread can do nothing before a message arrives: its model waits for one and has no further
    /// call to begin, none has come, no code cell is running, and the thread is not ending. Two equal states mean that this
    /// has not changed in between.
    pub(crate) fn blocked(&self) -> Option<(Waits, u64)> {
        // Not with the state locked: whoever waits for messages looks at the state while reading the count.
        let count = *self.mail_count.borrow();
        let has_cells = self.cells.are_running();
        let state = lock(&self.state);
        let is_waiting = state.waits.open > 0 && !state.waits.others_will_begin;
        let is_blocked = is_waiting && state.mailbox.is_empty() && !has_cells && state.door == Door::Open;
        is_blocked.then_some((state.waits, count))
    }

    pub(crate) fn status(&self) -> AgentStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn folder_name(folder: &Path) -> String {
        folder.display().to_string()
    }
}
