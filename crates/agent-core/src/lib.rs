//! An agent core: the loop around a model and the tools that do the model's work, traced at every boundary.
//!
//! [`AgentThread`] is the handle of a rollout: it takes requests ([`Op`]) and returns [`Event`]s. The core calls the
//! model over the Responses API. The model's tool calls run commands on pseudo-terminals, patch files, call MCP
//! servers, run JavaScript and spawn further agents. Every boundary that is crossed is recorded by
//! `rollout-trace-recorder` at that place. `docs/agent.md` lists the recorder's calls by file, as an example for other
//! agent cores.

#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("rollout-trace-agent-core is for Unix only: it needs process groups, signals and pseudo-terminals");

mod agent_thread;
mod bad_setting;
mod compaction;
mod config;
mod config_file;
mod error_text;
mod event;
mod fault;
mod guard;
mod history;
mod item;
mod lenient;
mod lock;
mod mail;
mod mcp;
mod model;
mod op;
mod patch;
mod pause;
mod rollout;
mod sampling;
mod session;
mod settings;
mod status;
mod terminal;
mod thread;
mod tools;
mod turn;

pub use agent_thread::{AgentThread, NoTurnRunning, StartThreadError, ThreadEnded};
pub use bad_setting::BadSetting;
pub use config::{
    AgentConfig, AgentLimits, AgentMessages, CommandLimits, CompactionBy, CompactionConfig, HistoryMode, Provider,
    RetryPolicy, TraceTarget,
};
pub use config_file::{ConfigError, ConfigFile, McpServerEntry};
pub use event::{AbortReason, Event, EventMessage, TurnTimings};
pub use item::Item;
pub use mcp::{McpError, McpServer, McpServerConfig, McpTool, McpToolResult};
pub use op::{Op, TurnOverrides, UserInput};
pub use patch::{ChangeKind, Patch, PatchError, PatchSummary, PreparedChange, PreparedPatch};
pub use pause::PauseGuard;
pub use rollout_trace_recorder::{RecordingOutcome, TokenUsage, TraceOptions};
pub use settings::{Effort, OverrideError, TurnSettings};
pub use status::{AgentStatus, ConfigSnapshot, TokenUsageInfo};
pub use terminal::{
    BackgroundProcess, BackgroundState, CommandBegan, CommandEnded, EndReason, ExecOutput, ExecRequest, TerminalError,
    TerminalEvent, TerminalSettings, Terminals, WriteStdinRequest,
};
