//! All terminals of a thread of work.

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
    decoder::Decoder,
    head_tail::HeadTail,
    process::Launch,
    session::Session,
    supervisor::{OnEvent, Supervisor},
};
use crate::pause::Pause;

/// Not a number that a model might take for an exit code or a count.
const FIRST_SESSION_ID: i32 = 1000;

/// Runs commands on pseudo-terminals and keeps those that go on after the call that started them.
///
/// Needs a tokio runtime with I/O and time. Dropping it kills every command, and what commands have started; only processes that
/// left the session of their command (`setsid`), or stayed behind after the command itself had ended (`nohup`), are nobody's any more.
pub struct Terminals {
    settings: TerminalSettings,
    on_event: OnEvent,
    /// While it lasts, nobody's time runs out.
    pause: Pause,
    sessions: Mutex<Sessions>,
}

struct Sessions {
    open: BTreeMap<i32, Arc<Session>>,
    next_id: i32,
    shut_down: bool,
}

impl Terminals {
    /// Makes an empty store. `on_event` hears of every command's begin and end as they happen, on whatever thread; it must not block.
    pub fn new(settings: TerminalSettings, on_event: impl Fn(TerminalEvent) + Send + Sync + 'static) -> Self {
        Self::with_pause(settings, Pause::new(), on_event)
    }

    /// Makes an empty store whose times, those to yield and those that commands may run, stand still during pauses.
    pub(crate) fn with_pause(
        settings: TerminalSettings,
        pause: Pause,
        on_event: impl Fn(TerminalEvent) + Send + Sync + 'static,
    ) -> Self {
        let sessions = Sessions { open: BTreeMap::new(), next_id: FIRST_SESSION_ID, shut_down: false };
        Self { settings, on_event: Arc::new(on_event), pause, sessions: Mutex::new(sessions) }
    }

    /// Says how commands run.
    pub fn settings(&self) -> &TerminalSettings {
        &self.settings
    }

    /// Starts a command and waits until it ends or the time to yield is there.
    ///
    /// # Errors
    /// When the command does not start. A command that fails is no error.
    pub async fn exec(&self, request: ExecRequest) -> Result<ExecOutput, TerminalError> {
        let settings = &self.settings;
        let called = Instant::now();
        let session = self.start(&request)?;
        let mut guard = KillIfDropped { terminals: self, session: &session, armed: request.kill_if_dropped };
        let patience = request.yield_time.unwrap_or(settings.exec_yield);
        self.wait(&session, patience.max(settings.min_yield).min(settings.max_yield)).await;
        guard.armed = false;
        Ok(self.collect(&session, called, request.max_output_tokens))
    }

    /// Types into a running command's terminal and waits until it ends or the time to yield is there.
    ///
    /// If the command has already ended, nothing is written, and its last output comes with its exit code. The call may be dropped at
    /// any time: what it was given is typed all the same, and the output stays for the next call.
    ///
    /// # Errors
    /// When there is no such session any more, or the command does not read its input.
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
        Ok(self.collect(&session, called, request.max_output_tokens))
    }

    /// Kills a command and everything it started, at once, and says whether it was still running. Its last output can be fetched.
    pub fn kill(&self, session_id: i32) -> bool {
        self.session(session_id).is_ok_and(|session| session.kill(EndReason::Killed))
    }

    /// Kills every command, and returns when all are gone and their ends told. No command can be started any more.
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
    }

    /// Waits for a command's end, but no longer than that.
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
        // Listening starts before the child can end.
        let children = signal(SignalKind::child()).map_err(TerminalError::NoTerminal)?;
        let env = settings.env.iter().chain(&request.env).collect();
        let launch = Launch { command: &request.command, cwd: &cwd, env, hidden_env: &settings.hidden_env };
        let supervisor = {
            // Held until the session is in the list, so that neither the limit nor a shutdown can be missed.
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

    /// Takes what has come out, and forgets the session if there will be no more.
    fn collect(&self, session: &Session, called: Instant, max_output_tokens: Option<usize>) -> ExecOutput {
        let (fresh, end) = {
            let mut state = session.state();
            state.last_used = Instant::now();
            (state.fresh.take(), state.end)
        };
        if end.is_some() {
            self.sessions().open.remove(&session.id);
        }
        let mut chunk_id = Uuid::new_v4().simple().to_string();
        chunk_id.truncate(6);
        ExecOutput {
            chunk_id,
            wall_time: called.elapsed(),
            session_id: end.is_none().then_some(session.id),
            exit_code: end.map(|end| end.exit_code),
            timed_out: end.is_some_and(|end| end.reason == EndReason::TimedOut),
            original_token_count: fresh.token_count(),
            output: fresh.excerpt(max_output_tokens.unwrap_or(self.settings.max_output_tokens)),
            process_id: session.process.id(),
        }
    }
}

impl Sessions {
    /// Makes sure that one more command may start. Ended ones whose output nobody has fetched go first; running ones are never touched.
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
        for session in self.sessions().open.values() {
            session.kill(EndReason::Killed);
        }
    }
}

impl fmt::Debug for Terminals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminals").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Kills and forgets a command whose call is dropped.
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
