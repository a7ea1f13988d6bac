//! The one funnel for everything that goes wrong while recording.

use std::{
    fmt, mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rollout_trace_schema::document::RecordingLoss;

/// The `tracing` target of the recorder's own warnings, so that an agent that records what it hears can leave them out.
pub const TRACING_TARGET: &str = "rollout_trace::recorder";

/// How many different reasons a report of losses names.
const MAX_REASONS: usize = 8;

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Event,
    Payload,
}

/// Counts what could not be recorded, until the trace itself says so.
#[derive(Debug, Default)]
pub(crate) struct LossLedger {
    /// What no report in the trace mentions yet.
    pending: Mutex<RecordingLoss>,
    /// Whether `pending` has anything, to be asked without a lock.
    any_pending: AtomicBool,
    total: AtomicU64,
    /// How much of that the trace says.
    told: AtomicU64,
    warned: AtomicBool,
}

impl LossLedger {
    /// Notes a loss, and warns about the first one.
    ///
    /// Never called under the writer's lock: a `tracing` subscriber may call back into the recorder.
    pub(crate) fn note(&self, lost: Lost, reason: impl fmt::Display) {
        let reason = reason.to_string();
        // First, so that never more is told than was lost.
        self.total.fetch_add(1, Ordering::Relaxed);
        {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            match lost {
                Lost::Event => pending.lost_events += 1,
                Lost::Payload => pending.lost_payloads += 1,
            }
            if pending.reasons.len() < MAX_REASONS && !pending.reasons.contains(&reason) {
                pending.reasons.push(reason.clone());
            }
            self.any_pending.store(true, Ordering::Release);
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: TRACING_TARGET, "the trace is losing evidence: {reason} (further losses are only counted)");
        }
    }

    /// How much was lost altogether.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Notes that a report stands in the trace.
    pub(crate) fn tell(&self, loss: &RecordingLoss) {
        self.told.fetch_add(loss.lost_events + loss.lost_payloads, Ordering::Relaxed);
    }

    /// Whether the trace says everything that it lost.
    pub(crate) fn all_is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed) == self.total()
    }

    /// Takes what no report mentions yet.
    pub(crate) fn take_pending(&self) -> Option<RecordingLoss> {
        if !self.any_pending.swap(false, Ordering::AcqRel) {
            return None;
        }
        Some(mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Puts back what could not be reported.
    pub(crate) fn restore(&self, loss: RecordingLoss) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.lost_events += loss.lost_events;
        pending.lost_payloads += loss.lost_payloads;
        for reason in loss.reasons {
            if pending.reasons.len() < MAX_REASONS && !pending.reasons.contains(&reason) {
                pending.reasons.push(reason);
            }
        }
        self.any_pending.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_until_they_are_reported() {
        let ledger = LossLedger::default();
        assert_eq!(ledger.take_pending(), None);
        ledger.note(Lost::Event, "disk full");
        ledger.note(Lost::Payload, "disk full");
        let loss = ledger.take_pending().expect("a loss");
        assert_eq!(loss, RecordingLoss { lost_events: 1, lost_payloads: 1, reasons: vec!["disk full".into()] });
        assert_eq!(ledger.take_pending(), None);
        assert!(!ledger.all_is_told(), "taken is not told");
        ledger.restore(loss);
        ledger.note(Lost::Event, "folder gone");
        let loss = ledger.take_pending().expect("a loss");
        assert_eq!((loss.lost_events, loss.reasons.len()), (2, 2));
        assert_eq!(ledger.total(), 3);
        ledger.tell(&loss);
        assert!(ledger.all_is_told());
    }
}
