//! The desks of the rollouts that pages look at.

use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use flate2::{Compression, write::GzEncoder};
use rollout_trace::{Bundle, Edition, OpenError, Shelf, answers::shell_word};
use tokio::sync::oneshot;

use crate::{
    ApiError, Overview, Refused,
    desk::{Answer, Desk, json, with_desk},
    query::Query,
};

/// What a page asks first.
pub(crate) const FIRST_CALL: &str = "overview";

/// The desks of the rollouts that pages look at, of which a few are kept.
///
/// If a call panics, that costs the page an error and the rollout its desk, which is made again for the next call.
#[derive(Debug)]
pub(crate) struct Desks(Shelf<Job>);

/// A call, and who waits for its answer.
#[derive(Debug)]
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

impl Desks {
    pub(crate) fn new() -> Self {
        Self(Shelf::new(keep))
    }

    /// Answers a call about the bundle at a path.
    ///
    /// When a page begins to look at a bundle that has changed, it is read again. Whatever the page asks later is about what
    /// it saw first, so that the numbers of things hold.
    pub(crate) async fn ask(&self, path: &Path, query: Query, other: Option<PathBuf>) -> Result<Reply, ApiError> {
        let (sender, receiver) = oneshot::channel();
        let edition = if query.name == FIRST_CALL { Edition::Current } else { Edition::Kept };
        self.0.send(path, edition, Job { query, other, answer: sender }).map_err(|error| ApiError {
            status: 503,
            error: format!("cannot start a thread: {error}"),
            hint: "reload the page when the machine is less busy".to_owned(),
        })?;
        receiver.await.unwrap_or_else(|_| {
            Err(ApiError {
                status: 500,
                error: "the call could not be answered because of a fault in rollout-trace".to_owned(),
                hint: "reload the page, and report the fault".to_owned(),
            })
        })
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
                None => answer(desk, path, &job.query, job.other),
            };
            if let (Some(key), Ok(Reply::Json(_))) = (key, &reply) {
                cache.extend(reply.clone().ok().map(|reply| (key, reply)));
            }
            let _ = job.answer.send(reply);
        }
    });
}

/// Answers a call at a desk.
pub(crate) fn answer(
    desk: &Desk<'_, '_>,
    path: &Path,
    query: &Query,
    other: Option<PathBuf>,
) -> Result<Reply, ApiError> {
    if query.name != FIRST_CALL {
        return reply(desk.answer(query, other));
    }
    reply(json(&Overview {
        name: desk.bundle.name(),
        command_path: shell_word(&path.to_string_lossy()),
        refused: None,
        rollout: Some(desk.overview()),
    }))
}

/// Returns an answer as it is sent.
pub(crate) fn reply(answer: Result<Answer, ApiError>) -> Result<Reply, ApiError> {
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
