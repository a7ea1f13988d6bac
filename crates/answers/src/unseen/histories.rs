//! Items that disappeared from a conversation, and sealed items.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};

use rollout_trace_model::{
    Compaction, ConversationItem, InferenceCall, ItemId, ItemKind,
    map::{HashMap, HashSet},
};
use rollout_trace_reducer::Fingerprint;
use rollout_trace_schema::ModelVisibleCallId;

use super::{UnseenCode, UnseenRow, later_calls, size};
use crate::{Certainty, Rollout, item_words::item_words, members::Members, words::counted};

pub(super) fn rows(rollout: &Rollout<'_>, compacted: &HashSet<ItemId>) -> Vec<UnseenRow> {
    let graph = rollout.graph();
    let mut rows: Vec<_> = graph.compactions.values().filter_map(|compaction| dropped(rollout, compaction)).collect();
    let markers: HashSet<ItemId> = graph.compactions.values().map(|compaction| compaction.marker_item_id).collect();
    for first in rollout.calls() {
        let second = rollout.index().sound_next(rollout.facts(), first);
        if let Some(second) = second.filter(|second| rollout.index().compactions_between(first, second).is_empty()) {
            let pair = Pair {
                rollout,
                first,
                second,
                compacted,
                markers: &markers,
                after: OnceCell::new(),
                equals: RefCell::default(),
            };
            rows.extend(pair.left_out());
            rows.extend(pair.not_kept());
        }
    }
    rows.extend(sealed(rollout));
    rows
}

/// Returns what a compaction dropped.
fn dropped(rollout: &Rollout<'_>, compaction: &Compaction) -> Option<UnseenRow> {
    let copies = compaction.replacement_item_ids.iter();
    let kept: HashSet<ItemId> = copies.map(|copy| rollout.index().copied_from(*copy).unwrap_or(*copy)).collect();
    let mut seen = HashSet::default();
    let input = compaction.input_item_ids.iter().copied();
    let items: Vec<ItemId> = input.filter(|item| !kept.contains(item) && seen.insert(*item)).collect();
    let largest = items.iter().max_by_key(|item| rollout.sizes(**item).tokens_estimate)?;
    let of = compaction.input_item_ids.len();
    let note = format!("{} of {}; largest {}", items.len(), counted(of, "item"), item_words(rollout, *largest));
    let (bytes, tokens) = size(rollout, &items);
    let code = UnseenCode::DroppedByCompaction;
    let row = UnseenRow::new(code, Certainty::Recorded, ids(&compaction.compaction_id, &items), note);
    Some(UnseenRow {
        bytes: Some(bytes),
        tokens_estimate: Some(tokens),
        later_calls: Some(later_calls(rollout, &compaction.thread_id, compaction.installed_seq)),
        ..row.shown_by(Some(compaction.installed_seq), compaction.raw_checkpoint_payload_id.as_ref())
    })
}

/// Two calls between which nothing that was lost or compacted can have changed the conversation.
struct Pair<'r, 'a> {
    rollout: &'r Rollout<'a>,
    first: &'r InferenceCall,
    second: &'r InferenceCall,
    /// The items that some compaction replaced.
    compacted: &'r HashSet<ItemId>,
    markers: &'r HashSet<ItemId>,
    /// The items of the second request.
    after: OnceCell<Members<'r>>,
    /// Whether the second request has an item with a fingerprint, for those that were asked about.
    equals: RefCell<HashMap<Fingerprint, bool>>,
}

impl Pair<'_, '_> {
    /// Returns the items of the first request that the second one lacks: those that another item replaces, one by one,
    /// and the others together.
    fn left_out(&self) -> Vec<UnseenRow> {
        let (before, after) = (&self.first.request_item_ids, &self.second.request_item_ids);
        let same = before.common_prefix(after);
        let gone: Vec<ItemId> = before
            .skip(same)
            .filter(|item| !self.is_kept(*item) && !self.compacted.contains(item) && !self.markers.contains(item))
            .collect();
        if gone.is_empty() {
            return Vec::new();
        }
        // The last new item of each kind and call id.
        let new = after.skip(same).filter(|item| self.is_new(*item));
        let new: HashMap<_, ItemId> = new.filter_map(|item| Some((self.call_key(item)?, item))).collect();
        let replacement = |old: ItemId| self.call_key(old).and_then(|key| new.get(&key)).copied();
        let (trimmed, dropped): (Vec<_>, Vec<_>) =
            gone.into_iter().map(|old| (old, replacement(old))).partition(|(_, new)| new.is_some());
        let mut rows: Vec<_> = trimmed.into_iter().filter_map(|(old, new)| Some(self.trimmed(old, new?))).collect();
        let dropped: Vec<ItemId> = dropped.into_iter().map(|(item, _)| item).collect();
        rows.extend(self.dropped(&dropped));
        rows
    }

