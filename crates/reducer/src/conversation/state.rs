//! What is remembered about conversations beyond the graph.

use std::{collections::BTreeMap, ops::Range};

use rollout_trace_model::{ItemId, ItemRuns};
use rollout_trace_schema::{InferenceCallId, ResponsesItemId, Seq, ThreadId, UnixMillis};

use super::{
    bearers::Bearers,
    call_ids::CallIds,
    facts::Facts,
    order::{self, Order},
    snapshot::Snapshot,
};
use crate::{
    graph::Graph,
    item::Errand,
    map::{HashMap, HashSet},
    sightings::Sightings,
};

/// What is remembered about all conversations.
#[derive(Debug, Default)]
pub(crate) struct Conversations {
    threads: BTreeMap<ThreadId, Conversation>,
    pub(super) facts: Facts,
    /// The accepted content of each agent message that a payload later showed with other content.
    superseded: Vec<(ItemId, String)>,
    pub(crate) sightings: Sightings,
    observations: Observations,
}

/// What items say that reduction needs only where tools or agents are not observed.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// The outputs that say that their tools failed.
    pub(super) failed_outputs: HashSet<ItemId>,
    /// What calls say about agents that they may spawn.
    pub(super) errands: HashMap<ItemId, Errand>,
}

/// What is remembered about one thread's conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// What the model last saw.
    pub(super) live: Snapshot,
    /// What the model last saw, if `live` has not caught up with it. A request that continues another response than the
    /// last one has few items of its own, but may differ from what was seen before it in many.
    pub(super) ahead: Option<ItemRuns>,
    pub(super) live_of: LiveOf,
    /// What the first full request after a compaction is compared with instead.
    pub(super) replacement: Option<Vec<ItemId>>,
    /// The last inference call whose request could be read, and the calls that started after it. A call whose request
    /// is lost changes nothing that is known about the conversation, and so overtakes no other call. In schema 3 it
    /// does, and this is only the last call.
    ///
    /// Source: reduction, sections 5.10 and 14.6; bundle 3, section 4.2.
    pub(super) latest_calls: HashSet<InferenceCallId>,
    pub(super) by_responses_id: HashMap<ResponsesItemId, Bearers>,
    /// The first acceptance of each Responses id.
    pub(super) accepted: HashMap<ResponsesItemId, (Seq, UnixMillis)>,
    /// Deliveries that were accepted and that no payload has shown yet: they arrive with the thread's next request.
    pub(super) pending: HashMap<ResponsesItemId, ItemId>,
    pub(super) order: Order,
    pub(super) call_ids: CallIds,
}

/// What a live snapshot consists of, as far as that saves going through it.
#[derive(Debug, Default)]
pub(super) enum LiveOf {
    /// The items of the request that is being read.
    NewRequest,
    /// The items of this inference call's request.
    Request(InferenceCallId),
    /// The items of this inference call's request and of its response.
    Response(InferenceCallId),
    #[default]
    Other,
}

impl LiveOf {
    /// Returns whether the live snapshot is the request and the response of an inference call.
    pub(super) fn is(&self, graph: &Graph, call: &InferenceCallId) -> bool {
        match self {
            Self::Response(of) => of == call,
            Self::Request(of) => of == call && graph.inference_calls[call].response_item_ids.is_empty(),
            Self::NewRequest | Self::Other => false,
        }
    }
}

impl Conversation {
    /// Makes `live` what the model last saw.
    pub(super) fn catch_up(&mut self, facts: &mut Facts) {
        if let Some(items) = self.ahead.take() {
            let items: Vec<_> = items.iter().collect();
            self.live.replace_from(0, &items, facts);
        }
    }

    /// Returns the items at these places of what the model last saw, as far as there are any.
    pub(super) fn seen_at(&self, places: Range<usize>) -> Vec<ItemId> {
        match &self.ahead {
            Some(items) => items.slice(places).collect(),
            None => {
                let items = self.live.items();
                items[places.start.min(items.len())..places.end.min(items.len())].to_vec()
            }
        }
    }

    /// Adds an item to what the model last saw.
    pub(super) fn show(&mut self, item: ItemId, facts: &mut Facts) {
        match &mut self.ahead {
            Some(items) => items.push(item),
            None => self.live.push(item, facts),
        }
    }
}

impl Conversations {
    /// Records that an inference call started, and whether it overtakes those before it.
    pub(crate) fn note_call(&mut self, thread: &ThreadId, call: &InferenceCallId, overtakes: bool) {
        let conversation = self.thread(thread);
        if overtakes {
            conversation.latest_calls.clear();
        }
        conversation.latest_calls.insert(call.clone());
        if matches!(conversation.live_of, LiveOf::NewRequest) {
            conversation.live_of = LiveOf::Request(call.clone());
        }
    }

    /// Returns the items that the thread's next full request is compared with, or none if a compaction replaced them.
    pub(crate) fn live_items(&mut self, thread: &ThreadId) -> &[ItemId] {
        let conversation = self.threads.get_mut(thread).filter(|conversation| conversation.replacement.is_none());
        let Some(conversation) = conversation else { return &[] };
        conversation.catch_up(&mut self.facts);
        conversation.live.items()
    }

    /// Returns the one of these items of a thread that comes first in the thread's list.
    pub(crate) fn first_in_list(&self, items: &[ItemId]) -> Option<ItemId> {
        order::first(items, &self.facts)
    }

    /// Returns the number of leading items that the same sightings would match again.
    pub(crate) fn stable_prefix(&self, items: &[ItemId]) -> usize {
        items.iter().position(|&item| self.facts.of(item).overruled).unwrap_or(items.len())
    }

    /// Returns the accepted content of each agent message that a payload later showed with other content.
    pub(crate) fn superseded(&self) -> &[(ItemId, String)] {
        &self.superseded
    }

    /// Returns whether an output says that its tool failed.
    pub(crate) fn has_failed(&self, output: ItemId) -> bool {
        self.observations.failed_outputs.contains(&output)
    }

    /// Returns what a call says about an agent that it may spawn.
    pub(crate) fn errand(&self, call: ItemId) -> Option<&Errand> {
        self.observations.errands.get(&call)
    }

    pub(super) fn thread(&mut self, thread: &ThreadId) -> &mut Conversation {
        self.parts(thread).conversation
    }

    /// Returns what is remembered about the thread, and about all.
    pub(super) fn parts(&mut self, thread: &ThreadId) -> Remembered<'_> {
        if !self.threads.contains_key(thread) {
            self.threads.insert(thread.clone(), Conversation::default());
        }
        let conversation = self.threads.get_mut(thread).expect("inserted above if it was missing");
        let Self { facts, superseded, observations, .. } = self;
        Remembered { conversation, facts, superseded, observations }
    }
}

/// What is remembered about one thread, about all items, about superseded messages, and about what is not observed.
pub(super) struct Remembered<'a> {
    pub(super) conversation: &'a mut Conversation,
    pub(super) facts: &'a mut Facts,
    pub(super) superseded: &'a mut Vec<(ItemId, String)>,
    pub(super) observations: &'a mut Observations,
}
