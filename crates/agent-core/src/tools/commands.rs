//! The tools for commands, `exec_command` and `write_stdin`.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rollout_trace_recorder::{ExecutionStatus, ThreadTraceContext, ToolKind};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::{Dispatch, Outcome, ToolError};
use crate::{
    Event, EventMessage,
    event::millis,
    lock::lock,
    pause::Pause,
    rollout::Rollout,
    terminal::{
        BackgroundProcess, BackgroundState, CommandBegan, CommandEnded, EndReason, ExecOutput, ExecRequest,
        TerminalEvent, TerminalSettings, Terminals, WriteStdinRequest,
    },
};

/// A thread's commands. Each is recorded from its start to its end, even if no call waits for the end.
pub(crate) struct Commands {
    settings: TerminalSettings,
    terminals: Terminals,
    records: Arc<CommandRecords>,
}

/// Records the start and end of commands.
struct CommandRecords {
    agent_path: String,
    rollout: Arc<Rollout>,
    trace: ThreadTraceContext,
    /// The commands that have not ended, by the ids of the calls that started them.
    open: watch::Sender<HashMap<String, OpenCommand>>,
    /// The ids of the calls that started commands, by session.
    sessions: Mutex<HashMap<i32, String>>,
}

/// A command that has not ended.
struct OpenCommand {
    turn_id: String,
    has_begun: bool,
}

/// How long a stopped call waits for the end of its command. Only a process that is blocked in the kernel takes longer.
const KILL_GRACE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct ExecArguments {
    cmd: String,
    workdir: Option<PathBuf>,
    yield_time_ms: Option<u64>,
    max_output_tokens: Option<usize>,
}

#[derive(Deserialize)]
struct WriteArguments {
    session_id: i32,
    #[serde(default)]
    chars: String,
    yield_time_ms: Option<u64>,
    max_output_tokens: Option<usize>,
}

impl Commands {
    pub(crate) fn new(rollout: &Arc<Rollout>, agent_path: &str, trace: ThreadTraceContext, pause: Pause) -> Self {
        let config = &rollout.config;
        let mut settings = TerminalSettings::new(&config.cwd);
        let limits = &config.commands;
        settings.hidden_env.clone_from(&config.hidden_env);
        settings.time_limit = limits.time_limit_secs.map(Duration::from_secs);
        settings.max_output_tokens = limits.max_output_tokens.unwrap_or(settings.max_output_tokens);
        settings.max_sessions = limits.max_sessions.unwrap_or(settings.max_sessions);
        if let Some(floor) = limits.min_yield_ms.map(Duration::from_millis) {
            (settings.min_yield, settings.min_poll) = (floor, floor);
        }
        let records = Arc::new(CommandRecords {
            agent_path: agent_path.to_owned(),
            rollout: Arc::clone(rollout),
            trace,
            open: watch::Sender::default(),
            sessions: Mutex::default(),
        });
        let terminals = Terminals::with_pause(settings.clone(), pause, {
            let records = Arc::clone(&records);
            move |event| records.record(event)
        });
        Self { settings, terminals, records }
    }

    /// Returns the program and arguments that run a shell command.
    fn shell_command(&self, line: &str) -> Vec<String> {
        let mut command = self.settings.shell_command(line);
        if self.records.rollout.config.commands.login_shell == Some(false) {
            command[1] = "-c".to_owned();
        }
        command
    }

    /// Returns the default output limit of a tool, in tokens.
    pub(crate) fn max_output_tokens(&self) -> usize {
        self.settings.max_output_tokens
    }

    /// Kills all commands and what they have left behind, without waiting.
    pub(crate) fn kill_all(&self) {
        self.terminals.kill_all();
    }

    /// Stops all commands, and waits until their ends are recorded.
    pub(crate) async fn shut_down(&self) {
        self.terminals.shutdown().await;
    }
}

impl CommandRecords {
    fn record(&self, event: TerminalEvent) {
        match event {
            TerminalEvent::Began(command) => {
                lock(&self.sessions).insert(command.session_id, command.call_id.clone());
                let mut turn = String::new();
                self.open.send_modify(|open| {
                    if let Some(command) = open.get_mut(&command.call_id) {
                        command.has_begun = true;
                        turn.clone_from(&command.turn_id);
                    }
                });
                let document = start_document(&command, &turn);
                let call_id = command.call_id.as_str();
                self.trace.record_tool_call_runtime_started(&*turn, call_id, ToolKind::ExecCommand, &document);
                self.rollout.publish(Event {
                    agent_path: self.agent_path.clone(),
                    submission_id: None,
                    turn_id: Some(turn),
                    message: EventMessage::CommandBegan { call_id: command.call_id, session_id: command.session_id },
                });
            }
            TerminalEvent::Ended(command) => {
                let turn =
                    self.open.borrow().get(&command.call_id).map(|open| open.turn_id.clone()).unwrap_or_default();
                let status = match (command.reason, command.exit_code) {
                    (EndReason::Killed, _) => ExecutionStatus::Cancelled,
                    (EndReason::Exited, 0) => ExecutionStatus::Completed,
                    (EndReason::Exited | EndReason::TimedOut, _) => ExecutionStatus::Failed,
                };
                let document = end_document(&command, &turn);
                self.trace.record_tool_call_runtime_ended(turn, &*command.call_id, status, &document);
                self.close(&command.call_id);
            }
        }
    }

    fn close(&self, call_id: &str) {
        self.open.send_modify(|open| drop(open.remove(call_id)));
    }

