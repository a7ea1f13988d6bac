//! Draws a request, as the difference from what the model had seen before.

use std::fmt;

use crate::{InferenceCall, ItemId, ItemRuns};

use super::{
    canvas::Canvas,
    covered::Covered,
    painter::{ADDED, DROPPED},
};

/// The most dropped items that are shown with a line each. More are shown only by number.
const DROPPED_LINES: usize = 3;

impl Canvas<'_, '_> {
    pub(super) fn request(&mut self, depth: usize, call: &InferenceCall) -> fmt::Result {
        let context = match self.commentary.map(|commentary| commentary.context(call)) {
            None => String::new(),
            Some(Some(context)) => format!(" · {context}"),
            Some(None) => return self.line(depth, "request lost: what the model saw is unknown"),
        };
        let now = &call.request_item_ids;
        let seen = self.places.seen_before.get(&call.inference_call_id).cloned().unwrap_or_default();
        let difference = Difference::new(&seen.items, now);

        let mut head = format!("request of {}", counted(now.len()));
        if seen.any_request {
            let kept_count = match (difference.kept, now.len()) {
                (0, _) => "none".to_owned(),
                (kept, all) if kept == all => "all".to_owned(),
                (kept, _) => kept.to_string(),
            };
            let since = match seen.compaction {
                Some(compaction) => format!("from the replacement of {}", self.name(&compaction.compaction_id)),
                None => "as before".to_owned(),
            };
            let order = if difference.reordered { ", in another order" } else { "" };
            head += &format!(": {kept_count} {since}{order}");
        }
        self.line(depth, head + &context)?;
        self.dropped(depth + 1, &difference.dropped)?;
        self.added(depth + 1, &difference.rest)
    }

    fn dropped(&mut self, depth: usize, items: &[ItemId]) -> fmt::Result {
        let minus = self.painter.paint(DROPPED, "-") + " ";
        if items.len() > DROPPED_LINES {
            return self.line(depth, minus + format_args!("{} ({})", self.numbers(items), counted(items.len())));
        }
        for &item in items {
            self.line(depth, minus.clone() + self.item_line(item))?;
        }
        Ok(())
    }

    fn added(&mut self, depth: usize, rest: &[(ItemId, Novelty)]) -> fmt::Result {
        let plus = self.painter.paint(ADDED, "+") + " ";
        let mut follower = None;
        let mut lines = Vec::new();
        for &(item, novelty) in rest.iter().rev() {
            if novelty == Novelty::Known {
                follower = Some(item);
                continue;
            }
            let place = follower.map_or_else(String::new, |next: ItemId| format!(" (before [{}])", next.0));
            lines.push(plus.clone() + self.item_line(item) + place);
        }
        lines.into_iter().rev().try_for_each(|line| self.line(depth, line))
    }
}

pub(super) fn counted(items: usize) -> String {
    match items {
        0 => "no items".to_owned(),
        1 => "1 item".to_owned(),
        _ => format!("{items} items"),
    }
}

/// How a request differs from what the model had seen before.
struct Difference {
    /// How many items of the request were seen before.
    kept: usize,
    reordered: bool,
    /// The items that were seen before and are not in the request.
    dropped: Vec<ItemId>,
    /// The items of the request after those with which both lists begin.
    rest: Vec<(ItemId, Novelty)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Novelty {
    Known,
    New,
}

impl Difference {
    /// Compares two lists at a cost in proportion to their runs and to their difference.
    fn new(before: &ItemRuns, now: &ItemRuns) -> Self {
        let same = before.common_prefix(now);
        let (before_rest, now_rest) = (before.skip(same), now.skip(same));
        let (was_seen, is_shown) = (Lookup::new(before, now.len() - same), Lookup::new(now, before.len() - same));
        let rest: Vec<_> =
            now_rest.map(|item| (item, if was_seen.contains(item) { Novelty::Known } else { Novelty::New })).collect();
        let known = || rest.iter().filter(|(_, novelty)| *novelty == Novelty::Known).map(|&(item, _)| item);
        let (still_shown, dropped): (Vec<_>, Vec<_>) = before_rest.partition(|&item| is_shown.contains(item));
        Self { kept: same + known().count(), reordered: !known().eq(still_shown), dropped, rest }
    }
}

/// Looks items up in a list, some of them one by one, many of them in a set.
enum Lookup<'a> {
    Runs(&'a ItemRuns),
    Set(Covered),
}

impl<'a> Lookup<'a> {
    fn new(items: &'a ItemRuns, lookups: usize) -> Self {
        if lookups <= 8 {
            return Self::Runs(items);
        }
        let mut set = Covered::default();
        set.insert_all(items);
        Self::Set(set)
    }

    fn contains(&self, item: ItemId) -> bool {
        match self {
            Self::Runs(items) => items.contains(item),
            Self::Set(set) => set.contains(item),
        }
    }
}
