//! Runs the program on a terminal.

use std::{
    fs::File,
    io::Read,
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::support::program;

/// Runs the program in a folder with its stdout on a terminal of 70 columns, and returns what the terminal receives.
pub(crate) fn run_on_terminal(folder: &Path, arguments: &str, environment: &[(&str, &str)]) -> String {
    run(folder, arguments, environment, |command, terminal| _ = command.stdout(terminal))
}

/// The same with its stderr on the terminal.
pub(crate) fn run_with_progress(folder: &Path, arguments: &str) -> String {
    run(folder, arguments, &[("TERM", "xterm")], |command, terminal| _ = command.stdout(Stdio::null()).stderr(terminal))
}

fn run(
    folder: &Path,
    arguments: &str,
    environment: &[(&str, &str)],
    connect: impl FnOnce(&mut Command, OwnedFd),
) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 70, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let other_end = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut command: Command = program();
    for name in ["PAGER", "ROLLOUT_TRACE_PAGER", "LESS", "LV", "TERM"] {
        command.env_remove(name);
    }
    command.args(arguments.split_whitespace()).current_dir(folder).envs(environment.iter().copied());
    connect(command.stdin(Stdio::null()), other_end);
    let mut child = command.spawn().unwrap();
    // The terminal's end comes when nobody has its other end open.
    drop(command);
    let mut received = Vec::new();
    let mut terminal = File::from(terminal);
    let mut buffer = [0; 4096];
    // Linux reports the end as an error.
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        received.extend(&buffer[..count]);
    }
    // check exits with 1 if there is damage.
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 1)));
    String::from_utf8(received).unwrap().replace("\r\n", "\n")
}
