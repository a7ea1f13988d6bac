//! What a cell may use.

use std::time::Duration;

/// The yield time of `exec` and `wait` where neither the caller nor a pragma names one.
pub const DEFAULT_YIELD_TIME: Duration = Duration::from_millis(10_000);

/// The output limit of `exec` and `wait`, in tokens, where neither the caller nor a pragma names one.
pub const DEFAULT_MAX_OUTPUT_TOKENS: usize = 10_000;

/// The bytes of text that count as one token.
pub const BYTES_PER_TOKEN: usize = 4;

/// What one cell, and one session, may use.
///
/// The defaults suit scripts that call tools and work on their answers. The crate's documentation says what happens at each limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellLimits {
    /// The engine's heap, in bytes; everything that a script makes lies in it. The engine itself takes half a megabyte.
    pub memory_bytes: usize,
    /// The largest piece of that heap, in bytes: the longest string, array or buffer. It bounds the time of what the engine does not
    /// interrupt.
    pub block_bytes: usize,
    /// The engine's stack, in bytes, from 64 KiB to 8 MiB: less or more counts as the one or the other.
    pub stack_bytes: usize,
    /// The script's text, in bytes.
    pub source_bytes: usize,
    /// The arguments of the tool calls in flight at one time, together, as JSON, in bytes.
    pub argument_bytes: usize,
    /// The output that waits to be handed out, in bytes.
    pub output_bytes: usize,
    /// All values that one cell stores, as JSON, in bytes.
    pub stored_bytes: usize,
    /// The tool calls in flight at one time.
    pub tool_calls_in_flight: usize,
    /// The notifications that one cell sends, together, in bytes.
    pub notification_bytes: usize,
    /// The timers pending at one time.
    pub timers: usize,
    /// The cells of a session that run at one time; and so many ends that nobody asks for are kept, the latest ones.
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
