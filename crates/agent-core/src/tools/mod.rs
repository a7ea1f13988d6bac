//! The tools of the model.

mod agents;
mod call;
mod cells;
mod coerce;
mod commands;
mod describe;
mod dispatch;
mod mcp;
mod patch;

pub(crate) use call::{Call, Outcome, ToolError};
pub(crate) use cells::{Cells, serve_cells};
pub(crate) use commands::Commands;
pub(crate) use describe::described;
pub(crate) use dispatch::Dispatch;
