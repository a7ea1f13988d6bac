//! Standing still, from outside.

use std::{future::Future, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// Lets a thread stand still: while somebody asks, say, a person something. Pauses nest; the last one lifted ends it.
///
/// While it is paused a thread sends no request, and its time-outs and those of its tools do not run. What is under way (a stream,
/// a command) goes on.
#[derive(Clone, Debug)]
pub(crate) struct Pause(watch::Sender<usize>);

/// Keeps a thread paused until it is dropped.
#[derive(Debug)]
#[must_use = "the pause ends when this is dropped"]
pub struct PauseGuard(watch::Sender<usize>);

impl Drop for PauseGuard {
    fn drop(&mut self) {
        self.0.send_modify(|reasons| *reasons -= 1);
    }
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Adds a reason to stand still.
    pub(crate) fn begin(&self) -> PauseGuard {
        self.0.send_modify(|reasons| *reasons += 1);
        PauseGuard(self.0.clone())
    }

    pub(crate) fn is_paused(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Returns when nothing is paused.
    pub(crate) async fn over(&self) {
        // The sender is `self`, so there is always an answer.
        let _ = self.0.subscribe().wait_for(|reasons| *reasons == 0).await;
    }

    async fn begun(&self) {
        let _ = self.0.subscribe().wait_for(|reasons| *reasons > 0).await;
    }

    /// Sleeps for a time in which pauses do not count.
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

    /// Waits for a future, for a time in which pauses do not count. `None`: the time is up.
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
