//! The list of rollouts that a page may show.

use rollout_trace::{Book, Bundle, outline::Outline, schema::UnixMillis};
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
    /// What it is about; `null` if it cannot be opened, or is the only one.
    pub about: Option<AboutRollout>,
}

/// What the list says about a rollout that was not reduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AboutRollout {
    /// From the start to the end or, while it runs, to the last event.
    pub duration_ms: Option<u64>,
    /// The status of the rollout, or `newer format`.
    pub status: String,
    /// Whether the log, the manifest or the archive is damaged.
    pub is_damaged: bool,
    /// The program that recorded the rollout.
    pub agent: Option<String>,
    /// The model that the root agent asked first.
    pub model: Option<String>,
    /// The folder in which the root agent works.
    pub folder: Option<String>,
    /// How the text begins with which a person began the rollout.
    pub prompt: Option<String>,
    /// The number of agents.
    pub agents: u64,
    /// The number of turns.
    pub turns: u64,
}

impl From<Outline> for AboutRollout {
    fn from(outline: Outline) -> Self {
        Self {
            duration_ms: outline.duration_ms,
            status: if outline.is_newer { "newer format".to_owned() } else { outline.status },
            is_damaged: outline.damaged,
            agent: outline.agent,
            model: outline.model,
            folder: outline.cwd,
            prompt: outline.prompt,
            agents: outline.agents,
            turns: outline.turns,
        }
    }
}

impl ListedRollout {
    pub(crate) fn new(book: Book, outline: Option<Outline>) -> Self {
        Self {
            name: book.name,
            rollout_id: book.rollout_id.map(|id| id.to_string()),
            started_at_unix_ms: book.started_at_unix_ms,
            is_archive: book.is_archive,
            about: outline.map(AboutRollout::from),
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
        about: None,
    }
}
