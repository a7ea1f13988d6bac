//! Calls that an agent core should not make.

use rollout_trace_schema::{CodexTurnId, ThreadId};
use thiserror::Error;

use crate::request_shape::RequestShape;

/// How an agent core misuses the recorder. The value that it passes is recorded nevertheless, unless the variant says
/// otherwise.
#[derive(Clone, Debug, Error)]
pub(crate) enum Misuse {
    /// A request does not have the shape of its API.
    #[error(
        "a request has no `{list}` that is an array or a text, so readers cannot find its conversation; \
         record the request as it is sent, and name its API if that is not Responses (the module `document` shows the shape)"
    )]
    RequestWithoutInput {
        /// The field in which requests of the API have the conversation.
        list: &'static str,
    },
    /// `record_started_unchanged` got a wrong number of items. Only debug builds notice.
    #[error(
        "items of a request were declared unchanged, but they are not those of the thread's last request; \
         a release build would have recorded the old ones"
    )]
    UnchangedItemsChanged,
    /// A child was started under the root's id. It is not recorded, because its events would be taken for the root's.
    #[error(
        "a child thread was started with the id of the root thread, {thread_id}; it is not recorded; \
         give each thread its own id"
    )]
    ChildHasRootId { thread_id: ThreadId },
    /// A child names a parent that never began.
    #[error(
        "the child thread {thread_id} names {parent_thread_id} as its parent, which this rollout does not know; \
         start the parent first, and pass its id in `session_source`"
    )]
    UnknownParent { thread_id: ThreadId, parent_thread_id: String },
    /// A turn was ended twice.
    #[error(
        "the turn {codex_turn_id} was ended twice; both ends are recorded, and readers take the later one; \
         end each turn in one place"
    )]
    TurnEndedTwice { codex_turn_id: CodexTurnId },
}

impl Misuse {
    /// Returns the misuse of recording a request whose conversation is not where this shape has it.
    pub(crate) fn without_input(shape: RequestShape) -> Self {
        Self::RequestWithoutInput { list: shape.list }
    }

    /// Returns the name of this kind of misuse in the trace.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::RequestWithoutInput { .. } => "request_without_input",
            Self::UnchangedItemsChanged => "unchanged_items_changed",
            Self::ChildHasRootId { .. } => "child_has_root_id",
            Self::UnknownParent { .. } => "unknown_parent",
            Self::TurnEndedTwice { .. } => "turn_ended_twice",
        }
    }
}
