//! Shapes of bundles and session files that make a careless reader take more than twice as long when they are twice as large.
//!
//! They are made of a few ids or items that occur again and again, or of many that are alike.

mod agents;
mod calls;
mod conversations;
mod script;
mod sessions;

use std::{fs, path::Path};

use script::Script;
use serde_json::Value;

/// A kind of bundle that can have any size.
pub struct HostileShape {
    /// The name.
    pub name: &'static str,
    /// The smaller of the two sizes that are compared, in repetitions of what makes the shape.
    pub size: usize,
    /// The programs whose cost is compared: `questions`, which reduces it and asks everything, and commands.
    pub programs: &'static [&'static str],
    build: Build,
}

/// How a shape is made.
enum Build {
    /// By events of a bundle.
    Bundle(fn(&mut Script, usize)),
    /// By the lines of a session file of another program.
    Session(fn(usize) -> Vec<Value>),
}

impl HostileShape {
    /// Writes a bundle, or a session file, of this size into an empty folder. Its size in bytes grows in proportion.
    ///
    /// # Panics
    ///
    /// Panics if the folder cannot be written to.
    pub fn write(&self, size: usize, folder: &Path) {
        match self.build {
            Build::Bundle(build) => {
                let mut script = Script::begin(folder);
                build(&mut script, size);
                script.end();
            }
            Build::Session(build) => {
                let lines: String = build(size).into_iter().map(|line| format!("{line}\n")).collect();
                fs::write(folder.join("session.jsonl"), lines).expect("the folder can be written to");
            }
        }
    }
}

const fn shape(name: &'static str, size: usize, build: fn(&mut Script, usize)) -> HostileShape {
    HostileShape { name, size, programs: &["check"], build: Build::Bundle(build) }
}

/// A session file, whose import is part of what is counted.
const fn session(name: &'static str, size: usize, build: fn(usize) -> Vec<Value>) -> HostileShape {
    HostileShape { name, size, programs: &["check"], build: Build::Session(build) }
}

const fn drawn(name: &'static str, size: usize, build: fn(&mut Script, usize)) -> HostileShape {
    HostileShape { programs: &["check", "show"], ..shape(name, size, build) }
}

const fn asked(name: &'static str, size: usize, build: fn(&mut Script, usize)) -> HostileShape {
    HostileShape { programs: &["questions"], ..shape(name, size, build) }
}

const fn checked_and_asked(name: &'static str, size: usize, build: fn(&mut Script, usize)) -> HostileShape {
    HostileShape { programs: &["check", "questions"], ..shape(name, size, build) }
}

const fn asked_and_drawn(name: &'static str, size: usize, build: fn(&mut Script, usize)) -> HostileShape {
    HostileShape { programs: &["questions", "show"], ..shape(name, size, build) }
}

/// All hostile shapes.
pub const HOSTILE: [HostileShape; 46] = [
    asked("call-id-renumbered", 500, calls::renumbered),
    asked_and_drawn("call-id-renumbered-tools", 500, calls::renumbered_tools),
    asked_and_drawn("call-id-in-one-request", 1000, calls::in_one_request),
    asked("call-id-in-one-response", 1000, calls::in_one_response),
    asked("calls-not-shown-again", 500, calls::not_shown_again),
    asked_and_drawn("calls-of-a-chain", 500, calls::continued_with_tools),
    asked("tool-id-of-two-threads", 500, calls::id_of_two_threads),
    asked_and_drawn("terminals-of-one-process", 500, calls::one_process),
    asked_and_drawn("reports-of-one-call", 2000, calls::reports_of_one_call),
    asked("payloads-named-again", 500, calls::payloads_named_again),
    asked("payload-id-twice", 2000, calls::payload_id_twice),
    asked("cells-of-one-id", 500, calls::cells_of_one_id),
    asked_and_drawn("cells", 500, calls::many_cells),
    asked("cells-that-wait", 1000, calls::cells_that_wait),
    asked_and_drawn("tools-of-one-cell", 1000, calls::tools_of_one_cell),
    asked("equal-items-shifted", 1000, conversations::equal_items_shifted),
    asked_and_drawn("items-reversed", 1000, conversations::reversed),
    asked_and_drawn("chain", 1000, conversations::chain),
    shape("two-branches", 1000, conversations::two_branches),
    shape("sixteen-branches", 1000, conversations::sixteen_branches),
    checked_and_asked("branches-of-one-response", 1000, conversations::branches_of_one_response),
    checked_and_asked("branches-backwards", 1000, conversations::backwards),
    shape("branches-end-and-beginning", 1000, conversations::end_and_beginning),
    shape("one-item-in-all-responses", 500, conversations::one_item_in_all_responses),
    shape("one-id-of-all-items", 500, conversations::one_id_of_all_items),
    shape("items-named-beside-repeats", 1000, conversations::named_beside_repeats),
    shape("reasoning-filled-in", 1000, conversations::reasoning_filled_in),
    drawn("answers-in-reverse", 500, conversations::answered_in_reverse),
    drawn("compactions", 500, conversations::compactions),
    shape("compactions-in-a-row", 500, conversations::compactions_in_a_row),
    drawn("threads-of-one-path", 500, agents::threads_of_one_path),
    drawn("threads", 500, agents::many_threads),
    drawn("turns", 500, agents::many_turns),
    shape("equal-results", 500, agents::equal_results),
    drawn("equal-results-of-many", 500, agents::equal_results_of_many),
    shape("results-of-one-edge", 500, agents::results_of_one_edge),
    shape("equal-messages", 500, agents::equal_messages),
    drawn("messages", 500, agents::many_messages),
    shape("accepted-then-shown", 500, agents::accepted_then_shown),
    shape("diagnostics", 2000, agents::diagnostics),
    shape("equal-diagnostics", 2000, agents::equal_diagnostics),
    shape("unknown-events", 2000, agents::unknown_events),
    session("session-codex", 1000, sessions::codex),
    session("session-claude-code", 1000, sessions::claude_code),
    session("session-pi", 1000, sessions::pi),
    session("session-gemini", 1000, sessions::gemini),
];
