//! The command-line program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rollout_trace_scripted_model::{Script, ScriptedModel};

fn agent(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollout-trace-agent"));
    for variable in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "CODEX_ROLLOUT_TRACE_ROOT"] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Runs a task with a scripted model and few retries, in a folder of its own.
fn run(script: &str, more: &[&str]) -> (i32, String, String) {
    run_in(tempfile::tempdir().unwrap().path(), script, more)
}

/// Runs a task with a scripted model and few retries, in a folder.
fn run_in(folder: &Path, script: &str, more: &[&str]) -> (i32, String, String) {
    let program = agent(&[]);
    run_as(program, folder, "retries = 0\n", script, more)
}

/// Runs a task with a scripted model and a configuration, by a program that takes the arguments.
fn run_as(mut program: Command, folder: &Path, config: &str, script: &str, more: &[&str]) -> (i32, String, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(ScriptedModel::start(Script::parse("test", script).unwrap())).unwrap();
    let file = folder.join("agent.toml");
    fs::write(&file, format!("{config}commands = {{ login_shell = false }}\n")).unwrap();
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    let (config, cwd, url) = (at(&file), at(folder), server.base_url());
    let traces = at(&folder.join("traces"));
    program.args(["run", "--config", &config, "--cwd", &cwd, "--base-url", &url, "--trace-root", &traces]);
    outcome(&program.args(more).arg("Do it.").output().unwrap())
}

#[test]
fn the_demo_draws_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let output = agent(&["demo", "--out"]).arg(folder.path()).output().unwrap();
    let (code, stdout, stderr) = outcome(&output);
    assert_eq!(code, 0, "{stdout}\n{stderr}");
    let drawn = [
        "recording complete",
        "exec_command",
        "exit 1",
        "write_stdin",
        "apply_patch",
        "first answer: yielded",
        "spawn_agent: /root/reader",
        "agent_result: /root",
        "cancelled",
        "compaction-1 · installed",
    ];
    for part in drawn {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    assert!(!stdout.contains("\nwarning") && !stdout.contains("\nerror"), "{stdout}");
    assert!(stderr.contains("Recorded in ") && stderr.contains("Next: rollout-trace show "), "{stderr}");
}

#[test]
fn the_demo_is_shown_until_the_program_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = agent(&["demo", "--quiet", "--view", "--no-open", "--out"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stderr.take().unwrap()).lines().map_while(Result::ok);
    let link = lines.find_map(|line| Some(line.strip_prefix("The rollout is shown at ")?.to_owned())).unwrap();
    let is_served = lines.any(|line| line == "The page is served until this program is stopped with Ctrl-C.");
    // The demo has ended; its page is still there.
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut page = TcpStream::connect(host).unwrap();
    write!(page, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert!(is_served && answer.starts_with("HTTP/1.1 303 "), "{is_served} {answer}");
}

#[test]
fn a_run_streams_the_answer_and_prints_the_location_of_its_trace() {
    let (code, stdout, stderr) = run("[[reply]]\n[[reply.item]]\nsay = \"It is done.\"", &[]);
    assert_eq!((code, stdout.as_str()), (0, "It is done.\n"), "{stderr}");
    let bundle = stderr.lines().find_map(|line| line.strip_prefix("Recorded in ")).unwrap();
    assert!(bundle.contains("/traces/trace-"), "{bundle}");
}

#[test]
fn an_answer_in_one_piece_is_shown() {
    // The scripted model sends the pieces of only the first part, which is empty.
    let parts = r#"[{ type = "output_text", text = "" }, { type = "output_text", text = "It is done." }]"#;
    let item = format!("raw = {{ type = \"message\", role = \"assistant\", content = {parts} }}");
    let (code, stdout, stderr) = run(&format!("[[reply]]\n[[reply.item]]\n{item}\n"), &[]);
    assert_eq!((code, stdout.as_str()), (0, "It is done.\n"), "{stderr}");
}

#[test]
fn two_messages_of_one_answer_are_two_lines() {
    let script = "[[reply]]\n[[reply.item]]\nsay = \"One.\"\n[[reply.item]]\nsay = \"Two.\"";
    let (code, stdout, stderr) = run(script, &[]);
    assert_eq!((code, stdout.as_str()), (0, "One.\nTwo.\n"), "{stderr}");
}

#[test]
fn an_answer_that_broke_off_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let whole = "[[reply]]\n[[reply.item]]\nsay = \"The answer is 42.\"\n";
    for (end, mark) in
        [("stall", "what follows takes the place of its last message"), ("broken", "what follows continues it")]
    {
        let script = format!("[[reply]]\nend = \"{end}\"\n[[reply.item]]\nsay = \"The answer is\"\n{whole}");
        let config = "first_retry_ms = 1\nstream_idle_ms = 3000\n";
        let (code, stdout, stderr) = run_as(agent(&[]), folder.path(), config, &script, &[]);
        let expected = format!("The answer is\n[the answer broke off here; {mark}]\nThe answer is 42.\n");
        assert_eq!((code, stdout), (0, expected), "{stderr}");
    }
    // Nothing has been shown of this answer.
    let script = format!("[[reply]]\nstatus = 503\n{whole}");
    let (code, stdout, stderr) = run_as(agent(&[]), folder.path(), "first_retry_ms = 1\n", &script, &[]);
    assert_eq!((code, stdout.as_str()), (0, "The answer is 42.\n"), "{stderr}");
}

