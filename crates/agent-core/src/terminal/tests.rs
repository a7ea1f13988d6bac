//! Tests with real commands on real terminals.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use insta::assert_snapshot;

use super::*;

/// Longer than any step takes, even on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
pub(super) const NO_PATIENCE: Duration = Duration::ZERO;

pub(super) struct Bench {
    pub(super) terminals: Terminals,
    events: Arc<Mutex<Vec<TerminalEvent>>>,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut TerminalSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = TerminalSettings::new(folder.path());
        settings.shell = "/bin/sh".into();
        settings.min_yield = Duration::ZERO;
        settings.min_poll = Duration::ZERO;
        settings.max_yield = PATIENCE;
        change(&mut settings);
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let terminals = Terminals::new(settings, move |event| heard.lock().unwrap().push(event));
        Self { terminals, events, _folder: folder }
    }

    pub(super) fn request(&self, line: &str) -> ExecRequest {
        let mut request = ExecRequest::new(format!("call `{line}`"), self.terminals.settings().shell_command(line));
        request.command[1] = "-c".to_owned();
        request.yield_time = Some(PATIENCE);
        request
    }

    /// Runs a line to its end.
    pub(super) async fn run(&self, line: &str) -> ExecOutput {
        self.terminals.exec(self.request(line)).await.unwrap()
    }

    /// Starts a command, and waits until it has written `until`. Returns its session, its process id and its output so
    /// far.
    pub(super) async fn start(&self, line: &str, until: &str) -> (i32, u32, String) {
        let request = ExecRequest { yield_time: Some(NO_PATIENCE), ..self.request(line) };
        let mut output = self.terminals.exec(request).await.unwrap();
        let mut text = output.output.clone();
        let session_id = output.session_id.expect("still running");
        while !text.contains(until) {
            output = self.look(session_id, Duration::from_millis(20)).await.unwrap();
            assert_eq!(output.session_id, Some(session_id), "ended with {text:?}{:?}", output.output);
            text.push_str(&output.output);
        }
        (session_id, output.process_id, text)
    }

    async fn look(&self, session_id: i32, yield_time: Duration) -> Result<ExecOutput, TerminalError> {
        self.write(session_id, "", yield_time).await
    }

    pub(super) async fn write(
        &self,
        session_id: i32,
        chars: &str,
        yield_time: Duration,
    ) -> Result<ExecOutput, TerminalError> {
        let request = WriteStdinRequest {
            session_id,
            chars: chars.to_owned(),
            yield_time: Some(yield_time),
            max_output_tokens: None,
        };
        self.terminals.write_stdin(request).await
    }

    /// Drops the call once it has written its input and before it takes any output.
    async fn write_and_drop(&self, session_id: i32, chars: &str) {
        tokio::select! {
            biased;
            output = self.write(session_id, chars, PATIENCE) => panic!("{output:?}"),
            () = std::future::ready(()) => {}
        }
    }

    /// Waits for a number of events, and draws all events.
    async fn events(&self, count: usize) -> String {
        loop {
            let events = self.events.lock().unwrap().clone();
            if events.len() >= count {
                return events.iter().map(drawn).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn drawn(event: &TerminalEvent) -> String {
    match event {
        TerminalEvent::Began(began) => format!("{} began as {}\n", began.call_id, began.session_id),
        TerminalEvent::Ended(ended) => format!(
            "{} ended as {}: {:?}, {}, {:?}\n",
            ended.call_id, ended.session_id, ended.reason, ended.exit_code, ended.output
        ),
    }
}

/// Returns whether a process exists, even as a zombie.
pub(super) fn exists(pid: u32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), None).is_ok()
}

pub(super) async fn gone(pid: u32) {
    while exists(pid) && !is_zombie_of_others(pid) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Returns whether a process is a zombie of another parent. In a container without an init, a killed grandchild is
/// never reaped.
fn is_zombie_of_others(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    fields.next() == Some("Z") && fields.next().is_some_and(|parent| parent != std::process::id().to_string())
}

/// Returns the number after `name=` in an output.
fn number(text: &str, name: &str) -> u32 {
    let rest = &text[text.find(&format!("{name}=")).expect("is there") + name.len() + 1..];
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_command_that_ends() {
    let bench = Bench::new();
    let output = bench.run("echo hello; echo wrong >&2; exit 3").await;
    assert_eq!(output.output, "hello\r\nwrong\r\n");
    assert_eq!((output.exit_code, output.session_id, output.timed_out), (Some(3), None, false));
    assert_eq!(output.original_token_count, 4);
    assert_eq!(output.chunk_id.len(), 6);
    assert_snapshot!(bench.events(2).await, @r#"
    call `echo hello; echo wrong >&2; exit 3` began as 1000
    call `echo hello; echo wrong >&2; exit 3` ended as 1000: Exited, 3, "hello\r\nwrong\r\n"
    "#);
}

#[tokio::test]
async fn a_signal_is_an_exit_code() {
    let output = Bench::new().run("kill -TERM $$").await;
    assert_eq!(output.exit_code, Some(128 + 15));
}

#[tokio::test]
async fn a_command_has_a_terminal_a_folder_and_an_environment() {
    let bench = Bench::with(|settings| {
        settings.env.push(("GREETING".to_owned(), "hi".to_owned()));
        settings.hidden_env.push("CARGO_MANIFEST_DIR".to_owned());
    });
    std::fs::create_dir(bench.terminals.settings().cwd.join("inner")).unwrap();
    let mut request = bench
        .request("test -t 0 && test -t 1 && test -t 2 && basename $PWD && echo $GREETING$MORE,$CARGO_MANIFEST_DIR");
    request.cwd = Some("inner".into());
    request.env.push(("MORE".to_owned(), " there".to_owned()));
    let output = bench.terminals.exec(request).await.unwrap();
    assert_eq!(output.output, "inner\r\nhi there,\r\n");
}

#[tokio::test]
async fn a_session_outlives_its_call() {
    let bench = Bench::new();
    let (session_id, process_id, text) =
        bench.start("echo ready; read name; echo hello $name; read more", "ready\r\n").await;
    assert_eq!((session_id, text.as_str()), (1000, "ready\r\n"));

    let mut output = bench.write(session_id, "wor", NO_PATIENCE).await.unwrap();
    let mut text = std::mem::take(&mut output.output);
    text += &bench.write(session_id, "ld\n", NO_PATIENCE).await.unwrap().output;
    while !text.contains("hello") {
        text += &bench.look(session_id, Duration::from_millis(20)).await.unwrap().output;
    }
    assert_eq!(text, "world\r\nhello world\r\n");
    assert_eq!((output.session_id, output.exit_code, output.process_id), (Some(session_id), None, process_id));

    let output = bench.write(session_id, "\u{4}", PATIENCE).await.unwrap();
    assert_eq!((output.session_id, output.exit_code, output.output.as_str()), (None, Some(1), ""));
    assert!(!exists(process_id));
    let error = bench.write(session_id, "x", PATIENCE).await.unwrap_err();
    assert_snapshot!(error, @"session 1000 has ended; start a new command instead");
}

#[tokio::test]
async fn an_interrupt_is_a_character() {
    let bench = Bench::new();
    // A shell that is about to start a child may miss the interrupt.
    let (session_id, ..) = bench.start("echo ready; exec sleep 1000", "ready").await;
    let output = bench.write(session_id, "\u{3}", PATIENCE).await.unwrap();
    assert_eq!(output.exit_code, Some(130));
    assert_snapshot!(bench.events(2).await, @r#"
    call `echo ready; exec sleep 1000` began as 1000
    call `echo ready; exec sleep 1000` ended as 1000: Exited, 130, "ready\r\n^C"
    "#);
}

#[tokio::test]
async fn an_end_between_calls_is_reported_once() {
    let bench = Bench::new();
    let (session_id, process_id, _) = bench.start("echo ready; read name; echo bye; exit 7", "ready").await;
    bench.write_and_drop(session_id, "x\n").await;
    assert_snapshot!(bench.events(2).await, @r#"
    call `echo ready; read name; echo bye; exit 7` began as 1000
    call `echo ready; read name; echo bye; exit 7` ended as 1000: Exited, 7, "ready\r\nx\r\nbye\r\n"
    "#);
    assert!(!exists(process_id), "reaped without a call");

    let output = bench.write(session_id, "too late", PATIENCE).await.unwrap();
    assert_eq!((output.exit_code, output.session_id), (Some(7), None));
    assert_eq!(output.output, "x\r\nbye\r\n");
    assert!(matches!(bench.look(session_id, PATIENCE).await, Err(TerminalError::SessionEnded { session_id: 1000 })));
}

#[tokio::test]
async fn errors_of_starting_a_command() {
    let bench = Bench::new();
    let folder = bench.terminals.settings().cwd.clone();
    std::fs::write(folder.join("plain"), "").unwrap();
    let mut said = String::new();
    for (cwd, command) in [
        (".", vec![]),
        (".", vec!["".to_owned()]),
        ("missing", vec!["true".to_owned()]),
        ("plain", vec!["true".to_owned()]),
        (".", vec!["./missing".to_owned()]),
        (".", vec!["./plain".to_owned()]),
        (".", vec!["echo".to_owned(), "nul\0".to_owned()]),
    ] {
        let request = ExecRequest { cwd: Some(cwd.into()), ..ExecRequest::new("call", command) };
        let error = bench.terminals.exec(request).await.unwrap_err();
        said.push_str(&format!("{error}\n").replace(folder.to_str().unwrap(), "FOLDER"));
    }
    said.push_str(&format!("{}\n", bench.look(7, NO_PATIENCE).await.unwrap_err()));
    assert_snapshot!(said, @r"
    the command is empty; name a program to run
    the command is empty; name a program to run
    FOLDER/missing is not an existing directory; name a directory to run the command in
    FOLDER/plain is not an existing directory; name a directory to run the command in
    ./missing does not start: it does not exist (No such file or directory (os error 2))
    ./plain does not start: it is not executable (Permission denied (os error 13))
    echo does not start: nul byte found in provided data
    session 7 does not exist; use the session id of a running command
    ");
    assert!(bench.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_time_limit_beyond_the_clock_has_no_effect() {
    let bench = Bench::with(|settings| settings.time_limit = Some(Duration::MAX));
    let output = bench.run("echo in time").await;
    assert_eq!((output.exit_code, output.timed_out, output.output.as_str()), (Some(0), false, "in time\r\n"));
}

#[tokio::test]
async fn a_time_limit_kills_everything() {
    let bench = Bench::new();
    let mut request = bench.request("sleep 1000 & echo child=$!; wait");
    request.time_limit = Some(Duration::from_millis(1500));
    let output = bench.terminals.exec(request).await.unwrap();
    assert_eq!((output.exit_code, output.timed_out, output.session_id), (Some(124), true, None));
    gone(number(&output.output, "child")).await;
    let Some(TerminalEvent::Ended(ended)) = bench.events.lock().unwrap().pop() else { panic!("no end") };
    assert_eq!((ended.reason, ended.exit_code), (EndReason::TimedOut, 124));
    assert!(ended.duration >= Duration::from_millis(1500));
}

#[tokio::test]
async fn killing_reaches_all_process_groups_of_the_session() {
    let bench = Bench::new();
    // With job control, each job is a process group of its own.
    let line = "trap '' HUP TERM INT; set -m; sleep 1000 & echo one=$!; (trap '' HUP; sleep 1000) & echo two=$!; echo ready; wait";
    let (session_id, process_id, text) = bench.start(line, "ready").await;
    assert!(bench.terminals.kill(session_id));
    let output = bench.look(session_id, PATIENCE).await.unwrap();
    assert_eq!((output.exit_code, output.timed_out), (Some(137), false));
    assert!(!exists(process_id));
    gone(number(&text, "one")).await;
    gone(number(&text, "two")).await;
    assert!(!bench.terminals.kill(session_id));
    assert!(bench.events(2).await.contains("ended as 1000: Killed, 137"));
}

#[tokio::test]
async fn a_dropped_call_kills_its_command() {
    let bench = Bench::new();
    let call = bench.run("echo child=$$; sleep 1000");
    tokio::select! {
        output = call => panic!("{output:?}"),
        () = async { while bench.events.lock().unwrap().is_empty() { tokio::task::yield_now().await } } => {}
    }
    assert!(bench.events(2).await.contains("ended as 1000: Killed, 137"));
    assert!(matches!(bench.look(1000, PATIENCE).await, Err(TerminalError::SessionEnded { .. })));
}

#[tokio::test]
async fn a_dropped_call_may_leave_its_command() {
    let bench = Bench::new();
    let request = ExecRequest { kill_if_dropped: false, ..bench.request("read x; echo got $x") };
    tokio::select! {
        output = bench.terminals.exec(request) => panic!("{output:?}"),
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
    }
    bench.write_and_drop(1000, "this\n").await;
    let output = bench.look(1000, PATIENCE).await.unwrap();
    assert_eq!((output.output.as_str(), output.exit_code), ("this\r\ngot this\r\n", Some(0)));
}

#[tokio::test]
async fn shutdown_and_drop_leave_no_process() {
    let bench = Bench::new();
    let (_, first, _) = bench.start("echo ready; sleep 1000", "ready").await;
    let (_, second, text) = bench.start("sleep 1000 & echo child=$!; echo ready; wait", "ready").await;
    bench.terminals.shutdown().await;
    assert!(!exists(first) && !exists(second));
    gone(number(&text, "child")).await;
    assert_eq!(bench.events(4).await.matches("Killed, 137").count(), 2);
    let error = bench.terminals.exec(bench.request("true")).await.unwrap_err();
    assert_snapshot!(error, @"the terminals have been shut down; no command can be started");

    let Bench { terminals, events, _folder } = Bench::new();
    let request = ExecRequest { yield_time: Some(NO_PATIENCE), ..ExecRequest::new("call", vec!["cat".to_owned()]) };
    let process_id = terminals.exec(request).await.unwrap().process_id;
    drop(terminals);
    while events.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!exists(process_id));
}

#[test]
fn commands_end_with_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = Bench::new();
    let (_, process_id, _) = runtime.block_on(bench.start("echo ready; sleep 1000", "ready"));
    drop(runtime);
    assert!(!exists(process_id));
    assert_eq!(bench.events.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn waiting_for_the_end_has_a_limit() {
    let command = ["sleep".to_owned(), "1000".to_owned()];
    let launch = process::Launch { command: &command, cwd: "/".as_ref(), env: Vec::new(), hidden_env: &[] };
    let (process, _terminal) = launch.start().unwrap();
    assert!(!process.has_ended());
    assert_eq!(process.exit_code(Duration::from_millis(5)), None);
    assert!(process.kill());
    assert_eq!(process.exit_code(PATIENCE), Some(137));
    assert!(process.has_ended() && !process.kill());
}

#[tokio::test]
async fn the_number_of_sessions_is_bounded() {
    let bench = Bench::with(|settings| settings.max_sessions = 2);
    let (first, ..) = bench.start("echo ready; read x", "ready").await;
    let (second, ..) = bench.start("echo ready; read x", "ready").await;
    bench.look(first, NO_PATIENCE).await.unwrap();
    let error = bench.terminals.exec(bench.request("true")).await.unwrap_err();
    assert_snapshot!(error, @r#"2 commands are running, which is the limit; end one first, such as session 1001, which has been unused for the longest time, by writing "\u0003" to it"#);

    bench.write_and_drop(second, "\n").await;
    bench.events(3).await;
    assert_eq!(bench.run("true").await.exit_code, Some(0));
    assert!(matches!(bench.look(second, NO_PATIENCE).await, Err(TerminalError::SessionEnded { session_id: 1001 })));
    assert!(bench.look(first, NO_PATIENCE).await.is_ok());
}

#[tokio::test]
async fn output_is_bounded_in_memory_and_in_answers() {
    let bench = Bench::with(|settings| settings.max_buffered_bytes = 40);
    let mut request = bench.request("i=1000; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done");
    request.max_output_tokens = Some(6);
    let output = bench.terminals.exec(request).await.unwrap();
    assert_eq!(output.output, "1000\r\n1001\r\n…1494 tokens truncated…1998\r\n1999\r\n");
    assert_eq!(output.original_token_count, 1500);
    assert_snapshot!(bench.events(2).await, @r#"
    call `i=1000; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done` began as 1000
    call `i=1000; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done` ended as 1000: Exited, 0, "1000\r\n1001\r\n1002\r\n10…1490 tokens truncated…\r\n1997\r\n1998\r\n1999\r\n"
    "#);
}

#[tokio::test]
async fn no_output_is_lost_at_the_end() {
    let bench = Bench::new();
    for _ in 0..20 {
        let output = bench.run("i=0; while [ $i -lt 500 ]; do echo line; i=$((i+1)); done; printf end").await;
        assert_eq!((output.exit_code, output.output), (Some(0), format!("{}end", "line\r\n".repeat(500))));
    }
}

#[tokio::test]
async fn a_process_left_behind_does_not_delay_the_end() {
    let bench = Bench::new();
    let output = bench.run("trap '' HUP; sleep 1000 & echo child=$!").await;
    assert_eq!(output.exit_code, Some(0));
    let child = nix::unistd::Pid::from_raw(number(&output.output, "child").cast_signed());
    nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn characters_are_never_cut() {
    let bench = Bench::new();
    let line = r"stty -echo; echo ready; printf '\342\234'; echo ready >/dev/null; read x; printf '\223\377\n'; read x; printf '\360'";
    let (session_id, ..) = bench.start(line, "ready\r\n").await;
    assert_eq!(bench.look(session_id, Duration::from_millis(50)).await.unwrap().output, "");
    bench.write_and_drop(session_id, "\n").await;
    let output = bench.write(session_id, "\n", PATIENCE).await.unwrap();
    assert_eq!(output.output, "✓\u{FFFD}\r\n\u{FFFD}");
}

#[tokio::test]
async fn much_input_passes_while_output_flows() {
    let bench = Bench::new();
    let (session_id, ..) = bench.start("stty -echo; echo ready; cat", "ready").await;
    let line = format!("{}\n", "x".repeat(999));
    bench.write(session_id, &line.repeat(300), NO_PATIENCE).await.unwrap();
    let output = bench.write(session_id, "\u{4}", PATIENCE).await.unwrap();
    assert_eq!(output.exit_code, Some(0));
    let Some(TerminalEvent::Ended(ended)) = bench.events.lock().unwrap().pop() else { panic!("no end") };
    assert_eq!(ended.output.matches('x').count(), 300 * 999);
}

#[tokio::test]
async fn input_that_is_not_read_is_refused_beyond_a_limit() {
    let bench = Bench::new();
    let (session_id, ..) = bench.start("stty raw -echo; echo ready; sleep 1000", "ready").await;
    bench.write(session_id, &"x".repeat(1 << 20), NO_PATIENCE).await.unwrap();
    let error = bench.write(session_id, &"x".repeat(1 << 20), NO_PATIENCE).await.unwrap_err();
    assert!(matches!(error, TerminalError::InputFull { session_id: 1000, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    let bench = Arc::new(Bench::new());
    let calls = (0..40).map(|number| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let output = bench.run(&format!("echo {number}; exit {number}")).await;
            assert_eq!((output.output, output.exit_code), (format!("{number}\r\n"), Some(number)));
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    let events = bench.events(80).await;
    for id in 1000..1040 {
        let began = events.find(&format!("began as {id}\n")).unwrap();
        assert!(began < events.find(&format!("ended as {id}:")).unwrap());
    }
}
