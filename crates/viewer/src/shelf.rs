//! The rollouts that pages look at, reduced.

use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::SystemTime,
};

use flate2::{Compression, write::GzEncoder};
use rollout_trace::{Bundle, OpenError, answers::shell_word, schema::Manifest};
use tokio::sync::oneshot;

use crate::{
    ApiError, Overview, Refused,
    desk::{Answer, json, with_desk},
    query::Query,
};

/// How many rollouts are kept. Their graphs are in memory, so they are few.
const KEPT: usize = 4;
/// What a page asks first.
const FIRST_CALL: &str = "overview";
/// As much as a program's first OS thread usually has.
const STACK_BYTES: usize = 8 << 20;

/// The rollouts that pages look at, reduced, the latest last.
///
/// Each has an OS thread, which owns the graph with its indexes and answers one call after another. If a call panics, that
/// costs the page an error and the rollout its thread, which is made again for the next call.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    stamp: Stamp,
    jobs: mpsc::Sender<Job>,
}

/// A call, and who waits for its answer.
struct Job {
    query: Query,
    other: Option<PathBuf>,
    answer: oneshot::Sender<Result<Reply, ApiError>>,
}

/// An answer as it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// JSON, compressed with gzip.
    Json(Arc<[u8]>),
    /// Anything else.
    Bytes(Answer),
}

impl Shelf {
    /// Answers a call about the bundle at a path.
    pub(crate) async fn ask(&self, path: &Path, query: Query, other: Option<PathBuf>) -> Result<Reply, ApiError> {
        let (sender, receiver) = oneshot::channel();
        self.send(path, Job { query, other, answer: sender })?;
        receiver.await.unwrap_or_else(|_| {
            self.forget(path);
            Err(ApiError {
                status: 500,
                error: "the call could not be answered because of a fault in rollout-trace".to_owned(),
                hint: "reload the page, and report the fault".to_owned(),
            })
        })
    }

    /// Gives a job to the thread of a rollout, which is started if there is none, or if a page begins to look at a bundle
    /// that has changed. Whatever a page asks later is about what it saw first, so that the numbers of things hold.
    fn send(&self, path: &Path, job: Job) -> Result<(), ApiError> {
        let stamp = Stamp::of(path);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|kept| kept.path == path).map(|place| kept.remove(place));
        let mut job = job;
        let is_first = job.query.name == FIRST_CALL;
        if let Some(known) = known.filter(|known| !is_first || known.stamp == stamp) {
            match known.jobs.send(job) {
                Ok(()) => {
                    kept.push(known);
                    return Ok(());
                }
                // Its thread has panicked.
                Err(mpsc::SendError(back)) => job = back,
            }
        }
        let (jobs, receiver) = mpsc::channel();
        let bundle = path.to_owned();
        let started = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || keep(&bundle, &receiver));
        started.map_err(|error| ApiError {
            status: 503,
            error: format!("cannot start a thread: {error}"),
            hint: "reload the page when the machine is less busy".to_owned(),
        })?;
        // The thread takes jobs until this sender is dropped.
        let _ = jobs.send(job);
        kept.push(Kept { path: path.to_owned(), stamp, jobs });
        let too_many = kept.len().saturating_sub(KEPT);
        // Their threads answer what they were asked, and end.
        kept.drain(..too_many);
        Ok(())
    }

    /// Reduces the bundle at a path before a page asks about it.
    pub(crate) async fn prepare(&self, path: &Path) {
        // Whoever asks next is told what is wrong.
        let _ = self.ask(path, Query::new(FIRST_CALL, ""), None).await;
    }

    fn forget(&self, path: &Path) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.path != path);
    }
}

/// Reduces a bundle, and answers calls about it until nobody can ask any more.
fn keep(path: &Path, jobs: &mpsc::Receiver<Job>) {
    let bundle = match Bundle::open(path) {
        Ok(bundle) => bundle,
        Err(error) => {
            // A receiver that is gone belongs to a page that was closed.
            jobs.iter().for_each(|job| drop(job.answer.send(refused(path, &error, &job.query))));
            return;
        }
    };
    with_desk(&bundle, false, |desk| {
        let mut cache: HashMap<String, Reply> = HashMap::new();
        for job in jobs {
            let key = job.query.is_plain().then(|| job.query.name.clone());
            let reply = match key.as_ref().and_then(|key| cache.get(key)) {
                Some(reply) => Ok(reply.clone()),
                None if job.query.name == FIRST_CALL => reply(json(&Overview {
                    name: bundle.name(),
                    command_path: shell_word(&path.to_string_lossy()),
                    refused: None,
                    rollout: Some(desk.overview()),
                })),
                None => reply(desk.answer(&job.query, job.other)),
            };
            if let (Some(key), Ok(Reply::Json(_))) = (key, &reply) {
                cache.extend(reply.clone().ok().map(|reply| (key, reply)));
            }
            let _ = job.answer.send(reply);
        }
    });
}

fn reply(answer: Result<Answer, ApiError>) -> Result<Reply, ApiError> {
    Ok(match answer? {
        Answer::Json(json) => Reply::Json(gzip(&json).into()),
        other => Reply::Bytes(other),
    })
}

/// Compresses JSON for a page on the same machine.
pub(crate) fn gzip(json: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(json);
    encoder.finish().unwrap_or_default()
}

/// Says why a bundle cannot be shown: in its overview, and in place of everything else.
pub(crate) fn refused(path: &Path, error: &OpenError, query: &Query) -> Result<Reply, ApiError> {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let refused = Refused { what: format!("{error}{cause}"), hint: error.hint().to_owned() };
    if query.name != FIRST_CALL {
        return Err(ApiError::not_found(refused.what, refused.hint));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    reply(json(&Overview {
        name,
        command_path: shell_word(&path.to_string_lossy()),
        refused: Some(refused),
        rollout: None,
    }))
}

/// What shows that a bundle has changed. A recorder writes a payload before the event that names it, so the manifest and
/// the event log say enough.
#[derive(Debug, PartialEq, Eq)]
struct Stamp([Option<(u64, SystemTime)>; 3]);

impl Stamp {
    fn of(path: &Path) -> Self {
        let files = [path.to_owned(), path.join(Manifest::FILE_NAME), path.join(Manifest::RAW_EVENT_LOG)];
        Self(files.map(|file| {
            let metadata = file.symlink_metadata().ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        }))
    }
}
