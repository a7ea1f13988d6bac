//! Records what a proxy saw, as a rollout.

mod bodies;
mod call;
mod report;
mod socket;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use rollout_trace_recorder::{
    ExecutionStatus, Observed, Redactor, RolloutTraceContext, StartError, ThreadStartedTraceMetadata,
    ThreadTraceContext, TraceOptions, UnixMillis,
};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use self::report::{Report, Unrecorded};
use self::{bodies::Bodies, call::StartedCall, socket::Socket};
use crate::{
    Feed, Missing, Redact, RequestSeen, Seen, What,
    call::{api_of, opens_calls},
    request::AnswerView,
    tap::{ExchangeEnd, ExchangeId},
    threads::{NewThread, ThreadNumber, Threads},
};

/// Records what a proxy sees, on an OS thread of its own, until the proxy is gone.
///
/// ```
/// use rollout_trace_capture::{Proxy, Recording, Redact, Tap, Upstream};
/// use rollout_trace_recorder::ExecutionStatus;
///
/// # let folder = tempfile::tempdir()?;
/// # let root = folder.path();
/// let (tap, feed) = Tap::open();
/// let upstreams = vec![Upstream::parse("anthropic", "https://api.anthropic.com")?];
/// let proxy = Proxy::start(upstreams, |_| None, tap)?;
/// let recording = Recording::start(root, Redact::Common, feed)?;
/// // The agent runs.
/// drop(proxy);
/// let report = recording.finish(ExecutionStatus::Completed);
/// assert_eq!(report.recorded, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recording {
    folder: Option<PathBuf>,
    status: Sender<ExecutionStatus>,
    recorder: JoinHandle<Report>,
}

impl Recording {
    /// Begins a bundle under `root`, and records what comes out of the feed.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be made.
    pub fn start(root: &Path, redact: Redact, feed: Feed) -> Result<Self, StartError> {
        let clock = Arc::new(AtomicI64::new(millis(SystemTime::now())));
        let read = Arc::clone(&clock);
        let observed = Observed { tools: Some(false), agents: Some(false), ..Observed::default() };
        let mut options = TraceOptions::new().observed(observed).clock(move || read.load(Ordering::Relaxed));
        if redact == Redact::Common {
            options = options.redactor(Redactor::common_secrets());
        }
        let rollout = RolloutTraceContext::start(root, Uuid::new_v4().to_string(), options)?;
        let folder = rollout.bundle_folder();
        let (status, ended) = channel();
        let recorder = thread::Builder::new().name("recording".to_owned()).spawn(move || {
            let mut recorder = Recorder::new(rollout, redact, clock);
            while let Some(seen) = feed.next() {
                recorder.see(seen);
            }
            recorder.end(ended.recv().unwrap_or(ExecutionStatus::Aborted))
        });
        let recorder = recorder.map_err(|source| StartError::Root { path: root.to_owned(), source })?;
        Ok(Self { folder, status, recorder })
    }

    /// Returns the folder of the bundle.
    pub fn bundle_folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Ends the recording, and removes the bundle. The proxy has to be gone already.
    ///
    /// # Errors
    ///
    /// The bundle cannot be removed.
    pub fn discard(self) -> io::Result<()> {
        match self.finish(ExecutionStatus::Aborted).bundle {
            Some(folder) => fs::remove_dir_all(folder),
            None => Ok(()),
        }
    }

    /// Waits until everything is recorded, and ends the rollout with this status. The proxy has to be gone already.
    pub fn finish(self, status: ExecutionStatus) -> Report {
        let Self { folder, status: sender, recorder } = self;
        // Without a receiver, the recording has failed, which joining it shows.
        let _ = sender.send(status);
        recorder.join().unwrap_or_else(|_| Report { bundle: folder, has_failed: true, ..Report::default() })
    }
}

fn millis(time: SystemTime) -> UnixMillis {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX))
}

