//! The resources that a cell may use.

use std::time::Duration;

/// The yield time of `exec` and `wait` if neither the caller nor a pragma sets one.
pub const DEFAULT_YIELD_TIME: Duration = Duration::from_millis(10_000);

/// The output limit of `exec` and `wait`, in tokens, if neither the caller nor a pragma sets one.
pub const DEFAULT_MAX_OUTPUT_TOKENS: usize = 10_000;

/// The bytes of text that count as one token.
pub const BYTES_PER_TOKEN: usize = 4;

/// The limits of one cell and of one session.
///
/// The defaults suit scripts that call tools and process their answers. The crate documentation says what happens at
/// each limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellLimits {
    /// The engine's heap, in bytes, which contains everything that a script creates. The engine itself takes half a
    /// megabyte.
    pub memory_bytes: usize,
    /// The largest block of that heap, in bytes, and so the longest string, array or buffer. It bounds the time of
    /// operations that the engine cannot interrupt.
    pub block_bytes: usize,
    /// The engine's stack, in bytes, clamped to the range from 64 KiB to 8 MiB.
    pub stack_bytes: usize,
    /// The script's text, in bytes.
    pub source_bytes: usize,
    /// The arguments of all tool calls in flight, as JSON, in bytes.
    pub argument_bytes: usize,
    /// The output that has not been returned yet, in bytes.
    pub output_bytes: usize,
    /// The values that one cell stores, as JSON, in bytes.
    pub stored_bytes: usize,
    /// The number of tool calls in flight.
    pub tool_calls_in_flight: usize,
    /// All notifications of one cell, in bytes.
    pub notification_bytes: usize,
    /// The number of pending timers.
    pub timers: usize,
    /// The number of cells that a session runs at one time. It keeps as many results that nobody has asked for, the
    /// latest ones.
    pub cells: usize,
}

impl Default for CellLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            block_bytes: 16 << 20,
            stack_bytes: 4 << 20,
            source_bytes: 1 << 20,
            argument_bytes: 8 << 20,
            output_bytes: 8 << 20,
            stored_bytes: 8 << 20,
            tool_calls_in_flight: 256,
            notification_bytes: 1 << 20,
            timers: 1_000,
            cells: 32,
        }
    }
}
