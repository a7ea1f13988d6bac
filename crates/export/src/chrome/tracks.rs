//! The tracks on which slices are shown.
//!
//! Source: exports, section 2.

use std::{cmp::Reverse, collections::BinaryHeap};

/// A slice that is to be shown. The end is after the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// The slice in which another one lies, if it fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outer {
    pub(crate) slice: usize,
    pub(crate) track: usize,
    pub(crate) extent: Extent,
    /// Whether a flow may end at its start, where it must then be the innermost slice.
    pub(crate) has_flows: bool,
}

/// The tracks of a process: `main`, which is the first one, and parallel ones.
///
/// Slices are placed in the order of their starts. A slice lies in another one only if that is its outer one and it fits.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    /// The slices of each track that may not have ended yet, from the outermost, with their ends.
    open: Vec<Vec<(usize, i64)>>,
    /// The ends of the parallel tracks that are not free.
    busy: BinaryHeap<Reverse<(i64, usize)>>,
    /// The parallel tracks that are free.
    free: BinaryHeap<Reverse<usize>>,
}

impl Tracks {
    /// Returns how many tracks there are.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Returns the track on which a slice is shown.
    pub(crate) fn place(&mut self, slice: usize, extent: Extent, outer: Option<Outer>) -> usize {
        if let Some(outer) = outer
            && self.top(outer.track, extent.start) == Some(outer.slice)
            && extent.end <= outer.extent.end
            && (extent.start > outer.extent.start || !outer.has_flows)
        {
            self.open[outer.track].push((slice, extent.end));
            return outer.track;
        }
        if self.open.is_empty() {
            self.open.push(Vec::new());
        }
        if outer.is_none() && self.top(0, extent.start).is_none() {
            self.open[0].push((slice, extent.end));
            return 0;
        }
        while let Some(Reverse((_, track))) = self.busy.peek().copied().filter(|Reverse((end, _))| *end <= extent.start)
        {
            self.busy.pop();
            self.free.push(Reverse(track));
        }
        let track = self.free.pop().map_or(self.open.len(), |Reverse(track)| track);
        if track == self.open.len() {
            self.open.push(Vec::new());
        }
        self.open[track] = vec![(slice, extent.end)];
        self.busy.push(Reverse((extent.end, track)));
        track
    }

    /// Returns the innermost slice of a track at a time.
    fn top(&mut self, track: usize, at: i64) -> Option<usize> {
        let open = self.open.get_mut(track)?;
        while open.last().is_some_and(|(_, end)| *end <= at) {
            open.pop();
        }
        open.last().map(|(slice, _)| *slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Outer = Outer { slice: 0, track: 0, extent: Extent { start: 0, end: 100 }, has_flows: false };

    fn extent(start: i64, end: i64) -> Extent {
        Extent { start, end }
    }

    #[test]
    fn what_fits_lies_in_its_outer_slice_and_the_rest_in_parallel() {
        let mut tracks = Tracks::default();
        assert_eq!(tracks.place(0, extent(0, 100), None), 0);
        assert_eq!(tracks.place(1, extent(0, 20), Some(ROOT)), 0);
        assert_eq!(tracks.place(2, extent(10, 30), Some(ROOT)), 1, "slice 1 is open");
        assert_eq!(tracks.place(3, extent(12, 28), Some(ROOT)), 2);
        assert_eq!(tracks.place(4, extent(28, 40), Some(ROOT)), 0);
        assert_eq!(tracks.place(5, extent(30, 50), Some(ROOT)), 1, "the first one that is free");
        assert_eq!(tracks.place(6, extent(90, 120), Some(ROOT)), 1, "it does not fit");
        assert_eq!(tracks.len(), 3);
    }

    #[test]
    fn inner_slices_follow_their_outer_one() {
        let mut tracks = Tracks::default();
        tracks.place(0, extent(0, 100), None);
        tracks.place(1, extent(5, 50), Some(ROOT));
        let track = tracks.place(2, extent(6, 40), Some(ROOT));
        let outer = Outer { slice: 2, track, extent: extent(6, 40), has_flows: true };
        assert_eq!(tracks.place(3, extent(7, 8), Some(outer)), track);
        assert_eq!(tracks.place(4, extent(8, 9), Some(outer)), track);
        let with_it = Outer { extent: extent(9, 40), ..outer };
        assert_ne!(tracks.place(5, extent(9, 10), Some(with_it)), track, "it would hide the start of its outer slice");
    }

    #[test]
    fn what_has_no_outer_slice_lies_on_the_main_track_if_that_is_free() {
        let mut tracks = Tracks::default();
        assert_eq!(
            [(0, 10), (5, 8), (10, 12)].map(|(start, end)| tracks.place(0, extent(start, end), None)),
            [0, 1, 0]
        );
    }
}
