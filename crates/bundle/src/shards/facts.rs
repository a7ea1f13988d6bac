//! What was found about shards and the documents in them, apart from the documents themselves.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rollout_trace_schema::{Capture, PayloadRef, RawPayloadId, shard_path};

use super::{shard_files::Found, shard_records::ShardRecords};
use crate::{PayloadError, Problem};

/// Collects facts while documents are loaded, each once.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The payloads that were needed and are not in the shard that their references name.
    lost: BTreeMap<u64, HashSet<RawPayloadId>>,
    /// Why parts cannot be used.
    lost_parts: BTreeMap<RawPayloadId, String>,
    /// The documents that were not recorded whole.
    missing: HashSet<RawPayloadId>,
    truncated: u64,
    omitted: u64,
    /// The documents that could not be assembled.
    unusable: HashSet<RawPayloadId>,
    mismatches: BTreeSet<(RawPayloadId, String)>,
    highest_shard: u64,
}

impl Facts {
    /// Notes whether a shard has a payload. A payload that was lost before may be found later, because a shard that is
    /// still being written grows.
    pub(super) fn note_read<T>(&mut self, shard: u64, reference: &PayloadRef, read: &Result<T, PayloadError>) {
        self.highest_shard = self.highest_shard.max(shard);
        let is_there = match read {
            Ok(_) => true,
            // It is the record that is too large, and not its shard.
            Err(PayloadError::TooLarge { path, .. }) => *path == reference.to_string(),
            Err(_) => false,
        };
        let payload = &reference.raw_payload_id;
        if !is_there {
            self.lost.entry(shard).or_default().insert(payload.clone());
        } else if let Some(lost) = self.lost.get_mut(&shard) {
            lost.remove(payload);
        }
    }

    pub(super) fn note_lost_part(&mut self, payload: &RawPayloadId, reason: String) {
        self.lost_parts.insert(payload.clone(), reason);
    }

    /// Notes that a document cannot be assembled. Returns whether this is the first time.
    pub(super) fn note_unusable(&mut self, payload: &RawPayloadId) -> bool {
        self.unusable.insert(payload.clone())
    }

    /// Notes a document that is missing by its reference. Returns whether this is the first time.
    pub(super) fn note_missing(&mut self, reference: &PayloadRef) -> bool {
        if !self.missing.insert(reference.raw_payload_id.clone()) {
            return false;
        }
        match reference.capture {
            Capture::Truncated { .. } => self.truncated += 1,
            _ => self.omitted += 1,
        }
        true
    }

    pub(super) fn note_mismatch(&mut self, payload: &RawPayloadId, reason: impl Into<String>) {
        self.mismatches.insert((payload.clone(), reason.into()));
    }

    /// Returns what is wrong with the shards and documents that were needed. `is_closed` says whether the recording was
    /// closed, so that none of its shards is still being written.
    ///
    /// Source: bundle 3, section 6.
    pub(super) fn problems(&self, records: &ShardRecords, is_closed: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (shard, found) in records.found() {
            let path = shard_path(shard);
            let lost = self.lost.get(&shard).map_or(0, HashSet::len);
            let damaged = |reason: String| Problem::ShardDamaged { path: path.clone(), reason, lost };
            let state = match found {
                Found::Shard(state) => state,
                Found::Unreadable { reason } => {
                    problems.push(damaged(reason.clone()));
                    continue;
                }
            };
            let is_sealed = is_closed || shard < self.highest_shard;
            if let Some(reason) = &state.damage {
                problems.push(damaged(reason.clone()));
            } else if state.is_open && is_sealed {
                problems.push(match (state.is_torn, lost) {
                    (true, _) => damaged("it ends within a record".to_owned()),
                    (false, 0) => Problem::ShardNotEnded { path: path.clone() },
                    (false, _) => damaged("it ends early".to_owned()),
                });
            }
            let skipped = state.skipped.iter().cloned();
            problems.extend(skipped.map(|reason| Problem::ShardRecordSkipped { path: path.clone(), reason }));
            problems.extend(state.contradictions.iter().map(|payload| Problem::ShardRecordContradiction {
                path: path.clone(),
                payload: payload.as_str().into(),
            }));
        }
        let parts = self.lost_parts.iter();
        problems.extend(
            parts.map(|(payload, reason)| Problem::PartLost { payload: payload.clone(), reason: reason.clone() }),
        );
        let mismatches = self.mismatches.iter();
        problems.extend(
            mismatches
                .map(|(payload, reason)| Problem::CaptureMismatch { payload: payload.clone(), reason: reason.clone() }),
        );
        if !self.missing.is_empty() {
            problems.push(Problem::NotRecorded { truncated: self.truncated, omitted: self.omitted });
        }
        problems
    }
}
