//! Tests of what commands have trouble with: the limits of the system, and processes that outlive them.

use insta::assert_snapshot;

use super::{
    tests::{Bench, NO_PATIENCE, PATIENCE, exists, gone},
    *,
};

#[tokio::test]
async fn a_command_longer_than_an_argument() {
    let bench = Bench::new();
    let folder = bench.terminals.settings().cwd.clone();
    for lines in [6_000, 60_000] {
        let text = "line of a generated file\n".repeat(lines);
        let script = format!("cat > big.txt <<'EOF'\n{text}EOF\ntest -t 0 && echo on a terminal; exit 3");
        for options in ["-c", "-lc", "-ec"] {
            let mut request = bench.request(&script);
            request.command[1] = options.to_owned();
            request.command.extend(["name".to_owned(), "argument".to_owned()]);
            request.command[2] += " # $1";
            let output = bench.terminals.exec(request).await.unwrap();
            assert_eq!((output.exit_code, output.output.as_str()), (Some(3), "on a terminal\r\n"), "{options}");
            assert_eq!(std::fs::read_to_string(folder.join("big.txt")).unwrap(), text);
        }
    }
    let mut request = bench.request(&format!("echo $1 $#; : {}", "x".repeat(200_000)));
    request.command.extend(["name", "first", "second"].map(str::to_owned));
    assert_eq!(bench.terminals.exec(request).await.unwrap().output, "first 2\r\n");
    // The script is private, and is removed with its process.
    let output = bench.run(&format!("ls -l $0 | cut -c1-10; echo path=$0; : {}", "x".repeat(200_000))).await.output;
    let (mode, path) = output.trim_end().split_once("\r\npath=").unwrap();
    assert_eq!(mode, "-rw-------");
    assert!(!std::path::Path::new(path).exists(), "{path}");
}

#[tokio::test]
async fn errors_of_the_system_are_reported_as_what_they_are() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let folder = bench.terminals.settings().cwd.clone();
    let script = folder.join("no-interpreter");
    std::fs::write(&script, "#!/missing/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let long = |name: &str, length| (name.to_owned(), "x".repeat(length));
    let mut said = String::new();
    for (command, env) in [
        (vec!["./no-interpreter".to_owned()], Vec::new()),
        (vec!["no-such-program-anywhere".to_owned()], Vec::new()),
        (vec![".".to_owned()], Vec::new()),
        (vec!["echo".to_owned(), "x".repeat(200_000)], Vec::new()),
        (vec!["true".to_owned()], vec![long("LONG", 200_000)]),
        (vec!["true".to_owned()], (0..100).map(|number| long(&format!("LONG{number}"), 100_000)).collect()),
    ] {
        let request = ExecRequest { env, ..ExecRequest::new("call", command) };
        let error = bench.terminals.exec(request).await.unwrap_err();
        said.push_str(&format!("{error}\n"));
    }
    assert_snapshot!(said, @r"
    ./no-interpreter does not start: the interpreter that its first line names does not exist (No such file or directory (os error 2))
    no-such-program-anywhere does not start: it does not exist (No such file or directory (os error 2))
    . does not start: it is not executable (Permission denied (os error 13))
    echo does not start: its argument 1 has 200000 bytes, but the system takes 131071; write it to a file first
    true does not start: its arguments and environment are longer than the system takes (Argument list too long (os error 7)); write long data to files
    true does not start: its arguments and environment are longer than the system takes (Argument list too long (os error 7)); write long data to files
    ");
}

#[tokio::test]
async fn a_line_longer_than_a_terminal_holds_arrives_whole() {
    let bench = Bench::new();
    let folder = bench.terminals.settings().cwd.clone();
    for length in [4_000, 4_095, 4_096, 5_000, 8_001, 100_000] {
        let line = "0123456789".repeat(length / 10 + 1)[..length].to_owned();
        for reader in ["cat > got", "read -r x; printf '%s\\n' \"$x\" > got", "head -n 1 > got"] {
            let (session, ..) = bench.start(&format!("stty -echo; echo ready; {reader}"), "ready").await;
            bench.write(session, &format!("{line}\n"), NO_PATIENCE).await.unwrap();
            if reader == "cat > got" {
                bench.write(session, "\u{4}", PATIENCE).await.unwrap();
            } else {
                bench.write(session, "", PATIENCE).await.unwrap();
            }
            let got = std::fs::read_to_string(folder.join("got")).unwrap();
            assert!(got == format!("{line}\n"), "{reader} got {} of {} bytes", got.len(), length + 1);
        }
    }
    // A line in pieces, each of which would fit.
    let (session, ..) = bench.start("stty -echo; echo ready; cat > got", "ready").await;
    for _ in 0..5 {
        bench.write(session, &"y".repeat(3_000), NO_PATIENCE).await.unwrap();
    }
    bench.write(session, "\n\u{4}", PATIENCE).await.unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("got")).unwrap(), "y".repeat(15_000) + "\n");
}

