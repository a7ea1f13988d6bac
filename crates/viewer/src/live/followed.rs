//! The rollouts that pages follow.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use rollout_trace::Bundle;
use tokio::sync::{broadcast, oneshot};

use super::{
    growing::{Change, Growing},
    pace::{Lost, Push, pace},
};
use crate::{
    ApiError,
    desks::{FIRST_CALL, Reply, answer, reply},
    query::Query,
};

/// How many pushes wait for a page. A page that misses one takes everything anew.
const WAITING: usize = 64;
/// As much as a program's first OS thread usually has.
const STACK_BYTES: usize = 8 << 20;

/// The rollouts that pages follow. Each has an OS thread that reads what is new and answers calls, until the rollout has
/// ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Followed(Arc<Mutex<HashMap<PathBuf, Follower>>>);

#[derive(Clone, Debug)]
struct Follower {
    jobs: mpsc::Sender<Job>,
    pages: broadcast::Sender<Push>,
}

/// What the OS thread of a rollout does.
enum Job {
    Call(Call),
    Advance(oneshot::Sender<Option<Push>>),
}

struct Call {
    query: Query,
    other: Option<PathBuf>,
    answer: oneshot::Sender<Result<Reply, ApiError>>,
}

impl Followed {
    /// Answers a call about a bundle that is followed, or hands the call back if it is not.
    pub(crate) async fn ask(
        &self,
        path: &Path,
        query: Query,
        other: Option<PathBuf>,
    ) -> Result<Result<Reply, ApiError>, (Query, Option<PathBuf>)> {
        let Some(follower) = self.follower(path, query.name == FIRST_CALL) else { return Err((query, other)) };
        let (sender, receiver) = oneshot::channel();
        let call = Call { query: query.clone(), other: other.clone(), answer: sender };
        if follower.jobs.send(Job::Call(call)).is_err() {
            return Err((query, other));
        }
        // The thread of a rollout that has just ended leaves its last calls to others.
        receiver.await.map_err(|_| (query, other))
    }

    /// Returns what pages are told of a bundle, or `None` if it does not grow any more.
    pub(crate) fn pushes(&self, path: &Path) -> Option<broadcast::Receiver<Push>> {
        self.follower(path, true).map(|follower| follower.pages.subscribe())
    }

    /// Returns the follower of a bundle. When a page begins to look at a bundle that may grow, it is started.
    fn follower(&self, path: &Path, begins: bool) -> Option<Follower> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(follower) = followed.get(path) {
            return Some(follower.clone());
        }
        if !begins || !path.is_dir() || Bundle::open(path).map_or(true, |bundle| bundle.is_closed()) {
            return None;
        }
        let (jobs, receiver) = mpsc::channel();
        let follower = Follower { jobs, pages: broadcast::channel(WAITING).0 };
        let bundle = path.to_owned();
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || follow(&bundle, &receiver)).ok()?;
        followed.insert(path.to_owned(), follower.clone());
        let (all, path) = (self.clone(), path.to_owned());
        let paced = follower.clone();
        tokio::spawn(async move {
            let advance = || {
                let (sender, receiver) = oneshot::channel();
                let sent = paced.jobs.send(Job::Advance(sender));
                async move {
                    sent.map_err(|_| Lost)?;
                    receiver.await.map_err(|_| Lost)
                }
            };
            pace(advance, &paced.pages).await;
            all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
        });
        Some(follower)
    }
}

/// Reads a rollout while it grows, and answers calls about it, until it has ended or nobody can ask any more.
fn follow(path: &Path, jobs: &mpsc::Receiver<Job>) {
    // What is wrong with a bundle that cannot be opened is said by whoever answers the call instead.
    let Ok(mut growing) = Growing::open(path) else { return };
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        next = match job {
            Job::Advance(sender) => {
                let push = growing.advance().map(push);
                let has_ended = push == Some(Push::Ended);
                // A page that was closed needs no answer.
                let _ = sender.send(push);
                if has_ended {
                    return;
                }
                jobs.recv().ok()
            }
            Job::Call(call) => match growing.answer_some(&call.query) {
                Some(answered) => {
                    let _ = call.answer.send(reply(answered));
                    jobs.recv().ok()
                }
                None => at_desk(&mut growing, path, call, jobs),
            },
        };
    }
}

/// Answers a call and those after it about the whole rollout, until it has grown. Returns what is to be done then.
fn at_desk(growing: &mut Growing, path: &Path, first: Call, jobs: &mpsc::Receiver<Job>) -> Option<Job> {
    growing.with_desk(|desk, has_grown| {
        let mut next = Some(Job::Call(first));
        loop {
            match next? {
                Job::Call(call) => _ = call.answer.send(answer(desk, path, &call.query, call.other)),
                advance @ Job::Advance(_) if has_grown() => return Some(advance),
                Job::Advance(sender) => _ = sender.send(None),
            }
            next = jobs.recv().ok();
        }
    })
}

fn push(change: Change) -> Push {
    match change {
        // Keys are strings and numbers are finite, so that this cannot fail.
        Change::Grown(grown) => serde_json::to_string(&grown).map_or(Push::Anew, |json| Push::Grown(json.into())),
        Change::Anew => Push::Anew,
        Change::Ended => Push::Ended,
    }
}
