//! What a recording amounts to.

use std::{collections::BTreeMap, path::PathBuf};

use crate::RequestSeen;

/// The most kinds of requests and of broken connections that the report tells apart: a client can invent any number.
const MAX_KINDS: usize = 1000;

/// What a recording amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The folder of the bundle.
    pub bundle: Option<PathBuf>,
    /// How many requests the proxy passed on, or tried to.
    pub seen: u64,
    /// How many of them are recorded as calls of a model.
    pub recorded: u64,
    /// How many are not, by reason, method and path.
    pub unrecorded: BTreeMap<(Unrecorded, String, String), u64>,
    /// How often the connection to an upstream broke, by how.
    pub broken: BTreeMap<String, u64>,
    /// How many answers are recorded only in part because the recording fell behind.
    pub cut_answers: u64,
    /// How many answers are recorded only in part because they are larger than what is recorded of one.
    pub large_answers: u64,
    /// How many events and payloads the bundle lacks, for example because the disk is full.
    pub lost: u64,
    /// Whether the recording stopped by an error of its own. Nothing is known about the rest.
    pub has_failed: bool,
}

/// Why a request that passed is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unrecorded {
    /// The recording fell behind, and there was no memory for its body.
    FellBehind,
    /// Its body is larger than what is recorded of one.
    TooLarge,
    /// It calls a model, but its body is incomplete or no JSON.
    Unreadable,
    /// The connection went over to another protocol, such as a WebSocket.
    OtherProtocol,
    /// It does not call a model.
    NoCall,
}

impl Report {
    pub(super) fn note_unrecorded(&mut self, request: &RequestSeen, why: Unrecorded) {
        let path = request.target.split('?').next().unwrap_or_default().to_owned();
        let mut kind = (why, request.method.clone(), path);
        if self.unrecorded.len() >= MAX_KINDS && !self.unrecorded.contains_key(&kind) {
            kind = (why, "other".to_owned(), "requests".to_owned());
        }
        *self.unrecorded.entry(kind).or_default() += 1;
    }

    pub(super) fn note_broken(&mut self, how: &str) {
        if self.broken.len() < MAX_KINDS || self.broken.contains_key(how) {
            *self.broken.entry(how.to_owned()).or_default() += 1;
        }
    }
}
