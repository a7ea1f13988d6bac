//! What a list says about a bundle, without reducing it.

mod index;
mod prompt;
mod scan;

use std::{path::Path, time::UNIX_EPOCH};

use rollout_trace_bundle::{Bundle, OpenError};
use rollout_trace_evidence::{Evidence, Limits, PayloadBuffer, PayloadSource};
use rollout_trace_import::SessionOutline;
use rollout_trace_schema::{
    EventPayload, ExecutionStatus, Manifest, PayloadRef, ThreadId, UnixMillis,
    document::{SessionMetadata, SessionSource},
};
use serde::{Deserialize, Serialize};

pub use index::Index;
use prompt::first_prompt;
use scan::Scanner;

/// What a list says about a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// The schema version, if the bundle or its events state one.
    pub schema_version: Option<u32>,
    /// Whether that is newer than any known one. Then little else is known.
    pub is_newer: bool,
    /// The id of the rollout, if the manifest says it.
    pub rollout_id: Option<String>,
    /// When the recording began or, if the manifest does not say it, when the log was last written.
    pub started_at_unix_ms: Option<UnixMillis>,
    /// The time from the start to the end of the rollout or, while it runs, to its last event.
    pub duration_ms: Option<u64>,
    /// The status of the rollout; `running` if it has not ended.
    pub status: String,
    /// Whether the log, the manifest or the archive is damaged. Payloads are not looked at.
    pub damaged: bool,
    /// The program that recorded the rollout or, if it does not say so, the one that started the session.
    pub agent: Option<String>,
    /// The model that the root agent asked first.
    pub model: Option<String>,
    /// The folder in which the root agent works.
    pub cwd: Option<String>,
    /// How the text begins with which a person began the rollout.
    pub prompt: Option<String>,
    /// How many agents there are, the root among them.
    pub agents: u64,
    /// How many turns all agents had.
    pub turns: u64,
    /// Whether it is a session of another program, of which only the beginning and the end were read. Its status, its
    /// agents and its turns are unknown.
    #[serde(default)]
    pub is_session: bool,
}

impl Outline {
    /// Returns the outline of a session.
    pub fn of_session(session: SessionOutline) -> Self {
        let lasted = session.started_at_unix_ms.zip(session.last_at_unix_ms);
        Self {
            rollout_id: Some(session.session).filter(|session| !session.is_empty()),
            started_at_unix_ms: session.started_at_unix_ms,
            duration_ms: lasted.map(|(start, end)| end.max(start).abs_diff(start)),
            agent: Some(session.agent),
            model: session.model,
            cwd: session.cwd,
            prompt: session.prompt,
            is_session: true,
            ..Self::default()
        }
    }
}

/// What the events of a bundle say.
#[derive(Debug, Default)]
struct Events {
    agents: u64,
    turns: u64,
    status: Option<ExecutionStatus>,
    /// When the rollout ended or, if it has not, when its last event was recorded.
    ended_at: Option<UnixMillis>,
    model: Option<String>,
    metadata: Option<PayloadRef>,
    request: Option<PayloadRef>,
}

impl Events {
    fn take_thread(&mut self, thread: &ThreadId, metadata: Option<PayloadRef>, root: Option<&ThreadId>) {
        if self.metadata.is_none() && root.is_none_or(|root| root == thread) {
            self.metadata = metadata;
        }
    }

    fn take_request(&mut self, thread: &ThreadId, model: String, request: PayloadRef, root: Option<&ThreadId>) {
        if self.request.is_none() && root.is_none_or(|root| root == thread) {
            self.model = Some(model).filter(|model| !model.is_empty());
            self.request = Some(request);
        }
    }
}

