//! Pauses a thread from outside.

use std::{future::Future, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// Pauses a thread, for example while a person is asked for a decision. Pauses nest: the thread continues when the last
/// one ends.
///
/// A paused thread sends no request, and its timeouts and those of its tools stop. Work that is already running (a
/// stream, a command) continues.
#[derive(Clone, Debug)]
pub(crate) struct Pause(watch::Sender<usize>);

/// Keeps a thread paused until it is dropped.
#[derive(Debug)]
#[must_use = "the pause ends when this is dropped"]
pub struct PauseGuard(watch::Sender<usize>);

impl Drop for PauseGuard {
    fn drop(&mut self) {
        self.0.send_modify(|guards| *guards -= 1);
    }
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Begins a pause, which ends when the guard is dropped.
    pub(crate) fn begin(&self) -> PauseGuard {
        self.0.send_modify(|guards| *guards += 1);
        PauseGuard(self.0.clone())
    }

    pub(crate) fn is_paused(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until the thread is not paused.
    pub(crate) async fn over(&self) {
        // An error is impossible: `self` holds the sender.
        let _ = self.0.subscribe().wait_for(|guards| *guards == 0).await;
    }

    async fn begun(&self) {
        let _ = self.0.subscribe().wait_for(|guards| *guards > 0).await;
    }

    /// Sleeps for a duration, not counting pauses.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let mut left = duration;
        loop {
            self.over().await;
            let since = Instant::now();
            tokio::select! {
                () = sleep(left) => return,
                () = self.begun() => left = left.saturating_sub(since.elapsed()),
            }
        }
    }

    /// Waits for a future. Returns `None` if the duration, not counting pauses, elapses first.
    pub(crate) async fn timeout<F: Future>(&self, duration: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(duration) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_nest_and_do_not_count() {
        let pause = Pause::new();
        let (outer, inner) = (pause.begin(), pause.begin());
        let sleeper = tokio::spawn({
            let pause = pause.clone();
            let began = Instant::now();
            async move {
                pause.sleep(Duration::from_secs(1)).await;
                began.elapsed()
            }
        });
        sleep(Duration::from_secs(5)).await;
        drop(inner);
        sleep(Duration::from_secs(5)).await;
        assert!(pause.is_paused() && !sleeper.is_finished());
        drop(outer);
        let slept = sleeper.await.unwrap();
        assert!((11..12).contains(&slept.as_secs()), "{slept:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_in_the_middle_stops_the_clock() {
        let pause = Pause::new();
        let sleeper = tokio::spawn({
            let pause = pause.clone();
            async move { pause.timeout(Duration::from_secs(2), std::future::pending::<()>()).await }
        });
        sleep(Duration::from_secs(1)).await;
        let guard = pause.begin();
        sleep(Duration::from_secs(60)).await;
        assert!(!sleeper.is_finished());
        drop(guard);
        assert_eq!(sleeper.await.unwrap(), None);
    }
}
