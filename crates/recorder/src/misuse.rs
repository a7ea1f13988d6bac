//! Calls that an agent core should not make.

use thiserror::Error;

/// How an agent core misused the recorder. What it passed is recorded all the same.
#[derive(Clone, Debug, Error)]
pub(crate) enum Misuse {
    /// `record_started_unchanged` was told a wrong number of items. Only debug builds notice.
    #[error(
        "items of a request were declared unchanged, but they are not those of the thread's last request; \
         a release build would have recorded the old ones"
    )]
    UnchangedItemsChanged,
}

impl Misuse {
    /// Returns the name by which the trace calls this kind of misuse.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnchangedItemsChanged => "unchanged_items_changed",
        }
    }
}