fn states(output: &ExecOutput) -> Vec<(&str, BackgroundState)> {
    output.background.iter().map(|process| (&*process.name, process.state)).collect()
}

/// Puts a number of seconds in a command for each `N`, and waits in it for a `sleep` of that many seconds for each
/// `UNTIL`.
#[cfg(target_os = "linux")]
fn sleeping(line: &str, seconds: u32) -> String {
    // The brackets keep the pattern from matching the command that looks for it.
    let (most, last) = (seconds / 10, seconds % 10);
    let until = format!("until grep -aqs '^sleep.{most}[{last}]' /proc/[0-9]*/cmdline; do sleep 0.01; done");
    line.replace("UNTIL", &until).replace('N', &seconds.to_string())
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn what_a_command_leaves_behind_is_reported() {
    // On a busy machine a process may take long to end.
    let bench = Bench::with(|settings| settings.hangup_grace = PATIENCE);
    for (line, left) in [
        ("sleep N & UNTIL; echo started", "sleep"),
        ("sleep N >/dev/null 2>&1 </dev/null & UNTIL; echo started", "sleep"),
        ("(sleep N &) ; UNTIL; echo started", "sleep"),
        // How its child ended may be known to the inner shell alone.
        ("(trap 'exit 0' TERM; sleep N) & UNTIL; echo started; exit 5", "sh"),
    ] {
        let output = bench.run(&sleeping(line, 1001)).await;
        assert_eq!(output.output, "started\r\n");
        assert!(states(&output).contains(&(left, BackgroundState::HungUp)), "{line}: {output:?}");
        for process in &output.background {
            gone(process.process_id).await;
        }
    }
    for line in ["true & wait; echo started", "sleep 0.01 & wait; echo started", "echo started | cat"] {
        assert_eq!(bench.run(line).await.background, [], "{line}");
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn what_outlives_its_command_does_not_outlive_the_terminals() {
    let lines = [
        "nohup sleep N >/dev/null 2>&1 & UNTIL",
        "trap '' HUP; sleep N >/dev/null 2>&1 & UNTIL",
        "setsid sleep N >/dev/null 2>&1 </dev/null & UNTIL",
        "setsid sh -c 'sleep N & exec sleep 1003' >/dev/null 2>&1 </dev/null & UNTIL",
    ];
    for shuts_down in [true, false] {
        let bench = Bench::new();
        let mut left = Vec::new();
        for (line, seconds) in lines.iter().zip(1010..) {
            let output = bench.run(&sleeping(line, seconds)).await;
            assert!(states(&output).contains(&("sleep", BackgroundState::Running)), "{line}: {output:?}");
            left.extend(output.background.iter().map(|process| process.process_id));
        }
        assert!(left.iter().all(|pid| exists(*pid)));
        if shuts_down {
            bench.terminals.shutdown().await;
        } else {
            drop(bench);
        }
        for pid in left {
            gone(pid).await;
        }
    }
    // A process that has left the session of a command that is killed.
    let bench = Bench::new();
    let line = "setsid sh -c 'echo child=$$; exec sleep 1004' & sleep 1005";
    let (_, _, text) = bench.start(line, "child=").await;
    let child = text.split("child=").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    bench.terminals.shutdown().await;
    gone(child).await;
}
