//! The only place that handles failures of recording: it counts them, warns once, and keeps what the trace must still
//! report.

use std::{
    collections::BTreeSet,
    error::Error,
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rollout_trace_schema::document::RecordingLoss;

use crate::misuse::Misuse;

/// The `tracing` target of the recorder's own warnings, so that an agent that records its own log can leave them out.
pub const TRACING_TARGET: &str = "rollout_trace::recorder";

/// How many different reasons a report of losses names.
const MAX_REASONS: usize = 8;

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Event,
    Payload,
}

/// Counts what could not be recorded, until the trace itself reports it.
///
/// Nothing here may be called under the writer's lock: a `tracing` subscriber may call back into the recorder.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// The losses that no report in the trace mentions yet.
    pending: Mutex<RecordingLoss>,
    /// All losses so far.
    all: Mutex<RecordingLoss>,
    /// Whether `pending` has any losses, which can be read without a lock.
    any_pending: AtomicBool,
    /// Whether a report is being written, so that its own failure is not reported at once.
    reporting: AtomicBool,
    total: AtomicU64,
    /// How many losses the trace reports.
    reported: AtomicU64,
    warned: AtomicBool,
    /// The kinds of misuse that were warned about.
    misuses: Mutex<BTreeSet<&'static str>>,
}

impl Losses {
    /// Counts a loss, and warns about the first one.
    pub(crate) fn note(&self, lost: Lost, reason: String) {
        // The total is increased first, so that it is never lower than the number of reported losses.
        self.total.fetch_add(1, Ordering::Relaxed);
        add(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner), lost, &reason);
        let mut pending = self.pending();
        add(&mut pending, lost, &reason);
        self.any_pending.store(true, Ordering::Release);
        drop(pending);
        if !self.warned.swap(true, Ordering::Relaxed) {
            warn(|| {
                tracing::warn!(
                    target: TRACING_TARGET,
                    "the trace is losing evidence: {reason} (further losses are only counted)"
                );
            });
        }
    }

    /// Warns about a misuse if it is the first of its kind. Returns whether it is.
    pub(crate) fn is_first(&self, misuse: &Misuse) -> bool {
        let is_first = self.misuses.lock().unwrap_or_else(PoisonError::into_inner).insert(misuse.code());
        if is_first {
            warn(|| {
                tracing::warn!(target: TRACING_TARGET, "the recorder is misused: {misuse} (reported once per rollout)");
            });
        }
        is_first
    }

    /// Returns how many losses there were in total.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns all losses so far.
    pub(crate) fn all(&self) -> RecordingLoss {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether the trace reports everything that it lost.
    pub(crate) fn all_reported(&self) -> bool {
        self.reported.load(Ordering::Relaxed) == self.total()
    }

    /// Calls `write` with the losses that the trace does not mention yet. If it fails, they stay for the next report.
    pub(crate) fn report<E>(&self, write: impl FnOnce(&RecordingLoss) -> Result<(), E>) {
        if !self.any_pending.load(Ordering::Relaxed) || self.reporting.swap(true, Ordering::Acquire) {
            return;
        }
        if let Some(loss) = self.take_pending() {
            match write(&loss) {
                Ok(()) => {
                    self.reported.fetch_add(loss.lost_events + loss.lost_payloads, Ordering::Relaxed);
                }
                Err(_) => self.restore(loss),
            }
        }
        self.reporting.store(false, Ordering::Release);
    }

    fn take_pending(&self) -> Option<RecordingLoss> {
        self.any_pending.swap(false, Ordering::AcqRel).then(|| mem::take(&mut *self.pending()))
    }

    fn restore(&self, loss: RecordingLoss) {
        let mut pending = self.pending();
        pending.lost_events += loss.lost_events;
        pending.lost_payloads += loss.lost_payloads;
        loss.reasons.into_iter().for_each(|reason| add_reason(&mut pending, reason));
        self.any_pending.store(true, Ordering::Release);
    }

    fn pending(&self) -> MutexGuard<'_, RecordingLoss> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Warns through `tracing`. The subscriber is code of the agent, and a panic in it stops here.
pub(crate) fn warn(write: impl FnOnce()) {
    let _ = panic::catch_unwind(AssertUnwindSafe(write));
}

fn add(loss: &mut RecordingLoss, lost: Lost, reason: &str) {
    match lost {
        Lost::Event => loss.lost_events += 1,
        Lost::Payload => loss.lost_payloads += 1,
    }
    add_reason(loss, reason.to_owned());
}

fn add_reason(loss: &mut RecordingLoss, reason: String) {
    if loss.reasons.len() < MAX_REASONS && !loss.reasons.contains(&reason) {
        loss.reasons.push(reason);
    }
}

/// Returns the text of an error and of its causes.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(losses: &Losses, can_write: bool) -> Option<RecordingLoss> {
        let mut seen = None;
        losses.report(|loss| {
            seen = Some(loss.clone());
            can_write.then_some(()).ok_or(())
        });
        seen
    }

    #[test]
    fn losses_add_up_until_they_are_reported() {
        let losses = Losses::default();
        assert_eq!(reported(&losses, true), None);
        losses.note(Lost::Event, "disk full".into());
        losses.note(Lost::Payload, "disk full".into());
        let expected = RecordingLoss { lost_events: 1, lost_payloads: 1, reasons: vec!["disk full".into()] };
        assert_eq!(reported(&losses, false), Some(expected));
        assert!(!losses.all_reported(), "a report that failed reports nothing");
        losses.note(Lost::Event, "folder gone".into());
        let loss = reported(&losses, true).expect("a loss");
        assert_eq!((loss.lost_events, loss.lost_payloads, loss.reasons.len()), (2, 1, 2));
        assert_eq!(losses.total(), 3);
        assert!(losses.all_reported());
        assert_eq!(reported(&losses, true), None);
    }

    #[test]
    fn a_loss_while_a_report_is_written_waits_for_the_next_one() {
        let losses = Losses::default();
        losses.note(Lost::Event, "first".into());
        losses.report(|_| {
            losses.note(Lost::Event, "second".into());
            losses.report(|_| -> Result<(), ()> { panic!("reports do not nest") });
            Ok::<_, ()>(())
        });
        assert_eq!(reported(&losses, true).map(|loss| loss.reasons), Some(vec!["second".into()]));
    }
}
