//! The bundles that were asked about most recently.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::SystemTime,
};

use rollout_trace_schema::Manifest;

/// How many bundles are kept. Their graphs are in memory, so they are few.
const KEPT: usize = 4;
/// As much as a program's first OS thread usually has.
const STACK_BYTES: usize = 8 << 20;

/// The bundles that were asked about most recently, each with an OS thread that owns what was read of it, and carries out
/// one job after another.
///
/// What a job is, and how it is carried out, is up to the program. A job usually has a sender for its answer, whose
/// receiver learns that the OS thread has panicked. The next job for the bundle then gets another one.
///
/// ```
/// use std::{path::Path, sync::mpsc};
///
/// use rollout_trace::{Bundle, Edition, Shelf, reduce_bundle};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
/// let shelf: Shelf<mpsc::Sender<usize>> = Shelf::new(|path, jobs| {
///     let Ok(bundle) = Bundle::open(path) else { return };
///     let graph = reduce_bundle(&bundle);
///     // A receiver that is gone needs no answer.
///     jobs.iter().for_each(|job| drop(job.send(graph.threads.len())));
/// });
/// let (job, answer) = mpsc::channel();
/// shelf.send(Path::new("docs/sample-bundle"), Edition::Current, job)?;
/// assert_eq!(answer.recv(), Ok(2));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Shelf<J> {
    /// The one that was asked last is the last.
    kept: Mutex<Vec<Kept<J>>>,
    keep: fn(&Path, &mpsc::Receiver<J>),
}

#[derive(Debug)]
struct Kept<J> {
    path: PathBuf,
    stamp: Stamp,
    jobs: mpsc::Sender<J>,
}

/// Which reading of a bundle a job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// The bundle as it is now: it is read again if it has changed.
    Current,
    /// What is kept of it, although it may have changed.
    Kept,
}

impl<J: Send + 'static> Shelf<J> {
    /// Creates an empty shelf. `keep` runs on the OS thread of a bundle: it reads the bundle, and carries out jobs until
    /// there can be no more.
    pub fn new(keep: fn(&Path, &mpsc::Receiver<J>)) -> Self {
        Self { kept: Mutex::default(), keep }
    }

    /// Gives a job to the OS thread of the bundle at a path, which is started if there is none.
    ///
    /// # Errors
    ///
    /// The system starts no OS thread.
    pub fn send(&self, path: &Path, edition: Edition, mut job: J) -> io::Result<()> {
        let stamp = Stamp::of(path);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|kept| kept.path == path).map(|place| kept.remove(place));
        if let Some(known) = known.filter(|known| edition == Edition::Kept || known.stamp == stamp) {
            match known.jobs.send(job) {
                Ok(()) => {
                    kept.push(known);
                    return Ok(());
                }
                // Its OS thread has ended, by a panic or by itself.
                Err(mpsc::SendError(back)) => job = back,
            }
        }
        let (jobs, receiver) = mpsc::channel();
        // The channel holds the job until the OS thread takes it.
        let _ = jobs.send(job);
        let (keep, bundle) = (self.keep, path.to_owned());
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || keep(&bundle, &receiver))?;
        kept.push(Kept { path: path.to_owned(), stamp, jobs });
        let too_many = kept.len().saturating_sub(KEPT);
        // Their OS threads carry out what they were given, and end.
        kept.drain(..too_many);
        Ok(())
    }

    /// Forgets the bundle at a path, so that the next job reads it again.
    pub fn forget(&self, path: &Path) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.path != path);
    }
}

/// What shows that a bundle has changed: lengths and times of its manifest, event log or archive.
///
/// A recorder writes a payload before the event that names it, so these say enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp([Option<(u64, SystemTime)>; 3]);

impl Stamp {
    /// Looks at the bundle at a path.
    pub fn of(path: &Path) -> Self {
        let files = [path.to_owned(), path.join(Manifest::FILE_NAME), path.join(Manifest::RAW_EVENT_LOG)];
        Self(files.map(|file| {
            let metadata = file.symlink_metadata().ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        }))
    }
}
