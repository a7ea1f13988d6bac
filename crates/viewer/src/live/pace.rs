//! How often pages are told what is new.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::broadcast,
    time::{MissedTickBehavior, interval},
};

/// The least time between two pushes: five in a second.
const PERIOD: Duration = Duration::from_millis(200);
/// For how many periods a rollout is followed at which no page looks. A page that is reloaded is back by then.
const KEPT: usize = 50;

/// What the pages that look at a rollout are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// Rows that are new or changed, as JSON.
    Grown(Arc<str>),
    /// Everything is to be taken anew.
    Anew,
    /// The rollout has ended, so that everything is taken anew for the last time.
    Ended,
}

/// Says that whoever reads the rollout is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

/// Tells pages what is new until the rollout has ended, its reader is lost, or no page has looked for a while.
pub(super) async fn pace<F>(mut advance: impl FnMut() -> F, pages: &broadcast::Sender<Push>)
where
    F: Future<Output = Result<Option<Push>, Lost>>,
{
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unseen = 0;
    while unseen < KEPT {
        ticks.tick().await;
        if pages.receiver_count() == 0 {
            unseen += 1;
            continue;
        }
        unseen = 0;
        match advance().await {
            Ok(Some(push)) => {
                let has_ended = push == Push::Ended;
                // A page that was closed meanwhile misses nothing.
                let _ = pages.send(push);
                if has_ended {
                    return;
                }
            }
            Ok(None) => {}
            Err(Lost) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    use tokio::time::{Instant, sleep};

    use super::*;

    fn grown() -> Push {
        Push::Grown("{}".into())
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_at_most_five_pushes_in_a_second_however_long_each_takes() {
        for work in [0, 30, 190, 450] {
            let (pages, mut page) = broadcast::channel(1000);
            let advance = || async move {
                sleep(Duration::from_millis(work)).await;
                Ok(Some(grown()))
            };
            let received = async {
                let mut times = Vec::new();
                while times.len() < 40 {
                    page.recv().await.unwrap();
                    times.push(Instant::now());
                }
                times
            };
            let times = tokio::select! {
                () = pace(advance, &pages) => unreachable!("it goes on as long as a page looks"),
                times = received => times,
            };
            for (at, time) in times.iter().enumerate() {
                let within = times[at..].iter().take_while(|later| **later - *time < Duration::from_secs(1)).count();
                assert!(within <= 5, "{within} pushes in a second if each takes {work} ms");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_new_is_no_push_and_the_end_is_the_last() {
        let (pages, mut page) = broadcast::channel(8);
        let steps = Cell::new(0);
        let advance = || {
            steps.set(steps.get() + 1);
            ready(Ok([None, Some(grown()), None, Some(Push::Anew), Some(Push::Ended)][steps.get() - 1].clone()))
        };
        pace(advance, &pages).await;
        drop(pages);
        let mut found = Vec::new();
        while let Ok(push) = page.recv().await {
            found.push(push);
        }
        assert_eq!(found, [grown(), Push::Anew, Push::Ended]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rollout_without_pages_or_without_a_reader_is_left() {
        let (pages, page) = broadcast::channel(8);
        pace(|| ready(Err(Lost)), &pages).await;
        drop(page);
        let start = Instant::now();
        pace(pending, &pages).await;
        assert!(start.elapsed() >= Duration::from_secs(9));
    }
}
