//! Processes that outlive the command that started them.

use std::{
    collections::HashSet,
    fs, process,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use tokio::time::sleep;

use crate::lock::lock;

/// The environment variable by which a process is recognized that has left the session of its command.
pub(crate) const MARK: &str = "ROLLOUT_TRACE_COMMAND";

/// How long processes that a hangup does not concern may take to end after their command.
const SURVIVOR_GRACE: Duration = Duration::from_millis(100);

/// How long killed processes may take to end, if somebody waits for them without blocking a thread.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The same for a wait that blocks the thread. Whatever takes longer is waited for on a thread of its own.
pub(crate) const BRIEF_GRACE: Duration = Duration::from_millis(100);

/// How long such a thread waits. A process that is blocked in the kernel may take any time.
const LAST_GRACE: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A process that a command has left in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundProcess {
    /// The name of its program, of which the system keeps the first 15 characters.
    pub name: String,
    /// Its process id.
    pub process_id: u32,
    /// What became of it at the end of the command.
    pub state: BackgroundState,
}

/// What became of a background process at the end of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackgroundState {
    /// It was ended by the hangup of the command's terminal.
    HungUp,
    /// It is still running. It is killed at the end of all terminals.
    Running,
}

/// A process of the system, as Linux describes it. Other systems describe none, so that nothing is known there about
/// background processes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    pid: u32,
    parent: u32,
    session: u32,
    /// When it started. Together with the id this names a process for ever.
    started: u64,
    name: String,
    is_zombie: bool,
}

impl Found {
    fn all() -> Vec<Self> {
        let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        ids.filter_map(Self::read).collect()
    }

    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name is in parentheses and may contain any characters. State, parent, group and session follow it.
        let (name, fields) = (stat.split_once('(')?.1.rsplit_once(')')?.0, stat.rsplit_once(')')?.1);
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            pid,
            parent: number(1)?.try_into().ok()?,
            session: number(3)?.try_into().ok()?,
            started: number(19)?,
            name: name.to_owned(),
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
        })
    }

    fn has_mark(&self, mark: &str) -> bool {
        let wanted = format!("{MARK}={mark}");
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    }

    /// Returns whether the process has chosen to ignore a hangup.
    fn ignores_hangup(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let ignored =
            status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
        ignored.unwrap_or_default() >> (Signal::SIGHUP as u32 - 1) & 1 == 1
    }

    fn kill(&self) {
        // An error means that the process has ended, or that it belongs to another user.
        let _ = kill(pid(self.pid), Signal::SIGKILL);
    }

    /// Reaps the process if it is a child of this one and has ended. Returns how it ended.
    fn reap(&self) -> Option<WaitStatus> {
        // Another process may have the same id by now.
        let is_same = Self::read(self.pid).is_some_and(|now| now.started == self.started);
        let status = if is_same { waitpid(pid(self.pid), Some(WaitPidFlag::WNOHANG)).ok() } else { None };
        status.filter(|status| *status != WaitStatus::StillAlive)
    }
}

fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

/// Makes this process the parent of processes whose own parent has ended. Otherwise nobody could find out what became
/// of them. Other systems than Linux do not have this.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // An error means that the kernel is too old.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Lists the running processes of a session.
pub(crate) fn session_members(leader: u32) -> Vec<Pid> {
    let members = Found::all().into_iter().filter(|found| found.session == leader && !found.is_zombie);
    members.map(|found| pid(found.pid)).collect()
}

/// What a command leaves behind, from its end on.
#[derive(Debug)]
pub(crate) struct LeftBehind {
    leader: u32,
    mark: String,
    /// When to stop looking at processes that will not be hung up, and at all others.
    survivor_deadline: Instant,
    deadline: Instant,
    seen: Vec<Found>,
    hung_up: HashSet<u32>,
    running: Vec<Found>,
}

impl LeftBehind {
    /// Begins to look for what a command leaves behind. Its process has been reaped. The end of a command hangs up its
    /// terminal, which most processes do not survive; `grace` is how long they may take to end.
    pub(crate) fn of(leader: u32, mark: String, grace: Duration) -> Self {
        let now = Instant::now();
        let (survivor_deadline, deadline) = (now + grace.min(SURVIVOR_GRACE), now + grace);
        Self {
            leader,
            mark,
            survivor_deadline,
            deadline,
            seen: Vec::new(),
            hung_up: HashSet::new(),
            running: Vec::new(),
        }
    }

