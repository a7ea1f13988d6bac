//! JavaScript cells written by models, each in an engine and on a thread of its own.
//!
//! A model that may write a script calls ten tools in one turn, in a loop or side by side, and shows itself only what matters of
//! their answers. [`CodeModeSession`] runs such scripts: [`execute`](CodeModeSession::execute) starts a cell,
//! [`wait`](CodeModeSession::wait) comes back to one that is still at work or stops it, and what the scripts ask of the world
//! arrives as [`CellMessage`]s, answered by [`answer`](CodeModeSession::answer). [`parse_exec_source`] reads what a model may say
//! on the first line about how its script is run. `examples/run_cell.rs` is all of it in fifty lines.
//!
//! The crate knows no model, no thread of a conversation and no trace.
//!
//! # What a cell can do
//!
//! A cell is an ECMAScript module with top-level `await`, in a realm that no other cell shares. Beside what is built into the
//! language it finds:
//!
//! | global | what it does |
//! |---|---|
//! | `tools.<name>(argument)` | calls a tool; gives a promise of its answer. Any number of calls may be in flight. A failed call rejects with an `Error` that has the tool's message and the place of the call; so does one that cannot be made, with what the limits below say. No argument is an empty object. |
//! | `ALL_TOOLS` | the tools, `{ name, description }` each |
//! | `text(value)` | shows a value: strings as they are, errors with their stack, objects as JSON |
//! | `image(url)`, `image({ image_url, detail })` | shows an image, a `data:` or `http(s):` URL |
//! | `notify(value)` | tells the model something while the script runs |
//! | `store(key, value)`, `load(key)` | keeps JSON values for later cells of the session. A cell sees what was there when it began and what it stores itself |
//! | `yield_control()` | hands out the output so far; the script runs on |
//! | `exit()` | ends the cell, well, wherever it is called; no `catch` and no `finally` sees it |
//! | `setTimeout(callback, ms, ...arguments)`, `clearTimeout(id)` | timers, as in browsers |
//! | `queueMicrotask(callback)` | as in browsers |
//! | `eval(code)` | sees globals only, wherever it is called |
//!
//! There is no file system, no network, no console and no module to import, statically or dynamically. `console`, `process`,
//! `require`, `fetch` and others like them are there only to say in their error what to use instead.
//!
//! What crosses the border is JSON, as `JSON.stringify` makes it. `undefined`, functions, symbols, `BigInt` and cycles as a whole
//! argument or stored value are errors; inside of an object, functions and `undefined` vanish as they do in JSON. Single halves of
//! surrogate pairs become U+FFFD.
//!
//! # When a cell ends
//!
//! * Its module has run to its end, no microtask is left and no tool call is in flight: a call that nobody awaits is waited for.
//!   A pending timer alone keeps no cell alive.
//! * It throws: at once, with its calls still in flight. The result has the error's name, message, stack and causes; lines are
//!   those of the model's text, its pragma line counted. What was shown and stored before counts.
//! * A promise was rejected and nobody handled it by the end: an error that would otherwise be lost.
//! * It waits for a promise that nothing can settle any more (no call in flight, no timer): an error that says so. It would wait
//!   for ever, and the model would wait with it.
//! * It is terminated, or its session is dropped or shut down. What it stored is lost.
//!
//! A cell that is still at work *yields* after its yield time, 10 seconds by default: the response has the output since the last
//! one, and `wait` asks for more. Nothing is handed out twice.
//!
//! # Limits
//!
//! [`CellLimits`] sets them; these are the defaults.
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | memory of the engine | 64 MiB | `InternalError: out of memory`, which a script may catch |
//! | one text, array or buffer in it | 16 MiB; an array takes 16 bytes for an element, and half as much again while it grows | the same |
//! | stack of the engine | 4 MiB, some 6000 calls | `RangeError: Maximum call stack size exceeded`, the same |
//! | source | 1 MiB | the cell does not start |
//! | arguments of the tool calls in flight | 8 MiB as JSON, 127 levels deep | `RangeError` |
//! | output that waits to be handed out | 8 MiB | `RangeError` |
//! | values that one cell stores | 8 MiB as JSON, 127 levels deep | `RangeError` |
//! | notifications of one cell | 1 MiB | `RangeError` |
//! | tool calls in flight, pending timers | 256, 1000 | `RangeError` |
//! | cells of a session at one time | 32 | [`ExecuteError::TooManyCells`] |
//! | text of one response | 10,000 tokens of 4 bytes | head and tail are kept, a note between them says how much was cut |
//! | arrays given to `sort`, `join`, `reverse` and their like | 2²⁴ elements | `RangeError`; only sparse ones are so long |
//!
//! How long a cell runs has no limit: who started it waits, or terminates it.
//!
//! # Termination, and what cannot be interrupted
//!
//! The engine asks whether to go on once in ten thousand steps of a script, and within regular expressions as often, so that loops of
//! any kind, promise chains and backtracking end within a few milliseconds; a cell that waits ends at once. What answers the question
//! is no error that a script could catch. Until then a terminated script may still take some steps, but reaches nothing outside.
//!
//! Steps may be slow, however, and three things keep ten thousand of them short:
//!
//! * A terminated script gets no large blocks of memory any more. Operators and syntax that need some fail at once: spreading,
//!   arithmetic with large `BigInt`s, making texts. Should the script catch the errors, it comes to the question the sooner.
//! * A call of a built-in function is one step. Those whose time grows with their input (sorting, splitting, joining, replacing,
//!   JSON, copying, `eval`) ask before they begin, and long searches in texts ask on the way; what remains is the rest of one call.
//! * No text, array or buffer is longer than the limits allow.
//!
//! What remains needs little memory and is no call: comparing long texts, making a number of one, looking up what a long chain of
//! prototypes does not have. A script that does this and nothing else goes on for as long as ten thousand of it take.
//! `examples/stop_times.rs` measures all of it; on one core of a small and busy cloud machine, in a loop around each that catches
//! every error:
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
//! The last five rows grow with the data, those of texts up to 16 times within the default limits; so does one call that compares long
//! texts in great numbers, such as sorting them. A lower [`CellLimits::block_bytes`] shortens what concerns texts.
//!
//! The answer to `wait` does not depend on this: after [`TERMINATION_GRACE`] it is [`CellResponse::Terminated`] whether the thread is
//! gone or not. A thread that is still at it has the lowest priority on Linux, counts as one of the session's cells, holds its memory, and
//! can do nothing: it has no output, no tools, and ends by itself at its next question.
//!
//! # What a script cannot break
//!
//! A script may overwrite every global and every prototype; it breaks its own cell at most. A panic in this crate while a cell runs
//! is that cell's failed result. A session that is dropped terminates its cells, and their threads end.

#![deny(unsafe_code)]

mod cell;
mod content;
mod crossing;
mod engine;
mod failure;
#[expect(unsafe_code, reason = "the engine takes its memory by raw pointers: an allocator is an unsafe trait")]
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
pub use tool::ToolSpec;