/// Reads outlines, with buffers that are used again and again.
///
/// ```
/// use rollout_trace::{Limits, outline::Outliner};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
/// let outline = Outliner::default().outline("docs/sample-bundle".as_ref(), Limits::default())?;
/// assert_eq!((outline.status.as_str(), outline.agents), ("completed", 2));
/// # Ok::<(), rollout_trace::OpenError>(())
/// ```
#[derive(Debug, Default)]
pub struct Outliner {
    scanner: Scanner,
    buffer: PayloadBuffer,
}

impl Outliner {
    /// Reads the outline of a bundle: its manifest, its log, and two payloads. Of an archive, no payload is read.
    ///
    /// # Errors
    ///
    /// The bundle cannot be opened.
    pub fn outline(&mut self, path: &Path, limits: Limits) -> Result<Outline, OpenError> {
        let bundle = Bundle::open_events(path, limits)?;
        let header = bundle.header();
        let producer = bundle.manifest().and_then(|manifest| manifest.producer.as_ref());
        let mut outline = Outline {
            schema_version: header.stated_schema,
            is_newer: header.newer_schema().is_some(),
            rollout_id: header.rollout_id.as_ref().map(ToString::to_string),
            started_at_unix_ms: header.started_at_unix_ms.or_else(|| last_written(&bundle)),
            damaged: !bundle.problems().is_empty(),
            agent: producer.map(|producer| format!("{} {}", producer.name, producer.version)),
            ..Outline::default()
        };
        if outline.is_newer {
            return Ok(outline);
        }
        let events = match self.scanner.scan(&bundle) {
            Some(events) => events,
            None => read_events(&bundle, &mut outline.damaged),
        };
        outline.status = events.status.as_ref().unwrap_or(&ExecutionStatus::Running).as_str().to_owned();
        let lasted = header.started_at_unix_ms.zip(events.ended_at);
        outline.duration_ms = lasted.map(|(start, end)| end.max(start).abs_diff(start));
        (outline.agents, outline.turns, outline.model) = (events.agents, events.turns, events.model);
        let mut payloads = bundle.payloads();
        let metadata = events.metadata.filter(|metadata| payloads.load(metadata, &mut self.buffer).is_ok());
        if metadata.is_some()
            && let Ok(metadata) = serde_json::from_slice::<SessionMetadata>(self.buffer.bytes())
        {
            outline.cwd = Some(metadata.cwd).filter(|cwd| !cwd.is_empty());
            outline.model = outline.model.or(Some(metadata.model)).filter(|model| !model.is_empty());
            if let SessionSource::Program(source) = metadata.session_source {
                outline.agent.get_or_insert(source);
            }
        }
        let request = events.request.filter(|request| payloads.load(request, &mut self.buffer).is_ok());
        outline.prompt = request.and_then(|_| first_prompt(self.buffer.bytes()));
        Ok(outline)
    }
}

/// Returns when the log of a bundle was last written.
fn last_written(bundle: &Bundle) -> Option<UnixMillis> {
    let log = bundle.open_file(Manifest::RAW_EVENT_LOG).ok()?;
    let since = log.modified()?.duration_since(UNIX_EPOCH).ok()?;
    UnixMillis::try_from(since.as_millis()).ok()
}

/// Reads all events of a log that is not as writers leave it.
fn read_events(bundle: &Bundle, damaged: &mut bool) -> Events {
    let root = bundle.header().root_thread_id;
    let root = root.as_ref();
    let mut events = Events::default();
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else {
            *damaged = true;
            continue;
        };
        if events.status.is_none() {
            events.ended_at = Some(located.event.wall_time_unix_ms);
        }
        match located.event.payload {
            EventPayload::CodexTurnStarted(_) => events.turns += 1,
            EventPayload::ThreadStarted(started) => {
                events.agents += 1;
                events.take_thread(&started.thread_id, started.metadata_payload, root);
            }
            EventPayload::InferenceStarted(started) => {
                events.take_request(&started.thread_id, started.model, started.request_payload, root);
            }
            EventPayload::RolloutEnded(ended) => events.status = Some(ended.status),
            _ => {}
        }
    }
    events
}
