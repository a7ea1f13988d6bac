//! The event log and the pack, behind one lock.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rollout_trace_schema::{SchemaVersion, Seq, packed::SealedRecord};
use thiserror::Error;

use crate::{
    event_line,
    new_bundle::{NewBundle, Pack},
    shards::Shards,
    sink::{Appender, Sink},
};

/// Writes events and payloads. When a call returns, a reader can see what it wrote.
pub(crate) struct Writer {
    sink: Sink,
    is_sharded: bool,
    appended: Mutex<Appended>,
    /// Roughly how many bytes the bundle has.
    bytes: AtomicU64,
    max_bytes: u64,
    /// Whether the end is being written, to which no limit applies.
    closing: AtomicBool,
    /// Whether the recording has ended. It is set under the lock.
    closed: AtomicBool,
    /// How many writes have failed. Those of events and records are counted under the lock.
    failures: AtomicU64,
    /// The range of numbers of the payload files or shards that may not be on disk yet.
    unsynced: [AtomicU64; 2],
}

/// The data that the lock guards. As little as possible is done while it is held.
struct Appended {
    log: Appender,
    pack: Option<Pack>,
    shards: Option<Shards>,
    seq: Seq,
    line: Vec<u8>,
}

/// The writer, locked by a call.
pub(crate) struct LockedWriter<'w> {
    writer: &'w Writer,
    appended: MutexGuard<'w, Appended>,
}

