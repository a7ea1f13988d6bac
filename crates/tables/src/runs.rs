//! Which requests of a thread carried an item.

use rollout_trace_model::{ItemId, ItemRuns, map::HashMap};

/// Requests, one after the other in a thread, that carried an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CarriedRun {
    pub(crate) item: ItemId,
    /// The numbers of the first and the last of these requests among those of the thread, from 1.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The place of the item in the first of them, from 0.
    pub(crate) position: i64,
}

/// Items with consecutive numbers at consecutive places of a request.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: u32,
    /// The number after the last item.
    end: u32,
    position: i64,
}

/// Returns how many different items a request has.
pub(crate) fn distinct(request: &ItemRuns) -> usize {
    if request.is_distinct() {
        return request.len();
    }
    stretches(request).iter().map(|stretch| (stretch.end - stretch.first) as usize).sum()
}

/// Returns the runs in which the requests of a thread carried items, by item.
///
/// The cost is in proportion to the runs of consecutive items that the requests consist of, not to their items: two
/// requests are compared stretch by stretch, and only what came or went is looked at one by one. If the first request is
/// the items 1 to 4 and the second one 1, 2 and 5, then 3 and 4 went, and 5 came.
pub(crate) fn carried_runs<'r>(requests: impl Iterator<Item = &'r ItemRuns>) -> Vec<CarriedRun> {
    let mut runs = Vec::new();
    let mut carried: HashMap<u32, (i64, i64)> = HashMap::default();
    let mut before = Vec::new();
    let mut number = 0;
    let mut end = |carried: &mut HashMap<u32, (i64, i64)>, item, to| {
        let begun = carried.remove(&item);
        runs.extend(begun.map(|(from, position)| CarriedRun { item: ItemId(item), from, to, position }));
    };
    for request in requests {
        number += 1;
        let now = stretches(request);
        for gone in without(&before, &now) {
            (gone.first..gone.end).for_each(|item| end(&mut carried, item, number - 1));
        }
        for new in without(&now, &before) {
            carried.extend((new.first..new.end).zip(new.position..).map(|(item, place)| (item, (number, place))));
        }
        before = now;
    }
    for stretch in before {
        (stretch.first..stretch.end).for_each(|item| end(&mut carried, item, number));
    }
    runs.sort_unstable();
    runs
}

/// Returns the items of a request in ascending order, each once and at its first place.
fn stretches(request: &ItemRuns) -> Vec<Stretch> {
    let mut position = 0;
    let mut stretches: Vec<_> = request
        .runs()
        .map(|run| {
            let stretch = Stretch { first: run.first.0, end: run.first.0.saturating_add(run.count), position };
            position += i64::from(run.count);
            stretch
        })
        .collect();
    if request.is_ascending() {
        return stretches;
    }
    stretches.sort_by_key(|stretch| (stretch.first, stretch.position));
    if request.is_distinct() {
        return stretches;
    }
    // An item is at several places. That is rare, and such a request is short.
    let items = stretches.into_iter().flat_map(|stretch| (stretch.first..stretch.end).zip(stretch.position..));
    let mut items: Vec<_> = items.collect();
    items.sort_unstable();
    items.dedup_by_key(|(item, _)| *item);
    items.into_iter().map(|(item, position)| Stretch { first: item, end: item + 1, position }).collect()
}

/// Returns what is in `all` and not in `others`, both ascending.
fn without(all: &[Stretch], others: &[Stretch]) -> Vec<Stretch> {
    let mut rest = Vec::new();
    let mut others = others.iter().peekable();
    for stretch in all {
        let mut first = stretch.first;
        while first < stretch.end {
            while others.next_if(|other| other.end <= first).is_some() {}
            let (end, next) = match others.peek() {
                Some(other) if other.first <= first => (first, other.end),
                Some(other) if other.first < stretch.end => (other.first, other.end),
                _ => (stretch.end, stretch.end),
            };
            if first < end {
                rest.push(Stretch { first, end, position: stretch.position + i64::from(first - stretch.first) });
            }
            first = next;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(items: &[u32]) -> ItemRuns {
        items.iter().map(|item| ItemId(*item)).collect()
    }

    fn drawn(requests: &[&[u32]]) -> String {
        let requests: Vec<_> = requests.iter().map(|items| request(items)).collect();
        let runs = carried_runs(requests.iter());
        let runs = runs.iter().map(|run| format!("{}: {}-{} at {}", run.item.0, run.from, run.to, run.position));
        runs.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_came_and_went() {
        assert_eq!(
            drawn(&[&[1, 2, 3, 4], &[1, 2, 5]]),
            "1: 1-2 at 0, 2: 1-2 at 1, 3: 1-1 at 2, 4: 1-1 at 3, 5: 2-2 at 2"
        );
    }

    #[test]
    fn an_item_that_comes_back_has_two_runs() {
        assert_eq!(drawn(&[&[7], &[], &[3, 7]]), "3: 3-3 at 0, 7: 1-1 at 0, 7: 3-3 at 1");
    }

    #[test]
    fn an_item_at_two_places_counts_once() {
        assert_eq!(drawn(&[&[2, 1, 2]]), "1: 1-1 at 1, 2: 1-1 at 0");
        assert_eq!(distinct(&request(&[2, 1, 2])), 2);
    }

    proptest! {
        /// The same as looking at each item of each request.
        #[test]
        fn runs_of_any_requests(requests in prop::collection::vec(prop::collection::vec(1_u32..12, 0..12), 0..8)) {
            let mut expected: Vec<CarriedRun> = Vec::new();
            for (number, items) in (1..).zip(&requests) {
                for item in 1..12 {
                    let Some(place) = items.iter().position(|other| *other == item) else { continue };
                    let last = expected.iter_mut().find(|run| run.item.0 == item && run.to == number - 1);
                    match last {
                        Some(run) => run.to = number,
                        None => expected.push(CarriedRun {
                            item: ItemId(item), from: number, to: number, position: place as i64,
                        }),
                    }
                }
            }
            expected.sort_unstable();
            let requests: Vec<_> = requests.iter().map(|items| request(items)).collect();
            let runs = carried_runs(requests.iter());
            let carried: i64 = runs.iter().map(|run| run.to - run.from + 1).sum();
            prop_assert_eq!(carried as usize, requests.iter().map(distinct).sum::<usize>());
            prop_assert_eq!(runs, expected);
        }
    }
}