/// Turns what is seen into events.
struct Recorder {
    rollout: RolloutTraceContext,
    redact: Redact,
    /// The time of what is being recorded, which may have waited.
    clock: Arc<AtomicI64>,
    threads: Threads,
    recorded: HashMap<ThreadNumber, RecordedThread>,
    exchanges: HashMap<ExchangeId, Exchange>,
    report: Report,
}

struct RecordedThread {
    trace: ThreadTraceContext,
    /// The turn that runs, and the status that it has if it ends now.
    turn: Option<(String, ExecutionStatus)>,
}

/// An exchange that is not over.
struct Exchange {
    request: RequestSeen,
    bodies: Bodies,
    started: Option<StartedCall>,
    /// The WebSocket to which it went over, if models are called over it.
    socket: Option<Box<Socket>>,
}

impl Recorder {
    fn new(rollout: RolloutTraceContext, redact: Redact, clock: Arc<AtomicI64>) -> Self {
        let report = Report { bundle: rollout.bundle_folder(), ..Report::default() };
        Self {
            rollout,
            redact,
            clock,
            threads: Threads::default(),
            recorded: HashMap::new(),
            exchanges: HashMap::new(),
            report,
        }
    }

    fn see(&mut self, seen: Seen) {
        let Seen { exchange: id, at, what } = seen;
        self.clock.store(millis(at), Ordering::Relaxed);
        if let What::Request(request) = what {
            self.report.seen += 1;
            let exchange = Exchange { request, bodies: Bodies::new(at), started: None, socket: None };
            self.exchanges.insert(id, exchange);
            return;
        }
        if let What::End(end) = what {
            if let Some(exchange) = self.exchanges.remove(&id) {
                self.end_exchange(exchange, &end, at);
            }
            return;
        }
        if let What::Tunneled { side, data } = what {
            if let Some(mut exchange) = self.exchanges.remove(&id) {
                if let Some(socket) = &mut exchange.socket {
                    self.see_tunneled((&exchange.request, socket), (side, &data), at);
                }
                self.exchanges.insert(id, exchange);
            }
            return;
        }
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        if let What::Response(head) = &what
            && head.status == 101
            && opens_calls(&exchange.request)
        {
            exchange.socket = Some(Box::new(Socket::new(head.clone())));
        }
        let is_request_end = matches!(what, What::RequestEnd);
        let api = exchange.started.as_ref().map(StartedCall::wire_api);
        exchange.bodies.add(what, at, api);
        if is_request_end && let Some(mut exchange) = self.exchanges.remove(&id) {
            exchange.started = self.start_call(&exchange.request, &mut exchange.bodies);
            self.exchanges.insert(id, exchange);
        }
    }

    /// Records a request if it calls a model. Returns `None` if it does not, or if its body is not known.
    fn start_call(&mut self, request: &RequestSeen, bodies: &mut Bodies) -> Option<StartedCall> {
        let api = api_of(&request.method, &request.target)?;
        let body = bodies.request_body(&request.headers)?;
        let asked = call::Asked::read(api, request, body, self.redact)?;
        self.start_asked(asked, request)
    }

    /// Records the request of a call.
    fn start_asked(&mut self, asked: call::Asked, request: &RequestSeen) -> Option<StartedCall> {
        let place = self.threads.place(asked.request(&request.headers));
        if let Some(new) = &place.new_thread {
            let trace = self.rollout.start_thread(metadata(&place.thread_id, new, &asked, request));
            self.recorded.insert(place.thread, RecordedThread { trace, turn: None });
        }
        let thread = self.recorded.get_mut(&place.thread)?;
        if place.begins_turn {
            thread.end_turn();
            thread.trace.record_codex_turn_started(place.turn_id.as_str());
            thread.turn = Some((place.turn_id.clone(), ExecutionStatus::Running));
        }
        Some(StartedCall::start(&thread.trace, place, asked, request))
    }