    /// Looks once. Returns whether there is nothing to wait for any more.
    pub(crate) fn is_known(&mut self) -> bool {
        let is_left = |found: &Found| {
            // A process that has ended has no environment any more.
            let is_seen = || self.seen.iter().any(|seen| (seen.pid, seen.started) == (found.pid, found.started));
            let is_marked = || found.parent == process::id() && found.has_mark(&self.mark);
            found.pid != self.leader && (found.session == self.leader || is_seen() || is_marked())
        };
        let left = Found::all().into_iter().filter(is_left);
        let (ended, running): (Vec<_>, Vec<_>) = left.partition(|found| found.is_zombie);
        for found in &ended {
            if let Some(WaitStatus::Signaled(_, Signal::SIGHUP, _)) = found.reap() {
                self.hung_up.insert(found.pid);
            }
        }
        for found in ended.into_iter().chain(running.iter().cloned()) {
            if self.seen.iter().all(|seen| seen.pid != found.pid) {
                self.seen.push(found);
            }
        }
        self.running = running;
        let now = Instant::now();
        let is_hung_up = |found: &Found| found.session == self.leader && !found.ignores_hangup();
        let is_over = now >= self.survivor_deadline && !self.running.iter().any(is_hung_up);
        self.running.is_empty() || is_over || now >= self.deadline
    }

    /// Looks until everything is known.
    pub(crate) async fn known(&mut self) {
        while !self.is_known() {
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Looks until everything is known. This blocks the thread, but not for long.
    pub(crate) fn wait(&mut self) {
        while !self.is_known() {
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Kills what is still running, and waits until it has ended.
    pub(crate) async fn kill(&mut self) {
        self.kill_running(KILL_GRACE);
        self.known().await;
    }

    /// Kills what is still running. This blocks the thread, but not for long.
    pub(crate) fn kill_now(&mut self) {
        self.kill_running(BRIEF_GRACE);
        self.wait();
    }

    fn kill_running(&mut self, grace: Duration) {
        self.running.iter().for_each(Found::kill);
        self.deadline = Instant::now() + grace;
        self.survivor_deadline = self.deadline;
    }

    /// Returns what was left behind, and hands over what is still running.
    pub(crate) fn finish(self, survivors: &Survivors) -> Vec<BackgroundProcess> {
        let process =
            |found: &Found, state| BackgroundProcess { name: found.name.clone(), process_id: found.pid, state };
        let hung_up = self.seen.iter().filter(|found| self.hung_up.contains(&found.pid));
        let mut left: Vec<_> = hung_up.map(|found| process(found, BackgroundState::HungUp)).collect();
        left.extend(self.running.iter().map(|found| process(found, BackgroundState::Running)));
        survivors.add(self.running);
        left
    }
}

/// The processes that have outlived their commands.
#[derive(Debug, Default)]
pub(crate) struct Survivors(Mutex<Vec<Found>>);

impl Survivors {
    fn add(&self, found: Vec<Found>) {
        let mut survivors = lock(&self.0);
        survivors.retain(|survivor| survivor.reap().is_none());
        survivors.extend(found);
    }

    /// Kills them, and what is in their sessions, and waits until they have ended.
    pub(crate) async fn kill(&self) {
        let mut doomed = self.take();
        let deadline = Instant::now() + KILL_GRACE;
        while !doomed.are_gone() && Instant::now() < deadline {
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Kills them, and what is in their sessions. This blocks the thread, but not for long.
    pub(crate) fn kill_now(&self) {
        let doomed = self.take();
        if let Some(doomed) = doomed.wait(BRIEF_GRACE) {
            // Nobody else would reap them. An error means that they stay zombies as long as this process runs.
            drop(thread::Builder::new().name("reaper".to_owned()).spawn(move || drop(doomed.wait(LAST_GRACE))));
        }
    }

    fn take(&self) -> Doomed {
        Doomed { survivors: std::mem::take(&mut *lock(&self.0)), sessions: HashSet::new() }
    }
}

/// Processes that are being killed.
struct Doomed {
    survivors: Vec<Found>,
    /// The sessions that they lead, or belong to.
    sessions: HashSet<u32>,
}

impl Doomed {
    /// Kills and reaps once. Returns whether none is left.
    fn are_gone(&mut self) -> bool {
        if self.survivors.is_empty() {
            return true;
        }
        let all = Found::all();
        let is_survivor = |found: &&Found| {
            self.survivors.iter().any(|survivor| (survivor.pid, survivor.started) == (found.pid, found.started))
        };
        // While one of them exists, no other session can have the same id.
        let sessions: Vec<u32> = all.iter().filter(is_survivor).map(|found| found.session).collect();
        self.sessions.extend(sessions);
        let members: Vec<_> = all.iter().filter(|found| self.sessions.contains(&found.session)).collect();
        members.iter().for_each(|found| found.kill());
        members.iter().all(|found| found.reap().is_some() || found.is_zombie)
    }

    /// Waits until all have ended. Returns those that have not within the limit.
    fn wait(mut self, limit: Duration) -> Option<Self> {
        let deadline = Instant::now() + limit;
        while !self.are_gone() {
            if Instant::now() >= deadline {
                return Some(self);
            }
            thread::sleep(POLL_INTERVAL);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found() {
        let found = Found::read(process::id()).unwrap();
        assert!(!found.is_zombie && found.started > 0 && !found.name.is_empty());
        assert!(Found::all().contains(&found));
        assert!(!found.has_mark("none") && found.reap().is_none());
    }
}
