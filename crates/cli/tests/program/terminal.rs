//! Runs the program on a terminal.

use std::{
    fs::File,
    io::Read,
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
    let mut child = command.stdin(Stdio::null()).stdout(other_end).spawn().unwrap();
    // The terminal's end comes when nobody has its other end open.
    drop(command);
    let mut received = Vec::new();
    let mut terminal = File::from(terminal);
    let mut buffer = [0; 4096];
    // Linux reports the end as an error.
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        received.extend(&buffer[..count]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(received).unwrap().replace("\r\n", "\n")
}