#[test]
fn a_run_says_whether_its_recording_is_complete() {
    let script = "[[reply]]\n[[reply.item]]\ncall = \"exec_command\"\narguments = { cmd = \"seq 0 4000\" }\n\
                  [[reply]]\n[[reply.item]]\nsay = \"Done.\"";
    let (code, stdout, stderr) = run(script, &["--draw"]);
    assert!(code == 0 && stderr.contains("\nThe recording is complete.\n"), "{stderr}");
    assert!(stdout.contains("recording complete"), "{stdout}");
    // No file of this program may be longer than four of the system's blocks.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 4; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_rollout-trace-agent")]);
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = run_as(limited, folder.path(), "retries = 0\n", script, &["--draw"]);
    assert!(code == 0 && stdout.starts_with("Done.\n"), "{stdout}\n{stderr}");
    let warning = stderr.lines().find(|line| line.starts_with("warning: the recording is incomplete: ")).unwrap();
    assert!(warning.contains("event") && warning.contains(" could not be recorded ("), "{warning}");
    assert!(!stdout.contains("recording complete"), "{stdout}");
}

#[test]
fn a_run_can_be_drawn_or_left_unrecorded() {
    let script = "[[reply]]\n[[reply.item]]\nsay = \"Done.\"";
    let (code, stdout, _) = run(script, &["--draw"]);
    assert!(code == 0 && stdout.starts_with("Done.\nrollout · ") && stdout.contains("assistant \"Done.\""), "{stdout}");
    let folder = tempfile::tempdir().unwrap();
    let output = agent(&["run", "--no-trace", "--draw", "x"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(outcome(&output).0, 2);
}

#[test]
fn a_failed_run_reports_the_error() {
    let (code, stdout, stderr) = run("[[reply]]\nstatus = 401\nerror = \"wrong key\"", &[]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains("401 Unauthorized: wrong key"), "{stderr}");
}

#[test]
fn control_characters_of_a_provider_are_escaped() {
    let (code, _, stderr) = run("[[reply]]\nstatus = 400\nerror = \"wrong \\u001b[2Jkey\"", &[]);
    assert!(code == 1 && stderr.contains(r"400 Bad Request: wrong \u{1b}[2Jkey"), "{stderr:?}");
}

/// Text that no stream may show as it is: an escape sequence, also in one character, and characters that turn, hide or
/// break a line.
const HOSTILE: &str = "\u{1b}[35m\u{9b}1m\u{7}\u{202e}\u{200b}\u{2028}\u{e0041}";

fn assert_harmless(output: &str) {
    let hidden = |c: &char| *c != '\n' && !rollout_trace::schema::visible::is_visible(*c);
    assert_eq!(output.chars().find(hidden), None, "{output:?}");
}

#[test]
fn whatever_comes_from_model_tools_and_folders_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join(HOSTILE);
    fs::create_dir(&folder).unwrap();
    let text = |text: &str| serde_json::to_string(&text.replace('@', HOSTILE)).unwrap();
    let call = |id: &str, name: &str, arguments: &str| {
        let (id, name, arguments) = (text(id), text(name), text(arguments));
        format!(
            "[[reply.item]]\nraw = {{ type = \"function_call\", call_id = {id}, name = {name}, arguments = {arguments} }}\n"
        )
    };
    let mut script = format!("[[reply]]\n[[reply.item]]\nthink = {}\n", text("I @"));
    script += &call("call_1@", "exec_command", r#"{"cmd":"printf '\\033[35m\\302\\233\\342\\200\\256'"}"#);
    script += &call("call_2@", "no_@_tool", "{\"@\":1}");
    let arguments = serde_json::json!({"task_name": HOSTILE, "message": HOSTILE}).to_string();
    script += &call("call_3@", "spawn_agent", &arguments);
    script += &format!("[[reply.item]]\ncode = {}\n", text("text('@'.slice(0, -1))"));
    script += "[[reply]]\n[[reply.item]]\nsay = \"Done.\"\n";
    let (code, stdout, stderr) = run_in(&folder, &script, &["--draw", "--model", &format!("model{HOSTILE}")]);
    assert_eq!(code, 0, "{stdout}\n{stderr}");
    assert_harmless(&stdout);
    assert_harmless(&stderr);
    for shown in [r"model\u{1b}[35m", r"· no_\u{1b}[35m", r"I \u{1b}[35m"] {
        assert!(stdout.contains(shown), "{shown} in {stdout}");
    }
    assert!(stderr.contains(r"no_\u{1b}[35m") && stderr.contains("Recorded in "), "{stderr}");
}

#[test]
fn errors_about_the_command_line_are_escaped() {
    let file = format!("{HOSTILE}.toml");
    for arguments in [
        &["run", HOSTILE, HOSTILE][..],
        &[HOSTILE],
        &["demo", HOSTILE],
        &["--color", HOSTILE],
        &[&format!("--{HOSTILE}")],
        &["run", "x", "--base-url", HOSTILE],
        &["run", "x", "--config", &file],
        &["run", "x", "--cwd", HOSTILE],
        &["demo", "--scenario", &file],
        &["run", "x", "--base-url", "http://127.0.0.1:1/v1", "--trace-root", &format!("/dev/null/{HOSTILE}")],
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("agent.toml"), "retries = 0").unwrap();
        let output = agent(arguments).current_dir(folder.path()).output().unwrap();
        let (code, stdout, stderr) = outcome(&output);
        assert!(code != 0 && stderr.contains(r"\u{1b}[35m"), "{arguments:?}: {stderr:?}");
        assert_harmless(&stdout);
        assert_harmless(&stderr);
    }
}

#[test]
fn a_missing_key_is_reported_with_a_hint() {
    let (code, stdout, stderr) = outcome(&agent(&["run", "Do it."]).output().unwrap());
    assert_eq!((code, stdout.as_str()), (2, ""));
    insta::assert_snapshot!(stderr, @"
    error: no API key is set for https://api.openai.com/v1
      set OPENAI_API_KEY, or give --base-url a server on this machine; `rollout-trace-agent demo` needs neither
    ");
}

#[test]
fn an_empty_task_is_refused() {
    let output = agent(&["run", "--base-url", "http://127.0.0.1:1/v1", " \n"]).output().unwrap();
    let (code, stdout, stderr) = outcome(&output);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: the task is empty\n"), "{stderr}");
}

#[test]
fn requests_to_this_machine_use_no_proxy() {
    let mut running =
        Running::start_with("[[reply]]\n[[reply.item]]\nsay = \"Here.\"", "retries = 0", Stdio::null(), |command| {
            for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
                command.env(variable, "http://127.0.0.1:9");
            }
        });
    let stderr: Vec<String> = running.stderr().collect();
    assert_eq!(running.exit_code(), Some(0), "{stderr:?}");
}

#[test]
fn invalid_files_and_settings_are_reported_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.toml"), "retrys = 3\n").unwrap();
    let local = ["--base-url", "http://127.0.0.1:1/v1"];
    let case = |arguments: &[&str]| {
        let mut command = agent(&["run"]);
        let output = command.args(arguments).args(local).arg("x").current_dir(folder.path()).output().unwrap();
        let (code, stdout, stderr) = outcome(&output);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        stderr
    };
    assert!(case(&["--config", "agent.toml"]).contains("unknown field `retrys`"));
    assert!(case(&["--config", "missing.toml"]).contains("cannot read the configuration `missing.toml`"));
    fs::write(folder.path().join("zero.toml"), "stream_idle_ms = 0\n").unwrap();
    assert!(case(&["--config", "zero.toml"]).contains("`stream_idle_ms` must be greater than 0"));
    assert!(case(&["--cwd", "not/there"]).contains("cannot open the working folder not/there"));
    let output = agent(&["demo", "--scenario", "agent.toml"]).current_dir(folder.path()).output().unwrap();
    let (code, _, stderr) = outcome(&output);
    assert!(code == 2 && stderr.contains("is not a script"), "{stderr}");
}

