//! What a thread can be asked to do.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Effort;

/// A request to a thread. [`AgentThread::submit`](crate::AgentThread::submit) takes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Starts a turn; one that comes while a turn runs waits for its end.
    UserTurn {
        /// What the user says.
        input: Vec<UserInput>,
        /// What is different in this turn alone.
        overrides: TurnOverrides,
    },
    /// Stops the running turn. Nothing happens where none runs.
    Interrupt,
    /// Compacts the history, in a turn of its own.
    Compact,
    /// Stops everything and ends the thread, and with the root thread the rollout.
    Shutdown,
}

impl Op {
    /// A turn that begins with a text.
    pub fn say(text: impl Into<String>) -> Self {
        Self::UserTurn { input: vec![UserInput::Text(text.into())], overrides: TurnOverrides::default() }
    }
}

/// One part of what a user says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserInput {
    /// A text.
    Text(String),
    /// An image by its URL, which may be a `data:` URL.
    Image(String),
}

impl UserInput {
    pub(crate) fn content_part(&self) -> Value {
        match self {
            Self::Text(text) => json!({"type": "input_text", "text": text}),
            Self::Image(url) => json!({"type": "input_image", "image_url": url}),
        }
    }
}

/// What one turn does otherwise than its thread's configuration says. Nothing set: as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnOverrides {
    /// The model.
    pub model: Option<String>,
    /// How hard the model thinks.
    pub effort: Option<Effort>,
    /// The folder in which tools work: absolute, and there.
    pub cwd: Option<PathBuf>,
}
