//! Turns.

use serde::{Deserialize, Serialize};

use crate::{CodexTurnId, ExecutionStatus, ThreadId};

/// A turn began: an input from outside and all the work that it causes.
///
/// Source: bundle 1, section 4.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodexTurnStarted {
    /// The turn.
    pub codex_turn_id: CodexTurnId,
    /// The thread whose turn it is.
    pub thread_id: ThreadId,
}

/// A turn ended, and with it all of its work that was still running.
///
/// Source: bundle 1, section 4.3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodexTurnEnded {
    /// The turn.
    pub codex_turn_id: CodexTurnId,
    /// How it ended.
    pub status: ExecutionStatus,
}
