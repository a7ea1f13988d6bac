//! JavaScript cells written by models, each in an engine and on a thread of its own.

#![forbid(unsafe_code)]

mod cell;
mod content;
mod crossing;
mod engine;
mod failure;
mod host;
mod ids;
mod limits;
mod message;
mod pragma;
mod rejections;
mod request;
mod response;
mod session;
mod timers;
mod tool;
mod truncation;

pub use content::{ContentItem, ImageDetail};
pub use ids::{CellId, RuntimeToolCallId};
pub use limits::{BYTES_PER_TOKEN, CellLimits, DEFAULT_MAX_OUTPUT_TOKENS, DEFAULT_YIELD_TIME};
pub use message::CellMessage;
pub use pragma::{ExecSource, PragmaError, parse_exec_source};
pub use request::{ExecuteError, ExecuteRequest, WaitRequest};
pub use response::{CellResponse, WaitOutcome};
pub use session::{CodeModeSession, SHUTDOWN_GRACE, TERMINATION_GRACE};
pub use tool::ToolSpec;
