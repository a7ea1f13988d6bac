//! Draws a request, as the difference from what the model had seen before.

use std::{collections::BTreeSet, fmt};

use crate::{InferenceCall, ItemId};

use super::canvas::{ADDED, Canvas, DROPPED};

/// The most dropped items that are shown with a line each. More are shown only by number.
const DROPPED_LINES: usize = 3;

impl Canvas<'_, '_> {
    pub(super) fn request(&mut self, depth: usize, call: &InferenceCall) -> fmt::Result {
        let now = &call.request_item_ids;
        let seen = self.places.seen_before.get(&call.inference_call_id).cloned().unwrap_or_default();
        let before_set: BTreeSet<_> = seen.items.iter().collect();
        let now_set: BTreeSet<_> = now.iter().collect();
        let kept: Vec<ItemId> = now.iter().filter(|item| before_set.contains(item)).copied().collect();
        let dropped: Vec<ItemId> = seen.items.iter().filter(|item| !now_set.contains(item)).copied().collect();

        let mut head = format!("request of {}", counted(now.len()));
        if seen.any_request {
            let reordered = !kept.iter().eq(seen.items.iter().filter(|item| now_set.contains(item)));
            let kept_count = match (kept.len(), now.len()) {
                (0, _) => "none".to_owned(),
                (kept, all) if kept == all => "all".to_owned(),
                (kept, _) => kept.to_string(),
            };
            let since = match seen.compaction {
                Some(compaction) => format!("from the replacement of {}", self.name(&compaction.compaction_id)),
                None => "as before".to_owned(),
            };
            let order = if reordered { ", in another order" } else { "" };
            head += &format!(": {kept_count} {since}{order}");
        }
        self.line(depth, head)?;
        self.dropped(depth + 1, &dropped)?;
        self.added(depth + 1, now, &before_set)
    }

    fn dropped(&mut self, depth: usize, items: &[ItemId]) -> fmt::Result {
        let minus = self.paint(DROPPED, "-") + " ";
        if items.len() > DROPPED_LINES {
            return self.line(depth, minus + format_args!("{} ({})", self.numbers(items), counted(items.len())));
        }
        for &item in items {
            self.line(depth, minus.clone() + self.item_line(item))?;
        }
        Ok(())
    }

    fn added(&mut self, depth: usize, now: &[ItemId], before: &BTreeSet<&ItemId>) -> fmt::Result {
        let plus = self.paint(ADDED, "+") + " ";
        let mut follower = None;
        let mut lines = Vec::new();
        for &item in now.iter().rev() {
            if before.contains(&item) {
                follower = Some(item);
                continue;
            }
            let place = follower.map_or_else(String::new, |next| format!(" (before [{}])", next.0));
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
