//! The list of rollouts that a page may show.

use rollout_trace::{Book, Bundle, schema::UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

/// The rollouts that can be shown, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rollouts {
    /// The program and its version.
    pub program: String,
    /// The path that was given, for people.
    pub path: String,
    /// Whether the path is a trace root, so that the list comes first. Else there is one rollout, whose name need not be
    /// given in calls.
    pub is_root: bool,
    /// Whether the rollouts are followed while they grow.
    pub follow: bool,
    /// A selector of what to show first.
    pub at: Option<String>,
    /// The rollouts.
    pub rollouts: Vec<ListedRollout>,
}

/// A rollout that can be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedRollout {
    /// What calls and addresses name it by: its path below the root.
    pub name: String,
    /// The id of the rollout, if its manifest says it.
    pub rollout_id: Option<String>,
    /// When the recording began.
    pub started_at_unix_ms: UnixMillis,
    /// Whether it is an archive.
    pub is_archive: bool,
}

impl From<Book> for ListedRollout {
    fn from(book: Book) -> Self {
        Self {
            name: book.name,
            rollout_id: book.rollout_id.map(|id| id.to_string()),
            started_at_unix_ms: book.started_at_unix_ms,
            is_archive: book.is_archive,
        }
    }
}

/// Returns what is listed of an open bundle.
pub(crate) fn of_bundle(bundle: &Bundle) -> ListedRollout {
    let header = bundle.header();
    ListedRollout {
        name: bundle.name(),
        rollout_id: header.rollout_id.map(|id| id.to_string()),
        started_at_unix_ms: header.started_at_unix_ms.unwrap_or_default(),
        is_archive: bundle.is_archive(),
    }
}
