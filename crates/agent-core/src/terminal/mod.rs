//! Commands on pseudo-terminals, in sessions that outlive the call that started them.
//!
//! [`Terminals`] owns the sessions. Each session has a [`Process`](process::Process) and a
//! [`Supervisor`](supervisor::Supervisor), a task that moves bytes and notices the end of the process. Calls only queue
//! input, wait, and take output. No threads are used.

mod background;
mod decoder;
mod error;
mod event;
mod head_tail;
mod input;
mod output;
mod process;
mod request;
mod session;
mod settings;
mod supervisor;
mod terminals;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble_tests;

pub use background::{BackgroundProcess, BackgroundState};
pub use error::TerminalError;
pub use event::{CommandBegan, CommandEnded, EndReason, TerminalEvent};
pub use output::ExecOutput;
pub use request::{ExecRequest, WriteStdinRequest};
pub use settings::TerminalSettings;
pub use terminals::Terminals;

pub(crate) use head_tail::HeadTail;
