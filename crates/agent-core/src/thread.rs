//! One agent's thread: what its parts share.

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
    history::History,
    lock::lock,
    mail::Mail,
    pause::Pause,
    rollout::Rollout,
    tools::{Cells, Commands},
    turn::Turn,
};

/// What the parts of one agent's thread share.
pub(crate) struct Thread {
    pub(crate) id: String,
    /// The agent's place in the tree of agents.
    pub(crate) path: String,
    /// How far below the root.
    pub(crate) depth: usize,
    pub(crate) parent: Option<Arc<Thread>>,
    pub(crate) rollout: Arc<Rollout>,
    pub(crate) trace: ThreadTraceContext,
    /// What the model is told first, apart from what differs between turns.
    pub(crate) instructions: String,
    /// The tools as requests describe them.
    pub(crate) tools: Vec<Value>,
    pub(crate) commands: Commands,
    pub(crate) cells: Cells,
    pub(crate) pause: Pause,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    pub(crate) status: watch::Sender<AgentStatus>,
    /// Counts the messages of other agents that have come.
    pub(crate) mail_count: watch::Sender<u64>,
    pub(crate) state: Mutex<State>,
}

/// What changes in the life of a thread.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) usage: TokenUsageInfo,
    /// What came from outside while a turn runs, for its next request.
    pub(crate) steered: Vec<Item>,
    /// What code cells told the model while they were at work.
    pub(crate) notifications: Vec<Item>,
    pub(crate) mailbox: VecDeque<Mail>,
    pub(crate) running: Option<Arc<Turn>>,
}

/// What a thread's loop is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// By whoever runs the rollout.
    Submission { id: String, op: Op },
    /// By a message of another agent.
    Mail,
}

impl Thread {
    /// Tells whoever runs the rollout what happened, and the trace what of it is worth keeping.
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

    /// Takes an item into the history.
    pub(crate) fn accept(&self, turn_id: Option<&str>, item: Item) {
        let item = item.with_id();
        self.trace.record_history_item_accepted(turn_id, item.id().unwrap_or_default());
        lock(&self.state).history.push(item);
    }

    /// Takes another agent's message into the history.
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

    /// Puts a message into the mailbox, and wakes the thread if it is to begin a turn with it.
    pub(crate) fn deliver(&self, mail: Mail) {
        let starts_turn = mail.starts_turn;
        lock(&self.state).mailbox.push_back(mail);
        self.mail_count.send_modify(|count| *count += 1);
        if starts_turn {
            self.status.send_if_modified(|status| {
                let is_idle = !status.is_at_work();
                if is_idle {
                    *status = AgentStatus::PendingInit;
                }
                is_idle
            });
            // A thread that has ended takes no more requests.
            let _ = self.requests.send(Request::Mail);
        }
    }

    pub(crate) fn status(&self) -> AgentStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn folder_name(folder: &Path) -> String {
        folder.display().to_string()
    }
}