/// Why something was not written.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// The recording has ended.
    #[error("the recording has ended")]
    Ended,
    /// The bundle has no room for payloads.
    #[error("the bundle is as large as its limit of {limit} bytes")]
    NoRoom { limit: u64 },
    /// The bundle has no room for events.
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
    pub(crate) fn new(bundle: NewBundle, max_bytes: u64) -> Self {
        let NewBundle { sink, log, pack, shards, .. } = bundle;
        Self {
            sink,
            is_sharded: shards.is_some(),
            appended: Mutex::new(Appended { log, pack, shards, seq: 0, line: Vec::new() }),
            bytes: AtomicU64::new(0),
            max_bytes,
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            unsynced: [AtomicU64::new(1), AtomicU64::new(1)],
        }
    }

    /// Returns the bundle's folder, if it has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.sink.folder()
    }

    /// Returns whether payloads go into shards, so that only writing one tells where it is.
    pub(crate) fn is_sharded(&self) -> bool {
        cfg!(feature = "schema-3") && self.is_sharded
    }

    /// Checks that the recording has not ended and that the bundle has room for events. The answer is only certain
    /// under the lock.
    pub(crate) fn check_open(&self) -> Result<(), WriteError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(WriteError::Ended);
        }
        let limit = self.max_bytes;
        // Events are still written after payloads have stopped, to report what is missing.
        let is_full = self.bytes.load(Ordering::Relaxed) > limit.saturating_add(limit / 8);
        if is_full && !self.closing.load(Ordering::Relaxed) { Err(WriteError::Full { limit }) } else { Ok(()) }
    }

    /// Checks that the bundle has room for a payload of this size.
    pub(crate) fn check_room(&self, bytes: usize) -> Result<(), WriteError> {
        let limit = self.max_bytes;
        let has_room = self.bytes.load(Ordering::Relaxed).saturating_add(bytes as u64) <= limit;
        if has_room { Ok(()) } else { Err(WriteError::NoRoom { limit }) }
    }

    /// Writes a payload file. This needs no lock, because no other call has the file's number.
    pub(crate) fn write_payload_file(&self, number: u64, text: &[u8]) -> Result<(), WriteError> {
        self.check_open()?;
        self.sink.write_payload(number, text).map_err(|error| self.failed(WriteError::Payload(error)))?;
        self.unsynced[1].fetch_max(number + 1, Ordering::Relaxed);
        self.count(text.len());
        Ok(())
    }

    /// Takes the lock, unless the recording has ended.
    pub(crate) fn lock(&self) -> Result<LockedWriter<'_>, WriteError> {
        let appended = self.appended();
        self.check_open()?;
        Ok(LockedWriter { writer: self, appended })
    }

    /// Lifts the limits for the last events of the recording.
    pub(crate) fn begin_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(pack) = &mut self.appended().pack {
            // On a full disk, this makes room for the last report.
            pack.file.release_room();
        }
    }

    /// Ends the recording. Returns the lock, for writing the end marker, or `None` if the recording has ended before.
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

    /// Waits until the disk has the appended bytes. Other threads can append in the meantime.
    fn sync_appended(&self) -> io::Result<()> {
        let appended = self.appended();
        let (pack, log) = (appended.pack.as_ref().and_then(|pack| pack.file.file()), appended.log.file());
        drop(appended);
        // The pack is synced before the log, whose events refer to it.
        [pack, log].iter().flatten().try_for_each(|file| file.sync_data())
    }

    /// Waits until the disk has the payload files that were written since the last time, and their names.
    fn sync_payload_files(&self) -> io::Result<()> {
        let Some(folder) = self.sink.payload_folder() else { return Ok(()) };
        let [first, end] = &self.unsynced;
        let end = end.load(Ordering::Relaxed);
        for number in first.swap(end, Ordering::Relaxed)..end {
            let path = if self.is_sharded() { folder.shard(number) } else { folder.file(number) };
            match File::open(path?) {
                Ok(file) => file.sync_data()?,
                // The payload is lost, and counted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        folder.sync()
    }

    /// Returns how many writes have failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    #[cold]
    fn failed(&self, error: WriteError) -> WriteError {
        self.failures.fetch_add(1, Ordering::Relaxed);
        error
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn appended(&self) -> MutexGuard<'_, Appended> {
        // Nothing under this lock panics. Even if something did, the data would be intact.
        self.appended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LockedWriter<'_> {
    /// Appends a record to the file of payloads.
    pub(crate) fn write_record(&mut self, record: &mut SealedRecord) -> Result<(), WriteError> {
        let pack = self.appended.pack.as_mut().expect("only a bundle with a pack has records");
        let offset = pack.file.length();
        pack.file.append(record.at(offset)).map_err(|error| self.writer.failed(WriteError::Payload(error)))?;
        self.writer.count(record.record_len());
        Ok(())
    }

    /// Writes a document into a shard, and returns the number of the shard.
    pub(crate) fn write_document(&mut self, id: &str, text: &[u8]) -> Result<u64, WriteError> {
        let Self { writer, appended } = self;
        let shards = appended.shards.as_mut().expect("only a bundle with shards has documents in them");
        let before = shards.bytes();
        let written = shards.write(&writer.sink, id, text);
        writer.bytes.fetch_add(shards.bytes() - before, Ordering::Relaxed);
        let shard = written.map_err(|error| writer.failed(WriteError::Payload(error)))?;
        let [first, end] = &writer.unsynced;
        first.fetch_min(shard, Ordering::Relaxed);
        end.fetch_max(shard + 1, Ordering::Relaxed);
        Ok(shard)
    }

    /// Ends the last shard, if there are shards.
    pub(crate) fn end_shards(&mut self) -> Result<(), WriteError> {
        let Self { writer, appended } = self;
        let ended = appended.shards.as_mut().map_or(Ok(()), |shards| shards.end(&writer.sink));
        ended.map_err(WriteError::Payload)
    }

    /// Appends the line of an event, which gets the next `seq`.
    pub(crate) fn write_line(&mut self, tail: &[u8]) -> Result<(), WriteError> {
        let Appended { log, line, seq, shards, .. } = &mut *self.appended;
        let schema = if shards.is_some() { SchemaVersion::V3 } else { SchemaVersion::V2 };
        event_line::assemble(line, schema, *seq + 1, tail);
        if log.is_torn() {
            // The rest of a failed write must not run into the next line.
            line.insert(0, b'\n');
        }
        log.append(line).map_err(|error| self.writer.failed(WriteError::Event(error)))?;
        *seq += 1;
        self.writer.count(line.len());
        Ok(())
    }
}
