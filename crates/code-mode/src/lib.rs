//! JavaScript cells written by models, each in an engine and on a thread of its own.
//!
//! A script lets a model call ten tools in one turn, in a loop or concurrently, and show itself only the relevant parts
//! of their answers. [`CodeModeSession`] runs such scripts: [`execute`](CodeModeSession::execute) starts a cell, which
//! is one run of a script, and [`wait`](CodeModeSession::wait) waits again for a running cell or terminates it. Tool
//! calls and notifications arrive as [`CellMessage`]s; [`answer`](CodeModeSession::answer) answers a call.
//! [`parse_exec_source`] reads the settings that a model may write on the first line of a script.
//! `examples/run_cell.rs` shows all of this in fifty lines.
//!
//! The crate does not depend on any model, on threads of a conversation, or on tracing.
//!
//! # What a cell can do
//!
//! A cell is an ECMAScript module with top-level `await`, in a realm of its own. In addition to the language's built-in
//! functions it has:
//!
//! | global | what it does |
//! |---|---|
//! | `tools.<name>(argument)` | calls a tool and returns a promise of its answer. Many calls may be in flight at once. A failed call rejects with an `Error` that has the tool's message and the place of the call; a call that exceeds a limit below rejects as well. Without an argument, the tool receives an empty object. |
//! | `ALL_TOOLS` | lists the tools, each as `{ name, description }` |
//! | `text(value)` | shows a value: a string unchanged, an error with its stack, an object as JSON |
//! | `image(url)`, `image({ image_url, detail })` | shows an image, a `data:` or `http(s):` URL |
//! | `notify(value)` | sends a message to the model while the script runs |
//! | `store(key, value)`, `load(key)` | keep JSON values for later cells of the session. A cell sees the values that were there when it began and those that it stores itself |
//! | `yield_control()` | returns the output so far to the model; the script keeps running |
//! | `exit()` | ends the cell successfully, wherever it is called; no `catch` or `finally` block runs |
//! | `setTimeout(callback, ms, ...arguments)`, `clearTimeout(id)` | set and clear timers, as in browsers |
//! | `queueMicrotask(callback)` | queues a microtask, as in browsers |
//! | `eval(code)` | evaluates code that sees only globals, wherever it is called |
//!
//! There is no file system, no network, no console, and no module to import, statically or dynamically. `console`,
//! `process`, `require`, `fetch` and similar names exist only to throw an error that says what to use instead.
//!
//! Values enter and leave a cell as JSON, converted by `JSON.stringify`. An argument or stored value that is
//! `undefined`, a function or a symbol is an error, as is one that contains a `BigInt` or a cycle; inside an object,
//! functions and `undefined` are omitted, as usual in JSON. A lone surrogate becomes U+FFFD.
//!
//! # When a cell ends
//!
//! * Its module has run to the end, no microtask is left, and no tool call is in flight. A call that the script does
//!   not await keeps the cell alive; a pending timer alone does not.
//! * It throws: the cell ends at once, even with calls in flight. The result has the error's name, message, stack and
//!   causes; line numbers match the model's text, including the pragma line. Earlier output and stored values are kept.
//! * A promise was rejected and not handled by the end of the script: the cell fails with that error, which would
//!   otherwise be lost.
//! * It awaits a promise that can no longer be settled (no call in flight, no timer): the cell fails with an error that
//!   says so. Otherwise it would wait forever, and the model with it.
//! * It is terminated, or its session is dropped or shut down. The values that it stored are lost.
//!
//! A cell that is still running *yields* after its yield time, 10 seconds by default: the response has the output since
//! the last response, and `wait` returns the rest later. No output is returned twice.
//!
//! # Limits
//!
//! [`CellLimits`] sets the limits; these are the defaults.
//!
//! | resource | limit | when it is exceeded |
//! |---|---|---|
//! | memory of the engine | 64 MiB | `InternalError: out of memory`, which the script can catch |
//! | one text, array or buffer | 16 MiB; an array takes 16 bytes per element, and half as much again while it grows | the same |
//! | stack of the engine | 4 MiB, about 6000 nested calls | `RangeError: Maximum call stack size exceeded`, which the script can catch |
//! | source | 1 MiB | the cell does not start |
//! | arguments of the tool calls in flight | 8 MiB as JSON, 127 levels deep | `RangeError` |
//! | output not returned yet | 8 MiB | `RangeError` |
//! | stored values of one cell | 8 MiB as JSON, 127 levels deep | `RangeError` |
//! | notifications of one cell | 1 MiB | `RangeError` |
//! | tool calls in flight, pending timers | 256, 1000 | `RangeError` |
//! | running cells of a session | 32 | [`ExecuteError::TooManyCells`] |
//! | text of one response | 10,000 tokens of 4 bytes | head and tail are kept, with a note between them that says how much was removed |
//! | arrays given to `sort`, `join`, `reverse` and similar functions | 2²⁴ elements | `RangeError`; only sparse arrays are that long |
//!
//! The run time of a cell is unlimited: the caller decides how long to wait and when to terminate it.
//!
//! # Termination, and operations that cannot be interrupted
//!
//! The engine calls an interrupt handler once in ten thousand steps of a script, and equally often within regular
//! expressions, so that loops of any kind, promise chains and backtracking stop within a few milliseconds. A cell that
//! is waiting stops at once. An interrupt is not an error that the script could catch. Until the interrupt, a
//! terminated script may take some more steps, but has no effect outside its cell.
//!
//! Single steps may be slow, however. Three rules keep ten thousand of them short:
//!
//! * A terminated script is refused large blocks of memory. Operators and syntax that need such blocks fail at once:
//!   spreading, arithmetic with large `BigInt`s, building texts. A script that catches the errors only reaches the
//!   interrupt sooner.
//! * A call of a built-in function is one step. Functions whose time grows with their input (sorting, splitting,
//!   joining, replacing, JSON, copying, `eval`) check for termination before they begin, and long searches in texts
//!   also check on the way. At most the rest of one call remains.
//! * No text, array or buffer is longer than the limits allow.
//!
//! The remaining slow operations need little memory and are not calls: comparing long texts, converting one to a
//! number, looking up a missing property in a long chain of prototypes. A script that does nothing else runs on for as
//! long as ten thousand such steps take. `examples/stop_times.rs` measures all of them. The times are from one core of
//! a small and busy cloud machine, with each operation in a loop that catches every error:
//!
//! | operation | thread gone after |
//! |---|---|
//! | empty loop, `try` in a loop, backtracking, microtasks, async iteration, ropes, template literals | 3 to 10 ms |
//! | destructuring 500,000 elements, new `Map`s, `Function` and `eval` of 400 kB, adding and multiplying `BigInt`s of a million bits | 10 to 300 ms |
//! | `toSorted` of 200,000 strings, `JSON.parse` and `JSON.stringify` of 200,000 objects | 100 to 200 ms |
//! | `replaceAll` in 10 MB, `toSorted` of a typed array of 3,000,000 numbers | 0.5 s |
//! | spreading 500,000 elements, 60,000 arguments, a `BigInt` of a million bits as text | 2 to 3 s |
//! | `for`-`in` and spreading with 50,000 properties, a `Proxy` with 100,000 keys | 3 to 6 s |
//! | comparing texts of 10 MB | 4 to 8 s |
//! | comparing texts of a million characters beyond Latin-1 | 8 s |
//! | looking up texts of 1 MB in a `Map`, a number of 1 MB of blanks | 8 to 16 s |
//! | property through 20,000 prototypes, through 150,000 | 1 s, 45 s |
//! | `length` of an array with 200,000 other properties | 40 s |
//!
//! The times in the last five rows grow with the data, those for texts up to 16 times within the default limits. So
//! does the time of one call that compares many long texts, such as sorting them. A lower [`CellLimits::block_bytes`]
//! shortens the times for texts.
//!
//! The answer to `wait` does not depend on this: after [`TERMINATION_GRACE`] it is [`CellResponse::Terminated`] whether
//! or not the thread has ended. A thread that is still running has the lowest priority on Linux, counts as one of the
//! session's cells, and keeps its memory. It has no output and no tools, and ends by itself at its next interrupt.
//!
//! # Isolation
//!
//! A script may overwrite every global and every prototype, which affects only its own cell. A panic in this crate
//! while a cell runs becomes that cell's failed result. Dropping a session terminates its cells, and their threads end.

#![deny(unsafe_code)]

mod cell;
mod content;
mod crossing;
mod engine;
mod failure;
#[expect(unsafe_code, reason = "the engine manages its memory by raw pointers, so its allocator is an unsafe trait")]
mod heap;
mod host;
mod ids;
mod limits;
mod message;
mod pragma;
mod rejections;
mod request;
mod response;
mod session;
mod thread;
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
pub use tool::{ToolCallError, ToolSpec};
