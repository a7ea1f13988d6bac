//! What is remembered of conversations beyond the graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollout_trace_model::ItemId;
use rollout_trace_schema::{InferenceCallId, ResponseId, ResponsesItemId, Seq, ThreadId, UnixMillis};

use super::Snapshot;
use crate::{item::Identity, request::RequestReader};

/// What is remembered of all conversations.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    threads: BTreeMap<ThreadId, Conversation>,
    /// By item number.
    facts: Vec<ItemFacts>,
    /// Numbers the payloads that use items, so that use in one says nothing about use in another.
    pub(crate) user: u64,
}

/// What is remembered of one thread's conversation.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// What the model last saw.
    pub(crate) live: Snapshot,
    /// What it will see instead, until the first full request after a compaction.
    pub(crate) replacement: Option<Snapshot>,
    /// The inference call that started last, and before it the calls back to the last whose request could be read: one whose
    /// request is lost did not change what is known of the conversation.
    pub(crate) latest_calls: Vec<InferenceCallId>,
    /// The calls that got each response, in the order of their ids.
    pub(crate) responses: HashMap<ResponseId, BTreeSet<InferenceCallId>>,
    /// The items that bear each Responses id, in number order.
    pub(crate) by_responses_id: HashMap<ResponsesItemId, Vec<ItemId>>,
    /// The first acceptance of each Responses id.
    pub(crate) accepted: HashMap<ResponsesItemId, (Seq, UnixMillis)>,
    /// Agent messages that were accepted and that no payload has shown yet: they arrive with the thread's next request.
    pub(crate) pending: HashMap<ResponsesItemId, ItemId>,
    /// Calls in the conversation whose tool started before the response that made them was seen: the next request that shows
    /// one proves that the response started the tool.
    pub(crate) unproven_calls: Vec<ItemId>,
    pub(crate) reader: RequestReader,
}

/// What is remembered of one item.
#[derive(Clone, Debug)]
pub(crate) struct ItemFacts {
    pub(crate) identity: Identity,
    /// Whether a request or compaction listed it.
    pub(crate) listed: bool,
    /// The payload that used it last.
    pub(crate) used_by: u64,
    /// Whether the same sighting would not be taken for it again: its author or recipient was overruled by an acceptance, or
    /// another sighting in the same payload took it first.
    pub(crate) overruled: bool,
}

impl Conversations {
    pub(crate) fn thread(&mut self, thread: &ThreadId) -> &mut Conversation {
        if !self.threads.contains_key(thread) {
            self.threads.insert(thread.clone(), Conversation::default());
        }
        self.threads.get_mut(thread).expect("inserted where it was missing")
    }

    pub(crate) fn threads_mut(&mut self) -> impl Iterator<Item = (&ThreadId, &mut Conversation)> {
        self.threads.iter_mut()
    }

    pub(crate) fn facts(&self, item: ItemId) -> &ItemFacts {
        &self.facts[item.0 as usize - 1]
    }

    pub(crate) fn facts_mut(&mut self, item: ItemId) -> &mut ItemFacts {
        &mut self.facts[item.0 as usize - 1]
    }

    /// Remembers a new item and gives it its number.
    pub(crate) fn add(&mut self, identity: Identity) -> ItemId {
        self.facts.push(ItemFacts { identity, listed: false, used_by: 0, overruled: false });
        ItemId(u32::try_from(self.facts.len()).expect("a graph has fewer items than bytes in memory"))
    }

    /// Starts a payload: nothing is used yet.
    pub(crate) fn begin_use(&mut self) {
        self.user += 1;
    }

    pub(crate) fn is_used(&self, item: ItemId) -> bool {
        self.facts(item).used_by == self.user
    }

    pub(crate) fn use_item(&mut self, item: ItemId) {
        let user = self.user;
        self.facts_mut(item).used_by = user;
    }
}
