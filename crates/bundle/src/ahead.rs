//! Reading events ahead of their use.

use std::{
    iter,
    sync::mpsc,
    thread::{self, Builder},
};

use crate::{Events, Evidence};

/// How many pieces of evidence are handed over together. A log with fewer is read on one OS thread.
const BATCH: usize = 128;

/// How many bytes of the log a batch may take up before it is handed over.
const BATCH_BYTES: u64 = 256 << 10;

/// How many batches may wait. With the limits above, they take no more memory than a few of the longest lines.
const WAITING: usize = 2;

impl Events {
    /// Calls `apply` with each piece of evidence, in order, while another OS thread decodes the next lines.
    ///
    /// Decoding is about an eighth of the work of reducing a bundle, and is independent of the rest.
    pub fn for_each_ahead(mut self, apply: impl FnMut(&Evidence)) {
        for_each_of_batches(|| batch(&mut self), apply);
    }
}

/// Returns the next pieces of evidence, or an empty batch if everything has been read.
fn batch(events: &mut Events) -> Vec<Evidence> {
    let start = events.bytes_read();
    let mut batch = Vec::new();
    while batch.len() < BATCH
        && events.bytes_read() - start <= BATCH_BYTES
        && let Some(evidence) = events.next()
    {
        batch.push(evidence);
    }
    batch
}

fn for_each_of_batches<E: Send>(mut read: impl FnMut() -> Vec<E> + Send, mut apply: impl FnMut(&E)) {
    let first = read();
    if first.len() == BATCH {
        thread::scope(|scope| {
            let (sender, batches) = mpsc::sync_channel(WAITING);
            let read = &mut read;
            let reading = move || {
                loop {
                    let batch = read();
                    // The receiver was dropped if `apply` panicked.
                    if batch.is_empty() || sender.send(batch).is_err() {
                        return;
                    }
                }
            };
            // If the OS thread cannot be started, the channel stays empty and the rest is read below.
            let _reading = Builder::new().name("read-ahead".to_owned()).spawn_scoped(scope, reading);
            iter::once(first).chain(batches).for_each(|batch| batch.iter().for_each(&mut apply));
        });
    } else {
        first.iter().for_each(&mut apply);
    }
    iter::repeat_with(read).take_while(|batch| !batch.is_empty()).flatten().for_each(|event| apply(&event));
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    use super::*;
    use crate::Bundle;

    fn batches(mut events: impl Iterator<Item = usize> + Send) -> impl FnMut() -> Vec<usize> + Send {
        move || events.by_ref().take(BATCH).collect()
    }

    #[test]
    fn all_come_in_order() {
        for count in [0, 1, BATCH - 1, BATCH, BATCH + 1, 9 * BATCH, 100 * BATCH + 7] {
            let mut taken = Vec::new();
            for_each_of_batches(batches(0..count), |event| taken.push(*event));
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
            assert!(catch_unwind(AssertUnwindSafe(|| for_each_of_batches(batches(0..), apply))).is_err());
            assert_eq!(taken, at);
        }
        let reading = batches((0..).inspect(|event| assert!(*event < 2 * BATCH, "stop")));
        assert!(catch_unwind(AssertUnwindSafe(|| for_each_of_batches(reading, |_| {}))).is_err());
    }

    #[test]
    fn long_lines_come_few_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let line = |seq: u64| {
            format!(
                "{{\"schema_version\":2,\"seq\":{seq},\"wall_time_unix_ms\":1,\"rollout_id\":\"r\",\"payload\":{{\"type\":\"{}\"}}}}\n",
                "x".repeat(100_000)
            )
        };
        fs::write(folder.path().join("trace.jsonl"), (1..=20).map(line).collect::<String>()).unwrap();
        let mut events = Bundle::open(folder.path()).unwrap().events();
        let lengths: Vec<_> = iter::repeat_with(|| batch(&mut events).len()).take_while(|length| *length > 0).collect();
        assert_eq!(lengths.iter().sum::<usize>(), 20);
        assert!(lengths.iter().all(|length| *length <= 4), "{lengths:?}");
    }
}
