//! What is kept of each row of the event log.

use rollout_trace::{
    Evidence,
    schema::{CodexTurnId, RawPayloadId, Seq, ThreadId, UnixMillis},
};

/// The rows of an event log: events, and damage in its place.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) rows: Vec<Row>,
    /// When each event was recorded, by its number.
    times: Vec<(Seq, UnixMillis)>,
    is_sorted: bool,
    last_at: Option<UnixMillis>,
}

/// One row of an event log.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) seq: Option<Seq>,
    pub(crate) line: Option<u64>,
    pub(crate) at: Option<UnixMillis>,
    pub(crate) kind: Box<str>,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) turn: Option<CodexTurnId>,
    /// The first payload that the event names, and how many it names.
    pub(crate) payload: Option<RawPayloadId>,
    pub(crate) payloads: u32,
    /// What is damaged.
    pub(crate) damage: Option<String>,
}

impl Default for Log {
    fn default() -> Self {
        Self { rows: Vec::new(), times: Vec::new(), is_sorted: true, last_at: None }
    }
}

impl Log {
    /// Adds a piece of evidence.
    pub(crate) fn see(&mut self, evidence: &Evidence) {
        self.rows.push(match evidence {
            Evidence::Event(located) => {
                let event = &located.event;
                let (mut payload, mut payloads) = (None, 0);
                event.payload.for_each_payload_ref(|reference| {
                    payload.get_or_insert_with(|| reference.raw_payload_id.clone());
                    payloads += 1;
                });
                let time = (event.seq, event.wall_time_unix_ms);
                // Nearly every log is in order. Then following it costs what is new.
                self.is_sorted &= self.times.last().is_none_or(|last| *last <= time);
                self.times.push(time);
                self.last_at = self.last_at.max(Some(event.wall_time_unix_ms));
                Row {
                    seq: Some(event.seq),
                    line: Some(located.line),
                    at: Some(event.wall_time_unix_ms),
                    kind: event.payload.type_name().into(),
                    thread: event.thread_id.clone(),
                    turn: event.codex_turn_id.clone(),
                    payload,
                    payloads,
                    damage: None,
                }
            }
            Evidence::Problem(problem) => Row {
                seq: problem.seq(),
                line: problem.line(),
                at: None,
                kind: "damage".into(),
                thread: None,
                turn: None,
                payload: problem.payload_id().cloned(),
                payloads: 0,
                damage: Some(problem.to_string()),
            },
        });
    }

    /// Makes times be found, of what has been seen.
    pub(crate) fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_sorted, true) {
            self.times.sort_unstable();
        }
    }

    /// Returns when an event was recorded; of an event that is lost, when the one before it was.
    pub(crate) fn at(&self, seq: Seq) -> Option<UnixMillis> {
        debug_assert!(self.is_sorted, "finish is called before times are looked up");
        let after = self.times.partition_point(|(other, _)| *other <= seq);
        self.times.get(after.checked_sub(1)?).map(|(_, at)| *at)
    }

    /// Returns the latest time at which an event was recorded.
    pub(crate) fn last_at(&self) -> Option<UnixMillis> {
        self.last_at
    }

    /// Returns the last event.
    pub(crate) fn last_seq(&self) -> Option<Seq> {
        self.times.last().map(|(seq, _)| *seq)
    }
}
