//! The status of what an event reports.
//!
//! Source: bundle 1, section 5.1.

use crate::open_enum::open_enum;

open_enum! {
    /// The status of a rollout, thread, turn, call or operation.
    ///
    /// All of these share one set: the wire uses `aborted` for rollouts, threads and turns, `cancelled` for turns and
    /// calls.
    ExecutionStatus {
        /// Not ended, as far as the trace shows.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Ended on request.
        Cancelled = "cancelled",
        /// Ended because the object that it belongs to was torn down.
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
        /// Still running, while the model has an answer and continues.
        Yielded = "yielded",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Stopped from outside.
        Terminated = "terminated",
    }
}
