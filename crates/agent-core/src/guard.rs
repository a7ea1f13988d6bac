//! Panics and work that does not end, which cost no more than the work itself.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::timeout;

/// How long each part of a thread's end may take. Whatever has not ended by then is left behind.
pub(crate) const END_LIMIT: Duration = Duration::from_secs(10);

/// Work ended in a panic.
#[derive(Debug, thiserror::Error)]
#[error("a fault in the agent ended this work: {0}")]
pub(crate) struct Panicked(String);

/// Why work at the end of a thread or turn was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotEnded {
    #[error("it did not end within {} seconds", .0.as_secs())]
    Overdue(Duration),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// Runs work whose panic is an error. Its shared state is consistent afterwards, because each lock is held only for a
/// single change.
pub(crate) fn guarded<F: Future>(work: F) -> impl Future<Output = Result<F::Output, Panicked>> {
    // In a box, because guards nest and each would otherwise hold the work more than once.
    let work = AssertUnwindSafe(Box::pin(work)).catch_unwind();
    async { work.await.map_err(|panic| Panicked(text(&*panic))) }
}

/// Calls a function whose panic is an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked(text(&*panic)))
}

/// Runs work that must end within a limit.
pub(crate) async fn guarded_within<F: Future>(limit: Duration, work: F) -> Result<F::Output, NotEnded> {
    match timeout(limit, guarded(work)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(NotEnded::Overdue(limit)),
    }
}

/// Returns the message of a panic.
fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_ends_with_its_output_a_panic_or_in_time() {
        let limit = Duration::from_secs(3);
        let ended = |result: Result<i32, NotEnded>| result.map_err(|error| error.to_string());
        assert_eq!(ended(guarded_within(limit, async { 1 }).await), Ok(1));
        let fault = |reason: &str| Err(format!("a fault in the agent ended this work: {reason}"));
        assert_eq!(ended(guarded_within(limit, async { panic!("why") }).await), fault("why"));
        assert_eq!(ended(guarded_within(limit, async { panic!("{}", "why") }).await), fault("why"));
        let without = async { std::panic::panic_any(1) };
        assert_eq!(ended(guarded_within(limit, without).await), fault("a panic without a message"));
        let late = Err("it did not end within 3 seconds".to_owned());
        assert_eq!(ended(guarded_within(limit, std::future::pending()).await), late);
    }
}
