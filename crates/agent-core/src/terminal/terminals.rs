//! The terminals of a thread.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};
use uuid::Uuid;

use super::{
    CommandBegan, EndReason, ExecOutput, ExecRequest, TerminalError, TerminalEvent, TerminalSettings,
    WriteStdinRequest,
    background::{MARK, Survivors, adopt_orphans},
    decoder::Decoder,
    head_tail::HeadTail,
    input::InputLine,
    process::Launch,
    session::Session,
    supervisor::{OnEvent, Supervisor},
};
use crate::pause::Pause;

/// A number that a model does not mistake for an exit code or a count.
const FIRST_SESSION_ID: i32 = 1000;

/// Runs commands on pseudo-terminals, and keeps the commands that are still running when the call that started them
/// returns.
///
/// Needs a tokio runtime with I/O and time. Dropping this value kills every command and the processes that it has
/// started. On Linux this includes processes that outlived their command (`nohup`) or left its session (`setsid`), except
/// for those that cleared their environment as well. There, this process also becomes the parent of processes whose own
/// parent has ended, since nobody else could find out what became of them.
pub struct Terminals {
    settings: TerminalSettings,
    on_event: OnEvent,
    /// Stops all timers while it lasts.
    pause: Pause,
    sessions: Mutex<Sessions>,
    survivors: Arc<Survivors>,
}

struct Sessions {
    open: BTreeMap<i32, Arc<Session>>,
    next_id: i32,
    shut_down: bool,
}

impl Terminals {
    /// Creates terminals without commands. `on_event` receives the start and end of every command, on any thread; it
    /// must not block.
    pub fn new(settings: TerminalSettings, on_event: impl Fn(TerminalEvent) + Send + Sync + 'static) -> Self {
        Self::with_pause(settings, Pause::new(), on_event)
    }