    /// Returns whether the second request has an item, or one that is equal to a provider's cache. The requests, which
    /// repeat the conversation, are not gone through: the items that are equal are looked up, and then found in them.
    fn is_kept(&self, id: ItemId) -> bool {
        let Some(item) = self.item(id) else { return true };
        let after = self.after.get_or_init(|| Members::of(&self.second.request_item_ids));
        if after.contain(id) {
            return true;
        }
        let fingerprint = self.rollout.facts().fingerprint(item);
        let find = || after.contain_any(self.rollout.index().equals(&self.second.thread_id, fingerprint));
        *self.equals.borrow_mut().entry(fingerprint).or_insert_with(find)
    }

    /// Returns whether the second request is the first one to carry an item.
    fn is_new(&self, item: ItemId) -> bool {
        let first = self.rollout.index().carried(item).first;
        first.is_some_and(|first| first.inference_call_id == self.second.inference_call_id)
    }

    /// Returns the kind and the call id of an item that has one.
    fn call_key(&self, id: ItemId) -> Option<(&ItemKind, &ModelVisibleCallId)> {
        let item = self.item(id)?;
        Some((&item.kind, item.call_id.as_ref()?))
    }

    fn trimmed(&self, old: ItemId, new: ItemId) -> UnseenRow {
        let (rollout, second) = (self.rollout, &self.second.inference_call_id);
        let name = rollout.call_name(second);
        let note = format!("{} is [{}] from {name} on", item_words(rollout, old), new.0);
        let (old_bytes, new_bytes) = (rollout.sizes(old).bytes, rollout.sizes(new).bytes);
        let row = UnseenRow::new(UnseenCode::TrimmedLater, Certainty::Recorded, ids(second, &[old, new]), note);
        UnseenRow {
            bytes: Some(old_bytes.saturating_sub(new_bytes)),
            of_bytes: Some(old_bytes),
            ..self.shown_by_second(row)
        }
    }

    fn dropped(&self, items: &[ItemId]) -> Option<UnseenRow> {
        let (rollout, second) = (self.rollout, &self.second.inference_call_id);
        let first = rollout.call_name(&self.first.inference_call_id);
        let (count, name) = (counted(items.len(), "item"), rollout.call_name(second));
        let words = item_words(rollout, *items.first()?);
        let note = format!("{count} of {first} not in {name}; {words}");
        let (bytes, tokens) = size(rollout, items);
        let row = UnseenRow::new(UnseenCode::DroppedUnrecorded, Certainty::Inferred, ids(second, items), note);
        Some(UnseenRow { bytes: Some(bytes), tokens_estimate: Some(tokens), ..self.shown_by_second(row) })
    }

    fn shown_by_second(&self, row: UnseenRow) -> UnseenRow {
        let request = self.second.raw_request_payload_id.as_ref();
        row.shown_by(Some(self.rollout.facts().naming(self.second.execution.started_seq, request)), request)
    }

    /// Returns the items of the first call's answer that no request carries.
    fn not_kept(&self) -> Option<UnseenRow> {
        let answer = self.first.response_item_ids.iter().copied();
        let items: Vec<ItemId> = answer
            .filter(|item| {
                let carried = self.rollout.index().carried(*item).calls;
                carried == 0 && !self.compacted.contains(item) && !self.is_kept(*item)
            })
            .collect();
        let words = item_words(self.rollout, *items.first()?);
        let first = &self.first.inference_call_id;
        let name = self.rollout.call_name(first);
        let note = format!("{} that {name} answered; {words}", counted(items.len(), "item"));
        let row = UnseenRow::new(UnseenCode::AnswerNotKept, Certainty::Matched, ids(first, &items), note);
        let (bytes, _) = size(self.rollout, &items);
        let payload = self.first.raw_response_payload_id.as_ref();
        Some(UnseenRow { bytes: Some(bytes), ..row.shown_by(self.first.response_seq, payload) })
    }

    fn item(&self, id: ItemId) -> Option<&ConversationItem> {
        self.rollout.graph().conversation_items.get(&id)
    }
}

/// Returns the sealed items, one row for each kind.
fn sealed(rollout: &Rollout<'_>) -> Vec<UnseenRow> {
    let mut by_kind: BTreeMap<(String, bool), (Vec<ItemId>, u64)> = BTreeMap::new();
    for item in rollout.graph().conversation_items.values() {
        let bytes = rollout.sizes(item.item_id).sealed_bytes;
        if bytes > 0 {
            let key = (item.kind.to_string(), item.agent_message.is_some());
            let (items, sum) = by_kind.entry(key).or_default();
            items.push(item.item_id);
            *sum += bytes;
        }
    }
    let row = |((kind, is_agent_message), (items, bytes)): ((String, bool), (Vec<ItemId>, u64))| {
        let what = if is_agent_message { "message between agents" } else { &kind };
        let note = format!("{} × {what}: only the provider can read it", items.len());
        let ids = items.iter().map(ItemId::to_string).collect();
        let row = UnseenRow::new(UnseenCode::SealedFromReader, Certainty::Recorded, ids, note);
        (items[0], UnseenRow { bytes: Some(bytes), ..row })
    };
    let mut rows: Vec<_> = by_kind.into_iter().map(row).collect();
    rows.sort_by_key(|(first, _)| *first);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Returns the id of an object and those of items.
fn ids(object: &str, items: &[ItemId]) -> Vec<String> {
    std::iter::once(object.to_owned()).chain(items.iter().map(ItemId::to_string)).collect()
}
