//! Which inference calls showed which items, first and last.
//!
//! Source: reduction, sections 13.6 and 13.7.

use rollout_trace_model::{ConversationItem, ItemId, ObjectRef};
use rollout_trace_schema::{CodexTurnId, InferenceCallId, ModelVisibleCallId, Seq, ThreadId};

use crate::{graph::Graph, map::HashMap};

/// Keeps up to date when each item was last seen, and what is new in each turn's first request.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    /// By item number.
    items: Vec<Sighted>,
    /// The items that were seen later than the graph says.
    moved: Vec<ItemId>,
    /// The calls whose requests showed their items later than was noted.
    later_requests: Vec<CallNumber>,
    /// The inference calls, in the order in which they were first noted.
    calls: Vec<Call>,
    numbers: HashMap<InferenceCallId, CallNumber>,
    /// The first call that showed an item with each call id.
    call_ids: HashMap<(ThreadId, ModelVisibleCallId), CallNumber>,
    first_of_turn: HashMap<CodexTurnId, CallNumber>,
    /// The first calls of turns whose new inputs may have changed.
    stale: Vec<CallNumber>,
}

/// What is known about an inference call.
#[derive(Debug)]
struct Call {
    /// Calls are ordered by their starts, and by their ids if they started in one event.
    started: Seq,
    id: InferenceCallId,
    /// The turn of which it is the first call.
    opens: Option<CodexTurnId>,
    is_stale: bool,
    /// The earlier call whose request this one's begins with.
    continues: Option<CallNumber>,
    /// How many items that request has.
    continued_items: usize,
    /// When this request, or one that continues it, last showed its items.
    shown: Seq,
}

/// When an item was shown.
#[derive(Clone, Debug, Default)]
struct Sighted {
    last: Seq,
    is_moved: bool,
    /// The first call, in the order of calls, that showed it.
    first: Option<CallNumber>,
}

/// A call's place in [`Sightings::calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CallNumber(usize);

impl Sightings {
    /// Notes that an inference call started, or that a start which seemed lost was found.
    pub(crate) fn note_call(&mut self, graph: &Graph, id: &InferenceCallId) {
        let call = &graph.inference_calls[id];
        let number = match self.numbers.get(id) {
            Some(&number) => number,
            None => {
                let number = CallNumber(self.calls.len());
                self.calls.push(Call {
                    started: 0,
                    id: id.clone(),
                    opens: None,
                    is_stale: false,
                    continues: None,
                    continued_items: 0,
                    shown: 0,
                });
                self.numbers.insert(id.clone(), number);
                number
            }
        };
        self.calls[number.0].started = call.execution.started_seq;
        if let Some(turn) = &call.codex_turn_id {
            let first = self.first_of_turn.get(turn).copied();
            if first.is_none_or(|first| self.is_before(number, first)) {
                if let Some(first) = first {
                    self.calls[first.0].opens = None;
                }
                self.first_of_turn.insert(turn.clone(), number);
                self.calls[number.0].opens = Some(turn.clone());
            }
        }
        self.make_stale(number);
        self.note_shown(graph, id, call.response_item_ids.iter().copied());
    }

    /// Notes that a call's request showed its items. `continues` is the call whose request it begins with, if it
    /// continues one: what that request showed is not noted again.
    pub(crate) fn note_request(&mut self, graph: &Graph, id: &InferenceCallId, continues: Option<&InferenceCallId>) {
        let number = self.numbers[id];
        let continued = continues.and_then(|id| Some((*self.numbers.get(id)?, graph.inference_calls.get(id)?)));
        if let Some((earlier, call)) = continued.filter(|&(earlier, _)| self.is_before(earlier, number)) {
            self.calls[number.0].continues = Some(earlier);
            self.calls[number.0].continued_items = call.request_item_ids.len();
        }
        let call = &mut self.calls[number.0];
        call.shown = call.shown.max(call.started);
        self.later_requests.push(number);
        let own = own_items(graph, call);
        self.note_shown(graph, id, own);
    }

    /// Notes when the items of requests were last seen.
    fn note_requests_seen(&mut self, graph: &Graph) {
        let mut requests = std::mem::take(&mut self.later_requests);
        requests.sort_unstable_by_key(|number| self.calls[number.0].shown);
        for mut number in requests.into_iter().rev() {
            let seq = self.calls[number.0].shown;
            loop {
                let own = own_items(graph, &self.calls[number.0]);
                self.note_seen(own, seq);
                let Some(earlier) = self.calls[number.0].continues else { break };
                if self.calls[earlier.0].shown >= seq {
                    break;
                }
                self.calls[earlier.0].shown = seq;
                number = earlier;
            }
        }
    }

