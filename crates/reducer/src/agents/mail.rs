//! The items that carry messages between agents, and what agents said to people.
//!
//! Source: reduction, sections 12.2 and 12.4.

use std::collections::BTreeSet;

use rollout_trace_model::{ConversationItem, ItemId, ItemKind, Role};
use rollout_trace_schema::{CodexTurnId, Seq, ThreadId};

use crate::{
    fingerprint::{Fingerprint, Fingerprinter},
    item::message_between_agents,
    map::{HashMap, HashSet},
};

/// Identifies who says what to whom in which thread. A message and the item as which it arrives have the same address.
pub(super) type Address = Fingerprint;

/// The event that first showed an item, and the item. Their order is the order in which items were first seen.
pub(super) type Seen = (Seq, ItemId);

/// A turn of a thread.
pub(super) type ThreadTurn = (ThreadId, CodexTurnId);

/// An index of items by what they say, kept up to date as items change.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// The items with each address.
    boxes: HashMap<Address, BTreeSet<Seen>>,
    letters: HashMap<ItemId, Letter>,
    /// What the model of each turn said to people.
    spoken: HashMap<ThreadTurn, BTreeSet<Seen>>,
    /// All items in `spoken`.
    speeches: HashSet<ItemId>,
}

/// The addresses of an item.
#[derive(Clone, Copy, Debug, Default)]
struct Letter {
    sighted: Option<Address>,
    /// The address that it had when it was accepted, if a payload later showed it with other content.
    accepted: Option<Address>,
}

impl Letter {
    fn addresses(self) -> impl Iterator<Item = Address> {
        self.sighted.into_iter().chain(self.accepted)
    }
}

pub(super) fn address(thread: &ThreadId, [author, recipient, content]: [&str; 3]) -> Address {
    Fingerprinter::default().text(thread).text(author).text(recipient).text(content).finish()
}

impl Mail {
    /// Files an item that is new or has changed. Returns its addresses before and after.
    pub(super) fn file(&mut self, item: &ConversationItem) -> Vec<Address> {
        let message = message_between_agents(item);
        let new =
            message.map(|message| address(&item.thread_id, [&message.author, &message.recipient, &message.content]));
        let Some(letter) = self.letters.get(&item.item_id).copied() else {
            if let Some(new) = new {
                self.letters.insert(item.item_id, Letter { sighted: Some(new), accepted: None });
                self.put(new, item);
            }
            return new.into_iter().collect();
        };
        if let Some(old) = letter.sighted
            && letter.sighted != new
            && letter.accepted != Some(old)
            && let Some(items) = self.boxes.get_mut(&old)
        {
            items.remove(&(item.first_seen_seq, item.item_id));
        }
        if let Some(new) = new {
            self.put(new, item);
        }
        self.letters.insert(item.item_id, Letter { sighted: new, ..letter });
        letter.addresses().chain(new).collect()
    }

    /// Files an agent message under the content with which it was accepted. Returns the address of that content.
    pub(super) fn file_accepted(&mut self, item: &ConversationItem, content: &str) -> Option<Address> {
        let ends = item.agent_message.as_ref()?;
        let accepted = address(&item.thread_id, [&ends.author, &ends.recipient, content]);
        self.letters.entry(item.item_id).or_default().accepted = Some(accepted);
        self.put(accepted, item);
        Some(accepted)
    }

    fn put(&mut self, address: Address, item: &ConversationItem) {
        self.boxes.entry(address).or_default().insert((item.first_seen_seq, item.item_id));
    }

    /// Returns the items with this address, in the order in which they were first seen.
    pub(super) fn items(&self, address: Address) -> impl Iterator<Item = Seen> + '_ {
        self.boxes.get(&address).into_iter().flatten().copied()
    }

    pub(super) fn addresses(&self, item: ItemId) -> impl Iterator<Item = Address> + use<> {
        self.letters.get(&item).copied().unwrap_or_default().addresses()
    }

    /// Files an item that a model may have said to people. Returns its turn if what the turn said has changed.
    pub(super) fn file_speech(&mut self, item: &ConversationItem) -> Option<ThreadTurn> {
        let turn = (item.thread_id.clone(), item.codex_turn_id.clone()?);
        let seen = (item.first_seen_seq, item.item_id);
        let is_message = item.role == Role::Assistant && item.kind == ItemKind::Message;
        let is_speech = is_message && self.letters.get(&item.item_id).is_none_or(|letter| letter.sighted.is_none());
        if is_speech == self.speeches.contains(&item.item_id) {
            return None;
        }
        if is_speech {
            self.speeches.insert(item.item_id);
            self.spoken.entry(turn.clone()).or_default().insert(seen);
        } else {
            self.speeches.remove(&item.item_id);
            self.spoken.entry(turn.clone()).or_default().remove(&seen);
        }
        Some(turn)
    }

    /// Returns the last item that a turn said before an event, or the last of all if it said nothing before.
    pub(super) fn last_speech(&self, turn: &ThreadTurn, before: Seq) -> Option<ItemId> {
        let spoken = self.spoken.get(turn)?;
        let earlier = spoken.range(..(before, ItemId(0))).next_back();
        earlier.or_else(|| spoken.last()).map(|&(_, item)| item)
    }

    /// Returns the event that showed the first item that the turn said.
    pub(super) fn first_speech(&self, turn: &ThreadTurn) -> Option<Seq> {
        self.spoken.get(turn)?.first().map(|&(seq, _)| seq)
    }
}
