//! The declarations of the tables, one per file.

mod blame;
mod code_cells;
mod compactions;
mod diagnostics;
mod edges;
mod findings;
mod inference_calls;
mod item_runs;
mod items;
mod markers;
mod payloads;
mod rollouts;
mod terminal_operations;
mod threads;
mod time;
mod tool_calls;
mod turns;
mod unseen;

pub(crate) use blame::Blame;
pub(crate) use code_cells::CodeCells;
pub(crate) use compactions::Compactions;
pub(crate) use diagnostics::Diagnostics;
pub(crate) use edges::Edges;
pub(crate) use findings::Findings;
pub(crate) use inference_calls::InferenceCalls;
pub(crate) use item_runs::ItemRuns;
pub(crate) use items::Items;
pub(crate) use markers::Markers;
pub(crate) use payloads::Payloads;
pub(crate) use rollouts::Rollouts;
pub(crate) use terminal_operations::TerminalOperations;
pub(crate) use threads::Threads;
pub(crate) use time::Time;
pub(crate) use tool_calls::ToolCalls;
pub(crate) use turns::Turns;
pub(crate) use unseen::Unseen;
