//! How far something got.
//!
//! Source: bundle 1, section 5.1.

use crate::open_enum::open_enum;

open_enum! {
    /// The status of a rollout, thread, turn, call or operation.
    ///
    /// One set for all: the wire uses `aborted` for rollouts, threads and turns, `cancelled` for turns and calls.
    ExecutionStatus {
        /// Not ended, as far as the trace shows.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Ended because somebody asked for it.
        Cancelled = "cancelled",
        /// Ended because what it belongs to was torn down.
        Aborted = "aborted",
    }
}

open_enum! {
    /// The status that a code cell's runtime reports.
    CellStatus {
        /// Known to the runtime, not yet running.
        Starting = "starting",
        /// Running.
        Running = "running",
        /// Still running, but the model has an answer and goes on.
        Yielded = "yielded",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Stopped from outside.
        Terminated = "terminated",
    }
}