    fn end_exchange(&mut self, exchange: Exchange, end: &ExchangeEnd, at: SystemTime) {
        let Exchange { request, bodies, started, socket } = exchange;
        if let Some(mut socket) = socket {
            if !self.end_socket(&mut socket, end, at) {
                self.report.note_unrecorded(&request, Unrecorded::OtherProtocol);
            }
            return;
        }
        if let ExchangeEnd::UpstreamBroke(how) = end {
            self.report.note_broken(how);
        }
        let Some(call) = started else {
            let why = match end {
                ExchangeEnd::Upgraded => Unrecorded::OtherProtocol,
                _ if bodies.request_missing == Some(Missing::FellBehind) => Unrecorded::FellBehind,
                _ if bodies.request_missing == Some(Missing::TooLarge) => Unrecorded::TooLarge,
                _ if api_of(&request.method, &request.target).is_some() => Unrecorded::Unreadable,
                _ => Unrecorded::NoCall,
            };
            return self.report.note_unrecorded(&request, why);
        };
        self.finish_call(call, (&request, bodies), end, at);
    }

    /// Records the end of a call. Returns what its answer says.
    fn finish_call(
        &mut self,
        call: StartedCall,
        (request, bodies): (&RequestSeen, Bodies),
        end: &ExchangeEnd,
        at: SystemTime,
    ) -> AnswerView {
        match bodies.answer_missing {
            Some(Missing::FellBehind) => self.report.cut_answers += 1,
            Some(Missing::TooLarge) => self.report.large_answers += 1,
            None => {}
        }
        let outcome = call.end(request, bodies, end, at, self.redact);
        self.report.recorded += 1;
        self.threads.answer(outcome.thread, outcome.body, &outcome.answer, outcome.state);
        if let Some(thread) = self.recorded.get_mut(&outcome.thread)
            && let Some((turn_id, status)) = &mut thread.turn
            && *turn_id == outcome.turn_id
        {
            *status = outcome.status;
        }
        outcome.answer
    }

    fn end(mut self, status: ExecutionStatus) -> Report {
        let now = SystemTime::now();
        self.clock.store(millis(now), Ordering::Relaxed);
        let mut open: Vec<_> = std::mem::take(&mut self.exchanges).into_iter().collect();
        open.sort_by_key(|(id, _)| *id);
        for (_, exchange) in open {
            self.end_exchange(exchange, &ExchangeEnd::Stopped, now);
        }
        let mut threads: Vec<_> = std::mem::take(&mut self.recorded).into_iter().collect();
        threads.sort_by_key(|(number, _)| *number);
        for (_, mut thread) in threads {
            thread.end_turn();
            thread.trace.record_ended(ExecutionStatus::Completed);
        }
        self.rollout.record_ended(status);
        self.rollout.finish();
        let outcome = self.rollout.outcome();
        self.report.lost = outcome.loss.lost_events + outcome.loss.lost_payloads;
        self.report
    }
}

impl RecordedThread {
    fn end_turn(&mut self) {
        if let Some((turn_id, status)) = self.turn.take() {
            self.trace.record_codex_turn_ended(turn_id.as_str(), status);
        }
    }
}

/// Returns what is known about a thread when its first request is seen.
fn metadata(
    thread_id: &str,
    new: &NewThread,
    asked: &call::Asked,
    request: &RequestSeen,
) -> ThreadStartedTraceMetadata<&'static str> {
    let mut metadata = ThreadStartedTraceMetadata::new(thread_id, new.agent_path.as_str(), "capture")
        .model(asked.model(), request.upstream.as_str());
    let known = [
        ("session_id", new.session_id.as_deref()),
        ("agent_id", new.agent_id.as_deref()),
        ("parent_thread_id", new.parent_thread_id.as_deref()),
        ("user_agent", request.headers.get("user-agent")),
        ("thread_assignment", Some(new.assignment.as_str())),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    metadata.more = known.collect::<Map<_, _>>();
    metadata
}
