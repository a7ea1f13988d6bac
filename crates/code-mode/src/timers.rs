//! The timers of one script.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use rquickjs::{Function, Value};

/// The pending timers, ordered by the time at which they are due, then by the order in which they were set.
#[derive(Default)]
pub(crate) struct Timers<'js> {
    last: u32,
    due: BTreeMap<(Instant, u32), Timer<'js>>,
    by_id: HashMap<u32, Instant>,
}

pub(crate) struct Timer<'js> {
    pub(crate) callback: Function<'js>,
    pub(crate) arguments: Vec<Value<'js>>,
}

/// The longest delay: as in browsers, a number of milliseconds in 31 bits.
const MAX_DELAY_MS: f64 = 2_147_483_647.0;

impl<'js> Timers<'js> {
    /// Sets a timer and returns its id. A delay that is not a number counts as zero.
    pub(crate) fn add(&mut self, delay_ms: f64, callback: Function<'js>, arguments: Vec<Value<'js>>) -> u32 {
        let delay_ms = if delay_ms.is_nan() { 0.0 } else { delay_ms.clamp(0.0, MAX_DELAY_MS) };
        let due = Instant::now() + Duration::from_secs_f64(delay_ms / 1000.0);
        self.last += 1;
        self.due.insert((due, self.last), Timer { callback, arguments });
        self.by_id.insert(self.last, due);
        self.last
    }

    pub(crate) fn remove(&mut self, id: f64) -> Option<Timer<'js>> {
        let id = if id >= 1.0 && id <= f64::from(u32::MAX) && id.fract() == 0.0 { id as u32 } else { return None };
        let due = self.by_id.remove(&id)?;
        self.due.remove(&(due, id))
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    pub(crate) fn pop(&mut self) -> Option<Timer<'js>> {
        let ((_, id), timer) = self.due.pop_first()?;
        self.by_id.remove(&id);
        Some(timer)
    }

    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }
}