    /// Waits until the end of a stopped call's command is recorded.
    async fn closed(&self, call_id: &str) {
        let has_begun = self.open.borrow().get(call_id).is_some_and(|command| command.has_begun);
        if has_begun {
            let mut open = self.open.subscribe();
            // `self` holds the sender, so only a timeout is possible. The end is then recorded later or not at all.
            let _ = timeout(KILL_GRACE, open.wait_for(|open| !open.contains_key(call_id))).await;
        }
        self.close(call_id);
    }
}

/// Returns the trace's document of a command's start. Its `process_id` is the session id, by which the model knows the
/// command.
fn start_document(command: &CommandBegan, turn_id: &str) -> Value {
    json!({"call_id": command.call_id, "process_id": command.session_id.to_string(), "turn_id": turn_id,
           "started_at_ms": unix_millis(), "command": command.command, "cwd": command.cwd.display().to_string(),
           "system_process_id": command.process_id})
}

fn end_document(command: &CommandEnded, turn_id: &str) -> Value {
    json!({"call_id": command.call_id, "process_id": command.session_id.to_string(), "turn_id": turn_id,
           "completed_at_ms": unix_millis(), "aggregated_output": command.output, "exit_code": command.exit_code,
           "timed_out": command.reason == EndReason::TimedOut, "duration": command.duration})
}

fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

impl Dispatch {
    pub(super) async fn exec_command(&self) -> Result<Outcome, ToolError> {
        let arguments: ExecArguments = self.call().arguments()?;
        let commands = &self.turn.thread.commands;
        let folder = &self.turn.settings.cwd;
        let request = ExecRequest {
            cwd: Some(arguments.workdir.map_or_else(|| folder.clone(), |workdir| folder.join(workdir))),
            yield_time: arguments.yield_time_ms.map(Duration::from_millis),
            max_output_tokens: arguments.max_output_tokens,
            ..ExecRequest::new(self.call().id.clone(), commands.shell_command(&arguments.cmd))
        };
        let call_id = &self.call().id;
        let opened = OpenCommand { turn_id: self.turn.id.clone(), has_begun: false };
        commands.records.open.send_modify(|open| drop(open.insert(call_id.clone(), opened)));
        match self.unless_stopped(commands.terminals.exec(request)).await {
            Ok(Ok(output)) => {
                if output.session_id.is_none() {
                    lock(&commands.records.sessions).retain(|_, call| call != call_id);
                }
                Ok(outcome(&output))
            }
            Ok(Err(error)) => {
                commands.records.close(call_id);
                Err(ToolError::failed(error))
            }
            Err(stopped) => {
                commands.records.closed(call_id).await;
                Err(stopped.into())
            }
        }
    }

    pub(super) async fn write_stdin(&self) -> Result<Outcome, ToolError> {
        let arguments: WriteArguments = self.call().arguments()?;
        let commands = &self.turn.thread.commands;
        let session_id = arguments.session_id;
        let exec_call = lock(&commands.records.sessions).get(&session_id).cloned();
        if let Some(exec_call) = exec_call {
            self.turn.trace().record_stdin_target_resolved(&*self.turn.id, &*self.call().id, exec_call);
        }
        let request = WriteStdinRequest {
            session_id,
            chars: arguments.chars,
            yield_time: arguments.yield_time_ms.map(Duration::from_millis),
            max_output_tokens: arguments.max_output_tokens,
        };
        let output = self.unless_stopped(commands.terminals.write_stdin(request)).await?;
        let output = output.map_err(ToolError::failed)?;
        if output.session_id.is_none() {
            lock(&commands.records.sessions).remove(&session_id);
        }
        Ok(outcome(&output))
    }
}

/// Returns the outcome of a call that ran a command or wrote to it. The call succeeds even if the command failed.
fn outcome(output: &ExecOutput) -> Outcome {
    let seconds = output.wall_time.as_secs_f64();
    let state = match (output.session_id, output.exit_code) {
        (Some(session), _) => format!("Process running with session ID {session}"),
        (None, Some(code)) if output.timed_out => format!("Process killed at its time limit, exit code {code}"),
        (None, code) => format!("Process exited with code {}", code.unwrap_or_default()),
    };
    let background = background(&output.background);
    let text = format!(
        "Chunk ID: {}\nWall time: {seconds:.4} seconds\n{state}\n{background}Original token count: {}\nOutput:\n{}",
        output.chunk_id, output.original_token_count, output.output
    );
    let mut value = json!({"chunk_id": output.chunk_id, "wall_time_seconds": seconds,
                           "original_token_count": output.original_token_count, "output": output.output});
    if let Some(session_id) = output.session_id {
        value["session_id"] = session_id.into();
    }
    if let Some(exit_code) = output.exit_code {
        value["exit_code"] = exit_code.into();
    }
    if !background.is_empty() {
        value["background"] = background.trim_end().into();
    }
    Outcome { output: text.into(), value, success: true }
}

/// Tells the model what became of the processes that a command left in the background.
fn background(processes: &[BackgroundProcess]) -> String {
    let listed = |state| {
        let of_state = processes.iter().filter(|process| process.state == state);
        let names = of_state.map(|process| format!("{} ({})", process.name, process.process_id)).collect::<Vec<_>>();
        Some(names.join(", ")).filter(|names| !names.is_empty())
    };
    let mut text = String::new();
    if let Some(names) = listed(BackgroundState::HungUp) {
        text += &format!(
            "Background processes that ended with the command: {names}. To keep a process running, run it without `&` in a \
             call of its own, which returns a session ID.\n"
        );
    }
    if let Some(names) = listed(BackgroundState::Running) {
        text += &format!("Background processes that are still running, until you end at the latest: {names}.\n");
    }
    text
}
