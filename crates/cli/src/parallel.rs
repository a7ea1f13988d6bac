//! Work on all cores.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::failure::Failure;

/// How many results per worker may wait until those before them are there. Each holds what a bundle amounts to.
const AHEAD: usize = 2;

/// As much as a program's first OS thread usually has.
const STACK_BYTES: usize = 8 << 20;

/// Returns the number of OS threads that work at once.
pub(crate) fn workers() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Applies `work` to everything on all cores, and `each` to the results on this OS thread, in order and as soon as they are
/// there. Stops if `each` fails. If `work` panics, its result is a failure.
///
/// Few results are held at a time, however many there are.
pub(crate) fn in_order<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&T) -> Result<R, Failure> + Sync,
    mut each: impl FnMut(&T, Result<R, Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let work = |item: &T| {
        catch_unwind(AssertUnwindSafe(|| work(item))).unwrap_or_else(|_| {
            Err(Failure::new("the program failed by a fault of its own", "please report it, with what is above"))
        })
    };
    let workers = workers().get().min(all.len());
    if workers < 2 {
        return all.iter().try_for_each(|item| each(item, work(item)));
    }
    let queue = Queue { all, ahead: AHEAD * workers, state: Mutex::default(), changed: Condvar::new() };
    thread::scope(|scope| {
        // Ends the workers, too, if `each` fails or panics.
        let _stop = Stop(&queue);
        for _ in 0..workers {
            let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || {
                while let Some((place, item)) = queue.take() {
                    queue.put(place, work(item));
                }
            });
            spawned.map_err(|error| Failure::new(format!("no OS thread can be started: {error}"), "try again"))?;
        }
        all.iter().enumerate().try_for_each(|(place, item)| each(item, queue.result(place)))
    })
}

struct Queue<'a, T, R> {
    all: &'a [T],
    /// How many places after the one that is waited for may be worked on.
    ahead: usize,
    state: Mutex<State<R>>,
    changed: Condvar,
}

struct State<R> {
    /// The place of the next one that no thread has taken.
    next: usize,
    /// The one that is waited for.
    waited: usize,
    results: BTreeMap<usize, R>,
}

impl<R> Default for State<R> {
    fn default() -> Self {
        Self { next: 0, waited: 0, results: BTreeMap::new() }
    }
}

impl<'a, T, R> Queue<'a, T, R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is to be worked on next, once it may be. Returns `None` if there is nothing else.
    fn take(&self) -> Option<(usize, &'a T)> {
        let mut state = self.lock();
        while state.next >= state.waited.saturating_add(self.ahead) && state.next < self.all.len() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let place = state.next;
        let item = self.all.get(place)?;
        state.next += 1;
        Some((place, item))
    }

    fn put(&self, place: usize, result: R) {
        self.lock().results.insert(place, result);
        self.changed.notify_all();
    }

    /// Waits for the result of a place.
    fn result(&self, place: usize) -> R {
        let mut state = self.lock();
        state.waited = place;
        self.changed.notify_all();
        loop {
            if let Some(result) = state.results.remove(&place) {
                return result;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Lets workers take nothing else.
struct Stop<'q, 'a, T, R>(&'q Queue<'a, T, R>);

impl<T, R> Drop for Stop<'_, '_, T, R> {
    fn drop(&mut self) {
        self.0.lock().next = self.0.all.len();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order() {
        let all: Vec<usize> = (0..1000).collect();
        let mut seen = Vec::new();
        in_order(
            &all,
            |item| Ok(item * 2),
            |item, result| {
                assert_eq!(result.unwrap(), item * 2);
                seen.push(*item);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, all);
    }

    #[test]
    fn few_results_wait() {
        let all: Vec<usize> = (0..1000).collect();
        let (done, mut used, mut most) = (AtomicUsize::new(0), 0, 0);
        in_order(
            &all,
            |_| Ok(done.fetch_add(1, Ordering::SeqCst)),
            |_, _| {
                most = most.max(done.load(Ordering::SeqCst) - used);
                used += 1;
                Ok(())
            },
        )
        .unwrap();
        assert!(most <= AHEAD * workers().get() + 1, "{most}");
    }

    #[test]
    fn a_panic_is_a_failure_of_its_own() {
        let failed = AtomicUsize::new(0);
        in_order(
            &[1, 2, 3, 4],
            |item| if *item == 2 { panic!("on purpose") } else { Ok(()) },
            |_, result| {
                failed.fetch_add(usize::from(result.is_err()), Ordering::SeqCst);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(failed.into_inner(), 1);
    }

    #[test]
    fn work_stops_if_nobody_takes_results() {
        let all: Vec<usize> = (0..100_000).collect();
        let done = AtomicUsize::new(0);
        let stopped = in_order(&all, |_| Ok(done.fetch_add(1, Ordering::SeqCst)), |_, _| Err(Failure::ClosedPipe));
        assert!(stopped.is_err() && done.into_inner() < 1000);
    }
}
