//! The rollouts that are asked about.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
};

use rollout_trace::{
    Book, Edition, FindError, Library, Limits, Shelf, answers::Rollout, outline::Outline, reduce_with_facts,
};
use tokio::sync::oneshot;

use crate::{
    answer::{Answer, answer, open},
    error::ToolError,
    question::Question,
    server::id_of,
};

/// The rollouts of a library, of which a few are kept reduced.
#[derive(Debug)]
pub(crate) struct Rollouts {
    library: Library,
    shelf: Shelf<Job>,
}

/// A question, and who waits for its answer.
#[derive(Debug)]
struct Job {
    question: Question,
    /// The bundle that the question is about besides.
    other: Option<PathBuf>,
    answer: oneshot::Sender<Reply>,
}

/// What a rollout's OS thread says.
#[derive(Debug)]
enum Reply {
    Answer(Result<Answer, ToolError>),
    /// The bundle cannot be opened.
    Unreadable(ToolError),
}

impl Rollouts {
    pub(crate) fn new(library: Library) -> Self {
        Self { library, shelf: Shelf::new(keep) }
    }

    /// Returns all rollouts, the newest first.
    pub(crate) fn list(&self) -> Result<Vec<Book>, ToolError> {
        self.library.books().map_err(|error| ToolError::new(error, UNLISTED))
    }

    /// Returns what can be said about rollouts without reducing them.
    pub(crate) fn outlines(&self, books: &[Book]) -> Vec<Option<Outline>> {
        self.library.outlines(books, Limits::default())
    }

    /// Returns the rollout that a word means.
    pub(crate) fn find(&self, word: &str) -> Result<Book, ToolError> {
        self.library.find(word).map_err(|error| match &error {
            FindError::Unlisted(_) => ToolError::new(error, UNLISTED),
            FindError::Empty => ToolError::new(error, "ask again when an agent has recorded one"),
            FindError::Nothing { .. } => {
                let what = format!("no rollout under the trace roots is meant by {word:?}");
                ToolError::new(what, "call list for the rollouts that can be read, and give the id of one")
            }
            FindError::Several { books, .. } => {
                let line = |book: &Book| format!("{} {}", id_of(book), book.path.display());
                ToolError::new(&error, "give more of the id, or the path of the bundle, from this list")
                    .with_data(books.iter().map(line))
            }
        })
    }

    /// Answers a question about a rollout, whose bundle is read again if it has changed.
    pub(crate) async fn ask(&self, book: &Book, question: Question, other: Option<Book>) -> Result<Answer, ToolError> {
        let (sender, receiver) = oneshot::channel();
        self.shelf
            .send(&book.path, Edition::Current, Job { question, other: other.map(|book| book.path), answer: sender })
            .map_err(|error| {
                ToolError::new(format!("cannot start a thread: {error}"), "ask again when the machine is less busy")
            })?;
        match receiver.await {
            Ok(Reply::Answer(answer)) => answer,
            Ok(Reply::Unreadable(error)) => {
                // What was wrong may be mended without a trace in the bundle's stamp.
                self.shelf.forget(&book.path);
                Err(error)
            }
            Err(_) => {
                let what = "the question could not be answered because of a fault in rollout-trace";
                Err(ToolError::new(what, "ask in another way, and tell the user, who can report the fault"))
            }
        }
    }
}

/// What to do if a trace root cannot be listed.
const UNLISTED: &str = "tell the user, who chose the folder when the server was started";

/// Reduces a bundle, and answers questions about it until nobody can ask any more.
fn keep(path: &Path, jobs: &mpsc::Receiver<Job>) {
    // A receiver that is gone belongs to a call that was canceled.
    let bundle = match open(path) {
        Ok(bundle) => bundle,
        Err(error) => {
            jobs.iter().for_each(|job| drop(job.answer.send(Reply::Unreadable(error.clone()))));
            return;
        }
    };
    let (graph, facts) = reduce_with_facts(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    for job in jobs {
        let _ = job.answer.send(Reply::Answer(answer(&rollout, &bundle, &job.question, job.other.as_deref())));
    }
}
