//! An agent core: the loop around a model, and the tools with which the model does real work.

#![forbid(unsafe_code)]

mod mcp;
mod patch;
mod terminal;

pub use mcp::{McpError, McpServer, McpServerConfig, McpTool, McpToolResult};
pub use patch::{ChangeKind, Patch, PatchError, PatchSummary, PreparedChange, PreparedPatch};
pub use terminal::{
    CommandBegan, CommandEnded, EndReason, ExecOutput, ExecRequest, TerminalError, TerminalEvent, TerminalSettings,
    Terminals, WriteStdinRequest,
};
