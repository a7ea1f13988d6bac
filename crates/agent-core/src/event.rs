//! What a rollout tells whoever runs it.

use std::{path::PathBuf, time::Duration};

use rollout_trace_recorder::TokenUsage;
use serde::Serialize;

use crate::Effort;

/// One message of a rollout's stream.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// The agent whose thread says it.
    pub agent_path: String,
    /// The submission that it answers; none for what an agent does by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission_id: Option<String>,
    /// The turn in which it happens.
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
    /// A thread is ready: the first event of each.
    SessionConfigured {
        /// The thread.
        thread_id: String,
        /// The model.
        model: String,
        /// How hard it thinks.
        effort: Option<Effort>,
        /// Who serves it.
        provider_name: String,
        /// The folder in which tools work.
        cwd: PathBuf,
    },
    /// A turn begins.
    TurnStarted,
    /// What the user said entered the history.
    UserMessage {
        /// Its text.
        text: String,
    },
    /// A piece of the answer, as it comes.
    AgentMessageDelta {
        /// The piece.
        delta: String,
    },
    /// A piece of the readable reasoning, as it comes.
    ReasoningDelta {
        /// The piece.
        delta: String,
    },
    /// A whole message of the model.
    AgentMessage {
        /// Its text.
        text: String,
    },
    /// A tool begins its work.
    ToolCallBegan {
        /// The call.
        call_id: String,
        /// The tool.
        tool: String,
        /// What it is asked for.
        input: String,
    },
    /// A command begins to run.
    CommandBegan {
        /// The call that started it.
        call_id: String,
        /// The session in which it runs.
        session_id: i32,
    },
    /// A tool is done.
    ToolCallEnded {
        /// The call.
        call_id: String,
        /// Whether it did what it was asked for.
        success: bool,
        /// What the model is told, as text.
        output: String,
    },
    /// A message from another agent entered the history.
    AgentMessageReceived {
        /// The agent that wrote it.
        author: String,
        /// What it wrote.
        text: String,
    },
    /// What the model's last answer cost, and all so far.
    TokenCount {
        /// The last answer.
        last: TokenUsage,
        /// All answers of the thread.
        total: TokenUsage,
    },
    /// A request failed, and another follows.
    Retrying {
        /// Which retry it will be, from 1.
        retry: u32,
        /// How long the thread waits first, in milliseconds.
        delay_ms: u64,
        /// What went wrong.
        error: String,
    },
    /// The history has become shorter.
    Compacted {
        /// Items before.
        items_before: usize,
        /// Items after.
        items_after: usize,
    },
    /// Something that a person should know, and that stops nothing.
    Warning {
        /// What.
        message: String,
    },
    /// A submission or a turn failed.
    Error {
        /// What went wrong.
        message: String,
    },
    /// A turn came to its end.
    TurnComplete {
        /// The last message of the model in it.
        last_agent_message: Option<String>,
        /// How long it took.
        #[serde(flatten)]
        timings: TurnTimings,
    },
    /// A turn was stopped.
    TurnAborted {
        /// Why.
        reason: AbortReason,
        /// How long it ran.
        #[serde(flatten)]
        timings: TurnTimings,
    },
    /// The thread has ended: the last event of each.
    ShutdownComplete,
}

/// Why a turn was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AbortReason {
    /// Somebody asked for it.
    Interrupted,
    /// The thread shuts down.
    Shutdown,
    /// An error; an event before this one tells it.
    Failed,
}

/// When things happened in a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TurnTimings {
    /// When the turn began, in milliseconds since 1970.
    pub started_at_unix_ms: u64,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// When the first piece of an answer came, in milliseconds after the beginning; `None` if none came.
    pub time_to_first_token_ms: Option<u64>,
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl EventMessage {
    /// The name under which the event is worth keeping in a trace; none for most, which other evidence shows better.
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
