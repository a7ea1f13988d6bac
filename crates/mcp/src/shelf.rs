//! The rollouts that were asked about, reduced.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::SystemTime,
};

use rollout_trace::{Bundle, answers::Rollout, reduce_with_facts, schema::Manifest};
use tokio::sync::oneshot;

use crate::{
    answer::{Answer, answer},
    error::{ToolError, with_cause},
    library::Book,
    question::Question,
};

/// How many rollouts are kept. Their graphs are in memory, so they are few.
const KEPT: usize = 4;

/// As much as a program's first OS thread usually has.
const STACK_BYTES: usize = 8 << 20;

/// The rollouts that were asked about, reduced, the latest last.
///
/// Each has an OS thread, which owns the graph with its indexes and answers one question after another. If a question
/// panics, that costs the client an error and the rollout its thread, which is made again for the next question.
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

/// A question, and who waits for its answer.
struct Job {
    question: Question,
    answer: oneshot::Sender<Reply>,
}

/// What a rollout's thread says.
enum Reply {
    Answer(Result<Answer, ToolError>),
    /// The bundle cannot be opened.
    Unreadable(ToolError),
}

impl Shelf {
    /// Answers a question about a rollout.
    pub(crate) async fn ask(&self, book: &Book, question: Question) -> Result<Answer, ToolError> {
        let (sender, receiver) = oneshot::channel();
        self.send(&book.path, Job { question, answer: sender })?;
        match receiver.await {
            Ok(Reply::Answer(answer)) => answer,
            Ok(Reply::Unreadable(error)) => {
                // What was wrong may be mended without a trace in the stamp.
                self.forget(&book.path);
                Err(error)
            }
            Err(_) => {
                self.forget(&book.path);
                let what = "the question could not be answered because of a fault in rollout-trace";
                Err(ToolError::new(what, "ask in another way, and tell the user, who can report the fault"))
            }
        }
    }

    /// Gives a job to the thread of a rollout, which is started if there is none or the bundle has changed.
    fn send(&self, path: &Path, job: Job) -> Result<(), ToolError> {
        let stamp = Stamp::of(path);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|kept| kept.path == path).map(|place| kept.remove(place));
        let mut job = job;
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
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
        started.map_err(|error| {
            ToolError::new(format!("cannot start a thread: {error}"), "ask again when the machine is less busy")
        })?;
        jobs.send(job).expect("the thread takes jobs until this sender is dropped");
        kept.push(Kept { path: path.to_owned(), stamp, jobs });
        let too_many = kept.len().saturating_sub(KEPT);
        // Their threads answer what they were asked, and end.
        kept.drain(..too_many);
        Ok(())
    }

    fn forget(&self, path: &Path) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.path != path);
    }
}

/// Reduces a bundle, and answers questions about it until nobody can ask any more.
fn keep(path: &Path, jobs: &mpsc::Receiver<Job>) {
    // A receiver that is gone belongs to a call that was canceled.
    let bundle = match Bundle::open(path) {
        Ok(bundle) => bundle,
        Err(error) => {
            let error = ToolError::new("the bundle cannot be opened", error.hint()).with_data([with_cause(&error)]);
            jobs.iter().for_each(|job| drop(job.answer.send(Reply::Unreadable(error.clone()))));
            return;
        }
    };
    let (graph, facts) = reduce_with_facts(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    for job in jobs {
        let _ = job.answer.send(Reply::Answer(answer(&rollout, &bundle, &job.question)));
    }
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
