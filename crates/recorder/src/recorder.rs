//! One rollout's recorder, which all of its handles share.

use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher, RandomState},
    io, mem,
    path::PathBuf,
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use rollout_trace_schema::{
    EventPayload, Manifest, Other, Producer, ProtocolEventObserved, RecordingCompleted, RolloutId, RolloutStarted,
    SchemaVersion, Seq, ThreadId, TraceId,
    document::{RecorderReport, RecordingLoss, RedactionCount},
    packed::{FileHeader, PACK_FILE, PACK_ROOM, PACKED_LAYOUT},
};
use serde::Serialize;

use crate::{
    PayloadLayout, StartError, TraceOptions,
    event_line::{self, Context, EventText},
    loss::{LossLedger, Lost},
    payload::{self, PackedRecord, Prepared},
    redaction::Redaction,
    sink::{self, Appender, Sink},
    walk::{FingerprintKey, KnownTexts, Spares},
};

/// How often a bundle's folder is sought when its name is taken.
const MAX_NAME_TRIES: usize = 8;

/// Everything that the handles of one rollout share.
pub(crate) struct Recorder {
    pub(crate) options: TraceOptions,
    pub(crate) rollout_id: RolloutId,
    pub(crate) sink: Sink,
    /// The process that may write. A forked child has the same handles and must not.
    process_id: u32,
    pub(crate) next_payload: AtomicU64,
    next_compaction_request: AtomicU64,
    /// How many bytes the bundle has, about.
    bytes: AtomicU64,
    writer: Mutex<Writer>,
    /// Whether the end is being written, for which no limit holds.
    closing: AtomicBool,
    /// Whether the end marker is written. Set under the writer's lock.
    closed: AtomicBool,
    /// The number of the first payload file that no sync was for.
    next_unsynced: AtomicU64,
    pub(crate) losses: LossLedger,
    /// Whether a report of losses is being written, so that its own failure is not reported at once.
    reporting: AtomicBool,
    pub(crate) redaction: Option<Redaction>,
    pub(crate) packing: Option<Packing>,
    /// The threads that this bundle knows.
    threads: Mutex<HashMap<ThreadId, KnownThread>>,
}

/// What the packed layout needs beside the writer.
pub(crate) struct Packing {
    pub(crate) salt: u64,
    pub(crate) key: FingerprintKey,
    pub(crate) known: Mutex<KnownTexts>,
    pub(crate) spares: Spares,
    /// How much memory the threads' comparison states take.
    pub(crate) compare_bytes: AtomicUsize,
    /// Whether a wrong hint was warned of: a core that gives one gives it with each request.
    pub(crate) warned_of_hint: AtomicBool,
}

/// What is done under the lock: as little as possible.
struct Writer {
    log: Appender,
    pack: Option<Appender>,
    seq: Seq,
    line: Vec<u8>,
}

/// Why an event is not in the log.
pub(crate) enum Refusal {
    /// The recording is over, or it is another process's.
    NotOurs,
    /// It could not be written.
    Lost(String),
}

