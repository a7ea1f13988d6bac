//! Requests to a thread.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Effort;

/// A request to a thread, sent by [`AgentThread::submit`](crate::AgentThread::submit).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Starts a turn, after the end of the running turn if there is one.
    UserTurn {
        /// The user's input.
        input: Vec<UserInput>,
        /// Settings for this turn only.
        overrides: TurnOverrides,
    },
    /// Stops the running turn, if there is one.
    Interrupt,
    /// Compacts the history, in a turn of its own.
    Compact,
    /// Stops all work and ends the thread. Ending the root thread ends the rollout.
    Shutdown,
}

impl Op {
    /// Creates a request for a turn whose input is a text.
    pub fn say(text: impl Into<String>) -> Self {
        Self::UserTurn { input: vec![UserInput::Text(text.into())], overrides: TurnOverrides::default() }
    }
}

/// One part of a user's input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserInput {
    /// A text.
    Text(String),
    /// The URL of an image, which may be a `data:` URL.
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

/// Settings of one turn that differ from the thread's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnOverrides {
    /// The model.
    pub model: Option<String>,
    /// The reasoning effort.
    pub effort: Option<Effort>,
    /// The working folder of tools, an absolute path to an existing folder.
    pub cwd: Option<PathBuf>,
}