#[test]
fn ctrl_c_stops_a_turn() {
    stopped_by("-INT");
}

#[test]
fn sigterm_stops_a_turn_as_ctrl_c_does() {
    stopped_by("-TERM");
}

fn stopped_by(signal: &str) {
    let script = "[[reply]]\n[[reply.item]]\ncall = \"exec_command\"\narguments = { cmd = \"sleep 600\" }";
    let mut running = Running::start(script, "", Stdio::null());
    let mut lines = running.stderr();
    assert!(lines.any(|line| line.contains("sleep 600")));
    running.signal(signal);
    let rest: Vec<String> = lines.collect();
    assert_eq!(running.exit_code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("Recorded in ")), "{rest:?}");
}

#[test]
fn a_second_ctrl_c_ends_a_program_whose_output_is_not_read() {
    // The answer is longer than a pipe's buffer.
    let script = format!(
        "[[reply]]\n[[reply.item]]\nsay = \"{}\"\n[[reply.item]]\ncall = \"exec_command\"\narguments = {{ cmd = \"sleep 600\" }}",
        "word ".repeat(50_000)
    );
    let mut running = Running::start(&script, "", Stdio::piped());
    running.wait_for_event("tool_call_runtime_started");
    // The whole answer has arrived. A moment later the program is blocked writing it.
    sleep(Duration::from_secs(1));
    running.signal("-INT");
    running.wait_for_event("codex_turn_ended");
    running.signal("-INT");
    assert_eq!(running.exit_code(), Some(130));
}

