//! Events of a rollout.

use std::{path::PathBuf, time::Duration};

use rollout_trace_recorder::TokenUsage;
use serde::Serialize;

use crate::Effort;

/// One event of a rollout.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// The path of the agent whose thread emits the event.
    pub agent_path: String,
    /// The submission that caused the event; `None` if the agent acts by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission_id: Option<String>,
    /// The turn that the event belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub message: EventMessage,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventMessage {
    /// A thread is ready. This is the first event of each thread.
    SessionConfigured {
        /// The thread.
        thread_id: String,
        /// The model.
        model: String,
        /// The reasoning effort.
        effort: Option<Effort>,
        /// The name of the model's provider.
        provider_name: String,
        /// The working folder of tools.
        cwd: PathBuf,
    },
    /// A turn has started.
    TurnStarted,
    /// A user message was added to the history.
    UserMessage {
        /// Its text.
        text: String,
    },
    /// A piece of the answer has arrived.
    AgentMessageDelta {
        /// The piece.
        delta: String,
    },
    /// A piece of the readable reasoning has arrived.
    ReasoningDelta {
        /// The piece.
        delta: String,
    },
    /// A message of the model is complete.
    AgentMessage {
        /// Its text.
        text: String,
    },
    /// A tool call has started.
    ToolCallBegan {
        /// The id of the call.
        call_id: String,
        /// The name of the tool.
        tool: String,
        /// The input of the call.
        input: String,
    },
    /// A command has started.
    CommandBegan {
        /// The id of the call that started the command.
        call_id: String,
        /// The session in which the command runs.
        session_id: i32,
    },
    /// A tool call has ended.
    ToolCallEnded {
        /// The id of the call.
        call_id: String,
        /// Whether the call succeeded.
        success: bool,
        /// The output to the model, as text.
        output: String,
    },
    /// A message from another agent was added to the history.
    AgentMessageReceived {
        /// The path of the agent that sent the message.
        author: String,
        /// The text of the message.
        text: String,
    },
    /// The token usage of the model's last answer, and the total so far.
    TokenCount {
        /// The last answer.
        last: TokenUsage,
        /// All answers of the thread.
        total: TokenUsage,
    },
    /// A request failed and will be retried.
    Retrying {
        /// The number of the retry, counted from 1.
        retry: u32,
        /// The delay before the retry, in milliseconds.
        delay_ms: u64,
        /// The error of the failed request.
        error: String,
    },
    /// The history was compacted.
    Compacted {
        /// The number of items before.
        items_before: usize,
        /// The number of items after.
        items_after: usize,
    },
    /// A problem that does not stop the thread.
    Warning {
        /// The problem.
        message: String,
    },
    /// A submission or a turn failed.
    Error {
        /// The error of the failed request.
        message: String,
    },
    /// A turn has completed.
    TurnComplete {
        /// The model's last message in the turn.
        last_agent_message: Option<String>,
        /// The times of the turn.
        #[serde(flatten)]
        timings: TurnTimings,
    },
    /// A turn was stopped.
    TurnAborted {
        /// Why the turn was stopped.
        reason: AbortReason,
        /// The times of the turn.
        #[serde(flatten)]
        timings: TurnTimings,
    },
    /// The thread has ended. This is the last event of each thread.
    ShutdownComplete,
}

/// Why a turn was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AbortReason {
    /// The turn was interrupted by a request.
    Interrupted,
    /// The thread is shutting down.
    Shutdown,
    /// The turn failed; an earlier event contains the error.
    Failed,
}

/// The times of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TurnTimings {
    /// When the turn started, in Unix milliseconds.
    pub started_at_unix_ms: u64,
    /// How long the turn ran, in milliseconds.
    pub duration_ms: u64,
    /// The time from the start of the turn to the first piece of an answer, in milliseconds; `None` if no piece
    /// arrived.
    pub time_to_first_token_ms: Option<u64>,
}

/// Returns a duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl EventMessage {
    /// Returns the name under which a trace keeps the event, or `None` for most events, which other evidence shows
    /// better.
    pub(crate) fn protocol_event_type(&self) -> Option<&'static str> {
        match self {
            Self::SessionConfigured { .. } => Some("session_configured"),
            Self::TurnStarted => Some("turn_started"),
            Self::TurnComplete { .. } => Some("turn_complete"),
            Self::TurnAborted { .. } => Some("turn_aborted"),
            Self::Warning { .. } => Some("warning"),
            Self::Error { .. } => Some("error"),
            Self::ShutdownComplete => Some("shutdown_complete"),
            _ => None,
        }
    }
}
