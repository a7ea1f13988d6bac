//! The program in which long output is read.

use std::{
    env,
    io::{self, BufWriter, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

/// The pager that is used if none is named.
const DEFAULT: &str = "less";

/// A running pager.
#[derive(Debug)]
pub(crate) struct Pager {
    program: Child,
    input: BufWriter<ChildStdin>,
}

impl Pager {
    /// Starts the pager that ROLLOUT_TRACE_PAGER or PAGER names, or else `less`, which then ends at once if the output
    /// fits on the screen. Returns `None` if none is wanted, or if it cannot be started.
    pub(crate) fn start() -> Option<Self> {
        let named = ["ROLLOUT_TRACE_PAGER", "PAGER"].into_iter().find_map(env::var_os);
        let words = named.unwrap_or_else(|| DEFAULT.into());
        let words = words.to_string_lossy();
        if matches!(words.trim(), "" | "cat") {
            return None;
        }
        let mut command = command(&words);
        for (name, options) in [("LESS", "FRX"), ("LV", "-c")] {
            if env::var_os(name).is_none() {
                command.env(name, options);
            }
        }
        let mut program = command.stdin(Stdio::piped()).spawn().ok()?;
        let input = program.stdin.take().map(BufWriter::new)?;
        leave_interrupts_to_it();
        Some(Self { program, input })
    }

    /// Returns what the pager reads.
    pub(crate) fn input(&mut self) -> &mut impl Write {
        &mut self.input
    }

    /// Says that nothing more comes, and waits until the pager is closed.
    pub(crate) fn close(mut self) {
        // If the pager is closed already, nobody reads the rest.
        let _: io::Result<()> = self.input.flush();
        drop(self.input);
        let _: io::Result<_> = self.program.wait();
    }
}

/// Returns the command that runs a pager. Only words that need a shell are given to one, because a program that is not
/// there is then noticed.
fn command(words: &str) -> Command {
    let needs_shell = |c: char| !c.is_alphanumeric() && !" -_./+=,:%@\\".contains(c);
    if cfg!(unix) && words.contains(needs_shell) {
        let mut shell = Command::new("sh");
        shell.args(["-c", words]);
        return shell;
    }
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(DEFAULT));
    command.args(words);
    command
}

/// Sees to it that SIGINT does not end this program, since it would leave the terminal to a pager that has no reader. The
/// pager itself decides what the key does.
#[cfg(unix)]
fn leave_interrupts_to_it() {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::{consts::SIGINT, flag};

    // Without a handler, the signal ends the program as usual.
    let _: Result<_, _> = flag::register(SIGINT, Arc::new(AtomicBool::new(false)));
}

#[cfg(not(unix))]
fn leave_interrupts_to_it() {}