    /// Notes that a call's request or response showed these items.
    pub(crate) fn note_shown(&mut self, graph: &Graph, id: &InferenceCallId, items: impl IntoIterator<Item = ItemId>) {
        let number = self.numbers[id];
        for item in items {
            let first = self.sighted(item).first;
            if first.is_none_or(|first| self.is_before(number, first)) {
                self.sighted(item).first = Some(number);
                first.into_iter().for_each(|first| self.make_stale(first));
                self.make_stale(number);
                self.note_call_id(number, &graph.conversation_items[&item]);
            }
        }
    }

    /// Notes that these items were seen in an event.
    pub(crate) fn note_seen(&mut self, items: impl IntoIterator<Item = ItemId>, seq: Seq) {
        for item in items {
            let sighted = self.sighted(item);
            if seq > sighted.last {
                sighted.last = seq;
                if !std::mem::replace(&mut sighted.is_moved, true) {
                    self.moved.push(item);
                }
            }
        }
    }

    /// Brings the graph up to date with what was noted, and with the objects that changed.
    pub(crate) fn refresh(&mut self, graph: &mut Graph, changed: &[ObjectRef]) {
        self.note_requests_seen(graph);
        for item in std::mem::take(&mut self.moved) {
            let sighted = self.sighted(item);
            sighted.is_moved = false;
            graph.note_last_seen(item, sighted.last);
        }
        for object in changed {
            match object {
                ObjectRef::CodexTurn(turn) => {
                    let first = self.first_of_turn.get(turn).copied();
                    first.into_iter().for_each(|first| self.make_stale(first));
                }
                ObjectRef::ConversationItem(item) => {
                    let first = self.sighted(*item).first;
                    first.into_iter().for_each(|first| self.make_stale(first));
                }
                _ => {}
            }
        }
        for first in std::mem::take(&mut self.stale) {
            self.calls[first.0].is_stale = false;
            let Some(turn) = self.calls[first.0].opens.clone() else { continue };
            let new_inputs = self.new_inputs(graph, &turn, first);
            if graph.codex_turns.get(&turn).is_some_and(|turn| turn.new_input_item_ids != new_inputs) {
                graph.object_mut(&turn).new_input_item_ids = new_inputs;
            }
        }
    }

    /// Returns the items that are new in a turn's first request and come from outside.
    ///
    /// Source: reduction, section 13.6.
    fn new_inputs(&self, graph: &Graph, turn: &CodexTurnId, first: CallNumber) -> Vec<ItemId> {
        let call = &graph.inference_calls[&self.calls[first.0].id];
        // If the evidence contradicts itself, an inference call may name a turn of another thread.
        if graph.codex_turns.get(turn).is_none_or(|turn| turn.thread_id != call.thread_id) {
            return Vec::new();
        }
        let is_new = |item: &ItemId| {
            self.items.get(item.0 as usize).is_some_and(|sighted| sighted.first == Some(first)) && {
                let item = &graph.conversation_items[item];
                item.produced_by.is_empty() && !self.answers_earlier_call(first, item)
            }
        };
        own_items(graph, &self.calls[first.0]).filter(is_new).collect()
    }

    /// Returns whether an earlier request or response showed the call that the item answers. Such an answer does not
    /// come from outside, even if no tool call was recorded for it.
    fn answers_earlier_call(&self, number: CallNumber, item: &ConversationItem) -> bool {
        let Some(call_id) = &item.call_id else { return false };
        let first = self.call_ids.get(&(item.thread_id.clone(), call_id.clone()));
        first.is_some_and(|&first| self.is_before(first, number))
    }

    fn note_call_id(&mut self, number: CallNumber, item: &ConversationItem) {
        let Some(call_id) = &item.call_id else { return };
        let key = (item.thread_id.clone(), call_id.clone());
        let first = self.call_ids.get(&key).copied();
        if first.is_none_or(|first| self.is_before(number, first)) {
            self.call_ids.insert(key, number);
            first.into_iter().for_each(|first| self.make_stale(first));
        }
    }

    /// Marks the turn that this call opens, if it opens one, as stale.
    fn make_stale(&mut self, number: CallNumber) {
        let call = &mut self.calls[number.0];
        if call.opens.is_some() && !std::mem::replace(&mut call.is_stale, true) {
            self.stale.push(number);
        }
    }

    fn is_before(&self, left: CallNumber, right: CallNumber) -> bool {
        let (earlier, later) = (&self.calls[left.0], &self.calls[right.0]);
        left != right && (earlier.started, &earlier.id) < (later.started, &later.id)
    }

    fn sighted(&mut self, item: ItemId) -> &mut Sighted {
        let place = item.0 as usize;
        if place >= self.items.len() {
            self.items.resize(place + 1, Sighted::default());
        }
        &mut self.items[place]
    }
}

/// Returns the items that a request shows after those of the request that it continues.
fn own_items<'a>(graph: &'a Graph, call: &Call) -> impl Iterator<Item = ItemId> + use<'a> {
    graph.inference_calls[&call.id].request_item_ids.skip(call.continued_items)
}