impl Recorder {
    /// Begins a bundle under `root`.
    pub(crate) fn start(root: PathBuf, root_thread_id: &ThreadId, options: TraceOptions) -> Result<Self, StartError> {
        let rollout_id = RolloutId::new(root_thread_id.as_str());
        let started_at_unix_ms = options.now();
        let packed = options.layout == PayloadLayout::Packed;
        let mut tries = 0;
        let (trace_id, sink) = loop {
            let trace_id = TraceId::from(options.mint());
            let manifest = Manifest {
                schema_version: SchemaVersion::NEWEST.number(),
                trace_id: trace_id.clone(),
                rollout_id: rollout_id.clone(),
                root_thread_id: root_thread_id.clone(),
                started_at_unix_ms,
                raw_event_log: Manifest::RAW_EVENT_LOG.to_owned(),
                payloads_dir: Manifest::PAYLOADS_DIR.to_owned(),
                payload_layout: packed.then(|| PACKED_LAYOUT.to_owned()),
                producer: Some(Producer {
                    name: env!("CARGO_PKG_NAME").to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                }),
                unknown: serde_json::Map::new(),
            };
            let manifest = serde_json::to_vec_pretty(&manifest).expect("a manifest has a JSON text");
            let folder = root.join(format!("trace-{}-{}", file_name(&trace_id), file_name(root_thread_id)));
            let sink = match &options.memory {
                Some(memory) => Sink::Memory(memory.store()),
                None => {
                    sink::make_trace_root(&root).map_err(|source| StartError::Root { path: root.clone(), source })?;
                    Sink::in_folder(folder.clone())
                }
            };
            tries += 1;
            match sink.create(&manifest, !packed) {
                Ok(()) => break (trace_id, sink),
                // Two sessions with one root and a source of ids that repeats itself.
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists && tries < MAX_NAME_TRIES => {}
                Err(source) => return Err(StartError::Bundle { path: folder, source }),
            }
        };
        let failed = |source| StartError::Bundle { path: root.clone(), source };
        let salt = RandomState::new().hash_one(&rollout_id);
        let pack = match packed {
            true => {
                let mut pack = sink.appender(PACK_FILE, PACK_ROOM).map_err(failed)?;
                pack.append(&FileHeader { salt }.encode()).map_err(failed)?;
                Some(pack)
            }
            false => None,
        };
        let log = sink.appender(Manifest::RAW_EVENT_LOG, 0).map_err(failed)?;
        let recorder = Self {
            redaction: options.redactor.clone().map(Redaction::new),
            packing: packed.then(|| Packing {
                salt,
                key: FingerprintKey::random(),
                known: Mutex::default(),
                spares: Spares::default(),
                compare_bytes: AtomicUsize::new(0),
                warned_of_hint: AtomicBool::new(false),
            }),
            options,
            rollout_id,
            sink,
            process_id: process::id(),
            next_payload: AtomicU64::new(1),
            next_compaction_request: AtomicU64::new(1),
            bytes: AtomicU64::new(0),
            writer: Mutex::new(Writer { log, pack, seq: 0, line: Vec::new() }),
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            next_unsynced: AtomicU64::new(1),
            losses: LossLedger::default(),
            reporting: AtomicBool::new(false),
            threads: Mutex::default(),
        };
        let started = RolloutStarted { trace_id, root_thread_id: root_thread_id.clone() };
        recorder.append(Context::default(), started);
        Ok(recorder)
    }

    /// Whether this process may write.
    pub(crate) fn is_ours(&self) -> bool {
        process::id() == self.process_id
    }

    /// Mints an id.
    pub(crate) fn mint(&self) -> String {
        self.options.mint()
    }