    /// Creates terminals whose timers, those for yields and those for time limits, stop during pauses.
    pub(crate) fn with_pause(
        settings: TerminalSettings,
        pause: Pause,
        on_event: impl Fn(TerminalEvent) + Send + Sync + 'static,
    ) -> Self {
        adopt_orphans();
        let sessions = Sessions { open: BTreeMap::new(), next_id: FIRST_SESSION_ID, shut_down: false };
        Self {
            settings,
            on_event: Arc::new(on_event),
            pause,
            sessions: Mutex::new(sessions),
            survivors: Arc::default(),
        }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &TerminalSettings {
        &self.settings
    }

    /// Starts a command, and waits until it ends or the call yields.
    ///
    /// # Errors
    ///
    /// Returns an error if the command does not start. A command that fails is not an error.
    pub async fn exec(&self, request: ExecRequest) -> Result<ExecOutput, TerminalError> {
        let settings = &self.settings;
        let called = Instant::now();
        let session = self.start(&request)?;
        let mut guard = KillIfDropped { terminals: self, session: &session, armed: request.kill_if_dropped };
        let patience = request.yield_time.unwrap_or(settings.exec_yield);
        self.wait(&session, patience.max(settings.min_yield).min(settings.max_yield)).await;
        guard.armed = false;
        self.collect(&session, called, request.max_output_tokens)
    }

    /// Writes to the terminal of a running command, and waits until the command ends or the call yields.
    ///
    /// If the command has already ended, nothing is written, and the call returns the last output and the exit code.
    /// The call may be dropped at any time: its input is written nevertheless, and the output is kept for the next
    /// call.
    ///
    /// # Errors
    ///
    /// Returns an error if the session does not exist, or if the command does not read its input.
    pub async fn write_stdin(&self, request: WriteStdinRequest) -> Result<ExecOutput, TerminalError> {
        let settings = &self.settings;
        let called = Instant::now();
        let session = self.session(request.session_id)?;
        session.state().last_used = called;
        let patience = request.yield_time.unwrap_or(settings.write_yield);
        let patience = if request.chars.is_empty() {
            patience.max(settings.min_poll).min(settings.max_poll)
        } else {
            session.write(&request.chars)?;
            patience.max(settings.min_yield).min(settings.max_yield)
        };
        self.wait(&session, patience).await;
        self.collect(&session, called, request.max_output_tokens)
    }

    /// Kills a command and everything that it has started. Returns whether it was still running. Its last output can
    /// still be read.
    pub fn kill(&self, session_id: i32) -> bool {
        self.session(session_id).is_ok_and(|session| session.kill(EndReason::Killed))
    }

    /// Kills every command and everything that commands have left behind, and waits until the commands have ended and
    /// their ends have been reported. No command can start after this.
    pub async fn shutdown(&self) {
        let open = {
            let mut sessions = self.sessions();
            sessions.shut_down = true;
            std::mem::take(&mut sessions.open)
        };
        for session in open.values() {
            session.kill(EndReason::Killed);
        }
        for session in open.values() {
            session.wait().await;
        }
        self.survivors.kill().await;
    }

    /// Kills every command and everything that commands have left behind, without waiting for their ends.
    pub fn kill_all(&self) {
        for session in self.sessions().open.values() {
            session.kill(EndReason::Killed);
        }
        self.survivors.kill_now();
    }

    /// Waits until a command ends, but not longer than the limit.
    async fn wait(&self, session: &Session, limit: Duration) {
        self.pause.timeout(limit, session.wait()).await;
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, session_id: i32) -> Result<Arc<Session>, TerminalError> {
        let sessions = self.sessions();
        match sessions.open.get(&session_id) {
            Some(session) => Ok(Arc::clone(session)),
            None if (FIRST_SESSION_ID..sessions.next_id).contains(&session_id) => {
                Err(TerminalError::SessionEnded { session_id })
            }
            None => Err(TerminalError::NoSession { session_id }),
        }
    }

    fn start(&self, request: &ExecRequest) -> Result<Arc<Session>, TerminalError> {
        let settings = &self.settings;
        let cwd = request.cwd.as_ref().map_or_else(|| settings.cwd.clone(), |cwd| settings.cwd.join(cwd));
        if !cwd.is_dir() {
            return Err(TerminalError::NoDirectory { path: cwd });
        }
        // Listening must start before the child can end.
        let children = signal(SignalKind::child()).map_err(TerminalError::NoTerminal)?;
        let mark = Uuid::new_v4().simple().to_string();
        let mark_variable = (MARK.to_owned(), mark.clone());
        let env = settings.env.iter().chain(&request.env).chain([&mark_variable]).collect();
        let launch = Launch { command: &request.command, cwd: &cwd, env, hidden_env: &settings.hidden_env };
        let supervisor = {
            // Locked until the session is in the list, so that neither the limit nor a shutdown can be missed.
            let mut sessions = self.sessions();
            sessions.make_room(settings.max_sessions)?;
            let started = Instant::now();
            let (process, terminal) = launch.start()?;
            let session = Arc::new(Session::new(sessions.next_id, process, settings.max_buffered_bytes));
            sessions.next_id += 1;
            sessions.open.insert(session.id, Arc::clone(&session));
            Supervisor {
                session,
                call_id: request.call_id.clone(),
                terminal,
                children,
                decoder: Decoder::default(),
                whole: HeadTail::new(settings.max_buffered_bytes),
                on_event: Arc::clone(&self.on_event),
                started,
                pause: self.pause.clone(),
                time_limit: request.time_limit.or(settings.time_limit),
                line: InputLine::default(),
                mark,
                survivors: Arc::clone(&self.survivors),
                hangup_grace: settings.hangup_grace,
                left_behind: None,
                has_given_up: false,
            }
        };
        let session = Arc::clone(&supervisor.session);
        (self.on_event)(TerminalEvent::Began(CommandBegan {
            call_id: request.call_id.clone(),
            session_id: session.id,
            process_id: session.process.id(),
            command: request.command.clone(),
            cwd,
        }));
        tokio::spawn(supervisor.run());
        Ok(session)
    }

    /// Takes the output, and removes the session if the command has ended.
    fn collect(
        &self,
        session: &Session,
        called: Instant,
        max_output_tokens: Option<usize>,
    ) -> Result<ExecOutput, TerminalError> {
        let (fresh, end, background, fault) = {
            let mut state = session.state();
            state.last_used = Instant::now();
            (state.fresh.take(), state.end, std::mem::take(&mut state.background), state.fault.take())
        };
        if end.is_some() {
            self.sessions().open.remove(&session.id);
        }
        if let Some(reason) = fault {
            return Err(TerminalError::Fault { reason });
        }
        let mut chunk_id = Uuid::new_v4().simple().to_string();
        chunk_id.truncate(6);
        Ok(ExecOutput {
            chunk_id,
            wall_time: called.elapsed(),
            session_id: end.is_none().then_some(session.id),
            exit_code: end.map(|end| end.exit_code),
            timed_out: end.is_some_and(|end| end.reason == EndReason::TimedOut),
            original_token_count: fresh.token_count(),
            output: fresh.excerpt(max_output_tokens.unwrap_or(self.settings.max_output_tokens)),
            process_id: session.process.id(),
            background,
        })
    }
}

impl Sessions {
    /// Makes room for one more command. Removes ended sessions whose output has not been read, but never running ones.
    fn make_room(&mut self, limit: usize) -> Result<(), TerminalError> {
        if self.shut_down {
            return Err(TerminalError::ShutDown);
        }
        while self.open.len() >= limit {
            let unused = |only_ended: bool| {
                let sessions = self.open.values().map(|session| (session.id, session.state()));
                let eligible = sessions.filter(|(_, state)| !only_ended || state.end.is_some());
                eligible.min_by_key(|(_, state)| state.last_used).map(|(id, _)| id)
            };
            match unused(true) {
                Some(id) => drop(self.open.remove(&id)),
                None => {
                    return Err(TerminalError::TooManySessions { limit, oldest: unused(false).unwrap_or_default() });
                }
            }
        }
        Ok(())
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        self.kill_all();
    }
}

impl fmt::Debug for Terminals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminals").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Kills a command and removes its session if its call is dropped.
struct KillIfDropped<'a> {
    terminals: &'a Terminals,
    session: &'a Session,
    armed: bool,
}

impl Drop for KillIfDropped<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.session.kill(EndReason::Killed);
            self.terminals.sessions().open.remove(&self.session.id);
        }
    }
}