#[test]
fn a_second_ctrl_c_ends_a_program_that_is_shutting_down() {
    // Each of these servers has to be killed, which takes seconds.
    let greeting = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;
    let server = format!("trap \"\" TERM; read -r line; echo '{greeting}'; while kill -0 $PPID; do sleep 1; done");
    let server = format!("command = \"sh\"\nargs = [\"-c\", '''{server}''']\n");
    let config = ["a", "b", "c", "d", "e"].map(|name| format!("[mcp_servers.{name}]\n{server}")).concat();
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"Well\"";
    let mut running = Running::start(script, &config, Stdio::piped());
    let mut stdout = running.process.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 4]).unwrap();
    running.signal("-INT");
    let mut lines = running.stderr();
    assert!(lines.any(|line| line.contains("interrupted")));
    running.signal("-INT");
    assert_eq!(running.exit_code(), Some(130));
    assert_eq!(lines.find(|line| line.starts_with("Recorded in ")), None);
}

/// A running program.
struct Running {
    process: Child,
    folder: tempfile::TempDir,
    _server: ScriptedModel,
    _runtime: tokio::runtime::Runtime,
}

impl Running {
    fn start(script: &str, config: &str, stdout: Stdio) -> Self {
        Self::start_with(script, config, stdout, |_| {})
    }

    fn start_with(script: &str, config: &str, stdout: Stdio, adapt: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(ScriptedModel::start(Script::parse("test", script).unwrap())).unwrap();
        fs::write(folder.path().join("agent.toml"), config).unwrap();
        let mut command = agent(&["run", "--config", "agent.toml", "--trace-root", "traces", "--base-url"]);
        command.arg(server.base_url()).arg("Go on.").current_dir(folder.path());
        adapt(&mut command);
        let process = command.stderr(Stdio::piped()).stdout(stdout).spawn().unwrap();
        Self { process, folder, _server: server, _runtime: runtime }
    }

    fn stderr(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.process.stderr.take().unwrap()).lines().map(Result::unwrap)
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.process.try_wait().unwrap() {
                Some(status) => return status.code(),
                None => assert!(Instant::now() < deadline, "the program has ended"),
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// Waits until an event is recorded, which also happens while output is blocked.
    fn wait_for_event(&self, event: &str) {
        let log = || {
            let bundle = fs::read_dir(self.folder.path().join("traces")).ok()?.next()?.unwrap().path();
            fs::read_to_string(bundle.join("trace.jsonl")).ok()
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !log().is_some_and(|log| log.contains(event)) {
            assert!(Instant::now() < deadline, "{event} is recorded in time");
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The program has already ended, unless the test has failed.
        let _ = self.process.kill();
    }
}