    /// Mints the id of a request for a compaction.
    pub(crate) fn mint_compaction_request(&self) -> String {
        format!("compaction_request:{}", self.next_compaction_request.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the bundle has room for a payload document of this size.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes.load(Ordering::Relaxed).saturating_add(bytes as u64) <= self.options.max_bundle_bytes
    }

    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Appends an event that refers to no payload.
    pub(crate) fn append(&self, context: Context<'_>, event: impl Into<EventPayload>) {
        self.commit(context, &event.into(), []);
    }

    /// Appends an event with one payload.
    pub(crate) fn append_with(&self, context: Context<'_>, payload: Prepared, event: impl Into<EventPayload>) {
        self.commit(context, &event.into(), [payload]);
    }

    /// Appends an event and the payloads that it refers to, these first. Never called in a forked child.
    pub(crate) fn commit<const N: usize>(&self, context: Context<'_>, event: &impl EventText, payloads: [Prepared; N]) {
        let tail = match self.tail(context, event) {
            Ok(tail) => tail,
            Err(reason) => return self.losses.note(Lost::Event, reason),
        };
        let mut records = payloads.map(|payload| payload.record);
        // None: it was not tried.
        let mut written: [Option<Result<(), String>>; N] = [const { None }; N];
        let result = {
            let mut writer = self.writer();
            self.may_write().and_then(|()| {
                for (record, written) in records.iter_mut().zip(&mut written) {
                    *written = record.as_mut().map(|record| self.write_record(&mut writer, record));
                }
                self.write_line(&mut writer, &tail).map_err(Refusal::Lost)
            })
        };
        for (record, written) in records.into_iter().zip(written) {
            match (record, written) {
                (Some(record), Some(Ok(()))) => record.written(self),
                (_, Some(Err(reason))) => self.losses.note(Lost::Payload, reason),
                _ => {}
            }
        }
        match result {
            Ok(()) => self.report_losses(),
            Err(Refusal::Lost(reason)) => self.losses.note(Lost::Event, reason),
            Err(Refusal::NotOurs) => {}
        }
    }

    /// What the event's line ends with, redacted.
    fn tail(&self, context: Context<'_>, event: &impl EventText) -> Result<Vec<u8>, String> {
        let mut tail = event_line::encode_tail(self.options.now(), &self.rollout_id, context, event);
        if let Some(redaction) = &self.redaction {
            payload::guarded("redact an event", || {
                redaction.apply_to_event(&mut tail);
                Ok(())
            })?;
        }
        Ok(tail)
    }

    /// What the redactor makes of a text; none: it stays as it is.
    pub(crate) fn redacted(&self, text: &str) -> Option<String> {
        let redaction = self.redaction.as_ref()?;
        payload::guarded("redact a text", || Ok(redaction.apply(text))).unwrap_or_else(Some)
    }

    /// Whether an event and its payloads may still be written. To be sure, the writer's lock must be held.
    pub(crate) fn may_write(&self) -> Result<(), Refusal> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Refusal::NotOurs);
        }
        let limit = self.options.max_bundle_bytes;
        if self.bytes.load(Ordering::Relaxed) > limit.saturating_add(limit / 8) && !self.closing.load(Ordering::Relaxed)
        {
            return Err(Refusal::Lost(format!("the bundle is larger than the limit of {limit} bytes")));
        }
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Nothing that panics happens under this lock; were it poisoned, what it guards would still be whole.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_record(&self, writer: &mut Writer, record: &mut PackedRecord) -> Result<(), String> {
        let (Some(packing), Some(pack)) = (&self.packing, &mut writer.pack) else { return Ok(()) };
        let bytes = record.sealed.at(packing.salt, pack.length());
        pack.append(bytes).map_err(|error| format!("cannot write a payload: {error}"))?;
        self.count_bytes(record.sealed.len());
        Ok(())
    }

    fn write_line(&self, writer: &mut Writer, tail: &[u8]) -> Result<(), String> {
        let Writer { log, line, seq, .. } = writer;
        event_line::assemble(line, *seq + 1, tail);
        if log.is_torn() {
            // What a failed write left behind must not run into the next line.
            line.insert(0, b'\n');
        }
        log.append(line).map_err(|error| format!("cannot write an event: {error}"))?;
        *seq += 1;
        self.count_bytes(line.len());
        Ok(())
    }

    /// Writes into the trace what it lost, if there is anything new to say.
    fn report_losses(&self) {
        if self.reporting.swap(true, Ordering::Acquire) {
            return;
        }
        if let Some(loss) = self.losses.take_pending() {
            let told = self.report(RecorderReport::LOSS, &loss).or_else(|_| self.report_without_document(&loss));
            match told {
                Ok(()) => self.losses.tell(&loss),
                Err(_) => self.losses.restore(loss),
            }
        }
        self.reporting.store(false, Ordering::Release);
    }

    /// Writes a protocol event of the recorder's own, with its document or not at all.
    ///
    /// The limits for payloads do not hold for it: else a trace that they make incomplete could not say so.
    pub(crate) fn report(&self, event_type: &str, document: &impl Serialize) -> Result<(), Refusal> {
        self.may_write()?;
        let payload = self.prepare_report(document).map_err(Refusal::Lost)?;
        let event = ProtocolEventObserved { event_type: event_type.to_owned(), event_payload: payload.reference() };
        self.append_report(event.into(), payload.record)
    }

    /// Writes what was lost where no document can be written and a line perhaps can.
    ///
    /// Other tools refuse such an event. They refuse a bundle that lacks a document in any case.
    fn report_without_document(&self, loss: &RecordingLoss) -> Result<(), Refusal> {
        let event = Other {
            kind: RecorderReport::LOSS.to_owned(),
            summary: "the recorder could not record everything".to_owned(),
            payloads: Vec::new(),
            metadata: serde_json::to_value(loss).expect("numbers and texts have a JSON value"),
        };
        self.append_report(event.into(), None)
    }

    /// Appends an event of the recorder's own and its document: both, or it fails.
    fn append_report(&self, event: EventPayload, mut record: Option<PackedRecord>) -> Result<(), Refusal> {
        let tail = self.tail(Context::default(), &event).map_err(Refusal::Lost)?;
        let mut writer = self.writer();
        self.may_write()?;
        if let Some(record) = &mut record {
            self.write_record(&mut writer, record).map_err(Refusal::Lost)?;
        }
        self.write_line(&mut writer, &tail).map_err(Refusal::Lost)?;
        drop(writer);
        if let Some(record) = record {
            record.written(self);
        }
        Ok(())
    }

    /// Notes that a thread got a handle of its own. Gives what the bundle knew of the thread.
    pub(crate) fn enter_thread(&self, thread_id: &ThreadId) -> ThreadEntry {
        let mut threads = self.threads();
        let thread = threads.entry(thread_id.clone()).or_default();
        thread.handles += 1;
        match (mem::replace(&mut thread.known, true), mem::replace(&mut thread.ended, false)) {
            (false, _) => ThreadEntry::New,
            (true, true) => ThreadEntry::Ended,
            (true, false) => ThreadEntry::Running,
        }
    }

    /// Notes that a thread ends. False: it has ended before.
    pub(crate) fn leave_thread(&self, thread_id: &ThreadId) -> bool {
        self.threads().get_mut(thread_id).is_some_and(|thread| !mem::replace(&mut thread.ended, true))
    }

    /// Notes that a thread's handle is gone. True: it was the last one, and the thread has not ended.
    pub(crate) fn drop_thread(&self, thread_id: &ThreadId) -> bool {
        self.threads().get_mut(thread_id).is_some_and(|thread| {
            thread.handles -= 1;
            thread.handles == 0 && !thread.ended
        })
    }

    fn threads(&self) -> MutexGuard<'_, HashMap<ThreadId, KnownThread>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the disk has everything, if the options ask for it.
    pub(crate) fn sync_if_asked(&self) {
        if self.options.sync_at_turn_end {
            self.sync();
        }
    }

    fn sync(&self) {
        let files = self.sync_payload_files();
        if let Err(error) = self.sync_appended().and(files) {
            self.losses.note(Lost::Event, format!("cannot sync the trace to disk: {error}"));
        }
    }

    /// Waits until the disk has what was appended. Other threads go on appending meanwhile.
    fn sync_appended(&self) -> io::Result<()> {
        let writer = self.writer();
        let (pack, log) = (writer.pack.as_ref().and_then(Appender::file), writer.log.file());
        drop(writer);
        // The payloads before the events that refer to them.
        [pack, log].iter().flatten().try_for_each(|file| file.sync_data())
    }

    /// Waits until the disk has the payload files that were written since the last time, and their names.
    fn sync_payload_files(&self) -> io::Result<()> {
        let (None, Some(folder)) = (&self.packing, self.sink.folder()) else { return Ok(()) };
        let to = self.next_payload.load(Ordering::Relaxed);
        for number in self.next_unsynced.swap(to, Ordering::Relaxed)..to {
            match File::open(folder.join(payload::payload_path(number))) {
                Ok(file) => file.sync_data()?,
                // It is lost, and counted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // Elsewhere a folder is no file that can be opened.
        if cfg!(unix) { File::open(folder.join(Manifest::PAYLOADS_DIR))?.sync_all() } else { Ok(()) }
    }

    /// Writes what is left to say, and then the end marker, after which nothing follows. A trace that does not say everything that it
    /// lost does not get one.
    pub(crate) fn close(&self) {
        if !self.is_ours() || self.closed.load(Ordering::Relaxed) {
            return;
        }
        self.closing.store(true, Ordering::Relaxed);
        if let Some(pack) = &mut self.writer().pack {
            // On a full disk, this makes room for what is left to say.
            pack.give_room_back();
        }
        if let Some(redacted) = self.redaction.as_ref().map(Redaction::count).filter(|&count| count > 0)
            && let Err(Refusal::Lost(reason)) = self.report(RecorderReport::REDACTED, &RedactionCount { redacted })
        {
            self.losses.note(Lost::Event, reason);
        }
        self.report_losses();
        let event = EventPayload::from(RecordingCompleted {});
        let tail = event_line::encode_tail(self.options.now(), &self.rollout_id, Context::default(), &event);
        let mut writer = self.writer();
        if !self.closed.swap(true, Ordering::Relaxed) && self.losses.all_is_told() {
            // A trace that could not take its end marker is one that does not have it.
            let _ = self.write_line(&mut writer, &tail);
        }
        drop(writer);
        self.sync_if_asked();
    }
}

/// What a bundle knows of a thread.
#[derive(Debug, Default)]
struct KnownThread {
    known: bool,
    ended: bool,
    /// How many contexts were made for it and are not gone.
    handles: usize,
}

/// What a bundle knew of a thread when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadEntry {
    New,
    Running,
    Ended,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes an id fit for a file name.
fn file_name(id: &str) -> String {
    const MAX: usize = 96;
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    id.chars().take(MAX).map(fit).collect()
}
