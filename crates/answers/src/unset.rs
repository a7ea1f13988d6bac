//! Setting entries of a table once, by ranges that overlap.

/// The places that were not set yet. Each is set once, and those that were set are skipped in runs.
pub(crate) struct Unset {
    /// For each place, one at or after it before which all are set.
    next: Vec<usize>,
}

impl Unset {
    pub(crate) fn new(places: usize) -> Self {
        Self { next: (0..=places).collect() }
    }

    /// Calls `set` with each place between the two that was not set yet, in order.
    pub(crate) fn set(&mut self, start: usize, end: usize, mut set: impl FnMut(usize)) {
        let mut place = self.find(start);
        while place < end {
            set(place);
            self.next[place] = place + 1;
            place = self.find(place + 1);
        }
    }

    fn find(&mut self, start: usize) -> usize {
        let mut place = start;
        while self.next[place] != place {
            // Halving the way keeps later searches short.
            self.next[place] = self.next[self.next[place]];
            place = self.next[place];
        }
        place
    }
}
