//! Reading events while others are being applied.

use std::{
    sync::mpsc,
    thread::{self, Builder},
};

/// How many pieces of evidence are handed over together. A log that has no more is read without another thread.
const BATCH: usize = 128;

/// How many batches may wait, so that memory stays bounded.
const WAITING: usize = 4;

/// Gives each piece of evidence to `apply`, in order, and reads on meanwhile: decoding the log is an eighth of all the work, and
/// nothing in it depends on the rest.
pub(crate) fn for_each_read_ahead<E: Send>(mut events: impl Iterator<Item = E> + Send, mut apply: impl FnMut(&E)) {
    let first: Vec<_> = events.by_ref().take(BATCH).collect();
    if first.len() == BATCH {
        thread::scope(|scope| {
            let (sender, batches) = mpsc::sync_channel::<Vec<E>>(WAITING);
            let events = &mut events;
            let reading = move || {
                loop {
                    let batch: Vec<_> = events.by_ref().take(BATCH).collect();
                    // Nobody takes it any more if applying panicked.
                    if batch.is_empty() || sender.send(batch).is_err() {
                        return;
                    }
                }
            };
            // Where there is no thread to be had, nothing comes, and all is left for below.
            let _reading = Builder::new().name("read-ahead".to_owned()).spawn_scoped(scope, reading);
            first.iter().for_each(&mut apply);
            batches.iter().flatten().for_each(|event| apply(&event));
        });
    } else {
        first.iter().for_each(&mut apply);
    }
    events.for_each(|event| apply(&event));
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn all_come_in_order() {
        for count in [0, 1, BATCH - 1, BATCH, BATCH + 1, 9 * BATCH, 100 * BATCH + 7] {
            let mut taken = Vec::new();
            for_each_read_ahead(0..count, |event| taken.push(*event));
            assert_eq!(taken, Vec::from_iter(0..count));
        }
    }

    #[test]
    fn panics_pass_through() {
        for at in [5, 3 * BATCH] {
            let mut taken = 0;
            let apply = |event: &usize| {
                assert!(*event < at, "stop");
                taken += 1;
            };
            assert!(catch_unwind(AssertUnwindSafe(|| for_each_read_ahead(0.., apply))).is_err());
            assert_eq!(taken, at);
        }
        let reading = (0..).inspect(|event| assert!(*event < 2 * BATCH, "stop"));
        assert!(catch_unwind(AssertUnwindSafe(|| for_each_read_ahead(reading, |_| {}))).is_err());
    }
}
