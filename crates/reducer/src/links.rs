//! What joins conversations with the runtime.

use crate::{calls::Calls, cells::Cells};

/// The calls and the code cells that new items and new tool calls are joined with.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) calls: Calls,
    pub(crate) cells: Cells,
}
