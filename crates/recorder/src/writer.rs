//! The log and the file of payloads, behind one lock.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rollout_trace_schema::{Manifest, Seq, packed::SealedRecord};
use thiserror::Error;

use crate::{
    event_line,
    new_bundle::Pack,
    payload::payload_path,
    sink::{Appender, Sink},
};

/// Writes events and payloads. What it wrote, a reader sees when the call returns.
pub(crate) struct Writer {
    sink: Sink,
    is_packed: bool,
    appended: Mutex<Appended>,
    /// How many bytes the bundle has, about.
    bytes: AtomicU64,
    max_bytes: u64,
    /// Whether the end is being written, for which no limit holds.
    closing: AtomicBool,
    /// Whether nothing may follow. Set under the lock.
    closed: AtomicBool,
    /// The numbers of the payload files that the disk may lack: from the first to before the second.
    unsynced: [AtomicU64; 2],
}

/// What the lock guards. As little as possible is done under it.
struct Appended {
    log: Appender,
    pack: Option<Pack>,
    seq: Seq,
    line: Vec<u8>,
}

/// The writer while a call has its lock.
pub(crate) struct LockedWriter<'w> {
    writer: &'w Writer,
    appended: MutexGuard<'w, Appended>,
}

/// Why something was not written.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// Nothing follows the end of a recording.
    #[error("the recording has ended")]
    Ended,
    /// Payloads have no room any more.
    #[error("the bundle is as large as its limit of {limit} bytes")]
    NoRoom { limit: u64 },
    /// Events have no room any more.
    #[error("the bundle is larger than the limit of {limit} bytes")]
    Full { limit: u64 },
    #[error("cannot write a payload")]
    Payload(#[source] io::Error),
    #[error("cannot write an event")]
    Event(#[source] io::Error),
    #[error("cannot sync the trace to disk")]
    Sync(#[source] io::Error),
}

impl Writer {
    pub(crate) fn new(sink: Sink, log: Appender, pack: Option<Pack>, max_bytes: u64) -> Self {
        Self {
            sink,
            is_packed: pack.is_some(),
            appended: Mutex::new(Appended { log, pack, seq: 0, line: Vec::new() }),
            bytes: AtomicU64::new(0),
            max_bytes,
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            unsynced: [AtomicU64::new(1), AtomicU64::new(1)],
        }
    }

    /// Returns the bundle's folder, if it has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.sink.folder()
    }

    /// Checks that the recording goes on and that the bundle has room for events. Only under the lock is the answer
    /// certain.
    pub(crate) fn check_open(&self) -> Result<(), WriteError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(WriteError::Ended);
        }
        let limit = self.max_bytes;
        // Events go on where payloads have stopped, to say what is missing.
        let is_full = self.bytes.load(Ordering::Relaxed) > limit.saturating_add(limit / 8);
        if is_full && !self.closing.load(Ordering::Relaxed) { Err(WriteError::Full { limit }) } else { Ok(()) }
    }

    /// Checks that the bundle has room for a payload of this size.
    pub(crate) fn check_room(&self, bytes: usize) -> Result<(), WriteError> {
        let limit = self.max_bytes;
        let has_room = self.bytes.load(Ordering::Relaxed).saturating_add(bytes as u64) <= limit;
        if has_room { Ok(()) } else { Err(WriteError::NoRoom { limit }) }
    }

    /// Writes a payload file. Needs no lock: the file's number is the caller's alone.
    pub(crate) fn write_payload_file(&self, number: u64, text: &[u8]) -> Result<(), WriteError> {
        self.check_open()?;
        self.sink.write_payload(&payload_path(number), text).map_err(WriteError::Payload)?;
        self.unsynced[1].fetch_max(number + 1, Ordering::Relaxed);
        self.count(text.len());
        Ok(())
    }

    /// Takes the lock, if the recording goes on.
    pub(crate) fn lock(&self) -> Result<LockedWriter<'_>, WriteError> {
        let appended = self.appended();
        self.check_open()?;
        Ok(LockedWriter { writer: self, appended })
    }

    /// Lifts the limits for what the recording ends with.
    pub(crate) fn begin_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(pack) = &mut self.appended().pack {
            // On a full disk, this makes room for the last report.
            pack.file.give_room_back();
        }
    }

    /// Ends the recording. Returns the lock, for the end marker, or `None` if it has ended before.
    pub(crate) fn close(&self) -> Option<LockedWriter<'_>> {
        let appended = self.appended();
        (!self.closed.swap(true, Ordering::Relaxed)).then_some(LockedWriter { writer: self, appended })
    }

    /// Returns whether the recording has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Waits until the disk has everything.
    pub(crate) fn sync(&self) -> Result<(), WriteError> {
        let files = self.sync_payload_files();
        self.sync_appended().and(files).map_err(WriteError::Sync)
    }

    /// Waits until the disk has what was appended. Other threads go on appending meanwhile.
    fn sync_appended(&self) -> io::Result<()> {
        let appended = self.appended();
        let (pack, log) = (appended.pack.as_ref().and_then(|pack| pack.file.file()), appended.log.file());
        drop(appended);
        // The payloads come before the events that refer to them.
        [pack, log].iter().flatten().try_for_each(|file| file.sync_data())
    }

    /// Waits until the disk has the payload files that were written since the last time, and their names.
    fn sync_payload_files(&self) -> io::Result<()> {
        let (false, Some(folder)) = (self.is_packed, self.folder()) else { return Ok(()) };
        let [first, end] = &self.unsynced;
        let end = end.load(Ordering::Relaxed);
        for number in first.swap(end, Ordering::Relaxed)..end {
            match File::open(folder.join(payload_path(number))) {
                Ok(file) => file.sync_data()?,
                // The payload is lost, and counted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // Elsewhere a folder cannot be opened as a file.
        if cfg!(unix) { File::open(folder.join(Manifest::PAYLOADS_DIR))?.sync_all() } else { Ok(()) }
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn appended(&self) -> MutexGuard<'_, Appended> {
        // Nothing under this lock panics; if something did, what it guards would still be whole.
        self.appended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LockedWriter<'_> {
    /// Appends a record to the file of payloads.
    pub(crate) fn write_record(&mut self, record: &mut SealedRecord) -> Result<(), WriteError> {
        let pack = self.appended.pack.as_mut().expect("records are made only for a bundle with a file of payloads");
        let offset = pack.file.length();
        pack.file.append(record.at(offset)).map_err(WriteError::Payload)?;
        self.writer.count(record.record_len());
        Ok(())
    }

    /// Appends the line of an event, which gets the next `seq`.
    pub(crate) fn write_line(&mut self, tail: &[u8]) -> Result<(), WriteError> {
        let Appended { log, line, seq, .. } = &mut *self.appended;
        event_line::assemble(line, *seq + 1, tail);
        if log.is_torn() {
            // The remains of a failed write must not run into the next line.
            line.insert(0, b'\n');
        }
        log.append(line).map_err(WriteError::Event)?;
        *seq += 1;
        self.writer.count(line.len());
        Ok(())
    }
}
