//! The ids of calls, of which some providers give none and which some agent cores make afterwards.
//!
//! Source: wires, section 3.

use std::collections::VecDeque;

use rollout_trace_model::{ConversationItem, DiagnosticCode, ItemId};
use rollout_trace_schema::{ModelVisibleCallId, ResponsesItemId};

use super::pass::Pass;
use crate::{
    calls::{is_call, is_output},
    graph::Graph,
    item::{Arguments, Sighting},
    map::{HashMap, HashSet},
};

/// What is remembered about the calls of one thread.
#[derive(Debug, Default)]
pub(super) struct CallIds {
    /// How many calls of each tool there are.
    calls_of_tool: HashMap<String, usize>,
    /// The items that bear each id that reduction made.
    made: HashMap<ModelVisibleCallId, Vec<ItemId>>,
    /// The calls with each other id, and their arguments if these are an object.
    named: HashMap<ModelVisibleCallId, Vec<(ItemId, Option<Arguments>)>>,
    /// The calls that came back with other arguments.
    changed: HashSet<ItemId>,
}

/// The id of a new item.
#[derive(Debug, Default)]
pub(super) struct CallId {
    pub(super) id: Option<ModelVisibleCallId>,
    /// Whether reduction made it.
    pub(super) is_made: bool,
}

/// The calls that one payload shows and does not answer.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    by_tool: HashMap<String, VecDeque<ItemId>>,
    by_id: HashMap<ModelVisibleCallId, ItemId>,
    answered: HashSet<ItemId>,
}

impl OpenCalls {
    fn note(&mut self, item: &ConversationItem) {
        let Some(call_id) = &item.call_id else { return };
        if is_call(&item.kind) {
            self.by_id.insert(call_id.clone(), item.item_id);
            if let Some(tool) = &item.name {
                self.by_tool.entry(tool.clone()).or_default().push_back(item.item_id);
            }
        } else if is_output(&item.kind) {
            self.answered.extend(self.by_id.get(call_id));
        }
    }

    /// Returns the first call of a tool that is not answered.
    fn first(&mut self, graph: &Graph, tool: &str, must_lack_id: bool) -> Option<ItemId> {
        let calls = self.by_tool.get_mut(tool)?;
        while calls.front().is_some_and(|call| self.answered.contains(call)) {
            calls.pop_front();
        }
        let is_open = |call: &ItemId| {
            !self.answered.contains(call) && (!must_lack_id || graph.conversation_items[call].call_id_made)
        };
        calls.iter().copied().find(is_open)
    }
}

impl Pass<'_, '_> {
    /// Returns the id of a new item.
    pub(super) fn call_id_of(&mut self, sighting: &Sighting) -> CallId {
        let given = || CallId { id: sighting.call_id.clone(), is_made: false };
        let Some(block) = &sighting.block else { return given() };
        if is_call(&sighting.kind) {
            let tool = sighting.name.as_deref().unwrap_or("call");
            let count = match self.thread.call_ids.calls_of_tool.get_mut(tool) {
                Some(count) => count,
                None => self.thread.call_ids.calls_of_tool.entry(tool.to_owned()).or_default(),
            };
            *count += 1;
            if sighting.call_id.is_some() {
                return given();
            }
            return CallId { id: Some(ModelVisibleCallId::from(format!("{tool}#{count}"))), is_made: true };
        }
        let Some(tool) = block.from_tool.as_deref().filter(|_| sighting.is_output()) else { return given() };
        if sighting.call_id.as_ref().is_some_and(|id| self.shows_call(id)) {
            return given();
        }
        let Some(call) = self.first_open_call(tool, sighting.call_id.is_some()) else { return given() };
        match &sighting.call_id {
            Some(id) => {
                self.name_call(call, id.clone());
                given()
            }
            None => {
                let call = &self.cx.graph.conversation_items[&call];
                CallId { id: call.call_id.clone(), is_made: call.call_id_made }
            }
        }
    }

    /// Remembers the id of a new item.
    pub(super) fn note_call_id(&mut self, item: ItemId, sighting: &Sighting) {
        let Some(block) = &sighting.block else { return };
        let shown = &self.cx.graph.conversation_items[&item];
        let Some(call_id) = shown.call_id.clone() else { return };
        if shown.call_id_made {
            self.thread.call_ids.made.entry(call_id).or_default().push(item);
        } else if is_call(&shown.kind) {
            self.thread.call_ids.named.entry(call_id).or_default().push((item, block.arguments.clone()));
        }
    }

    /// Returns whether the payload has shown a call with this id.
    fn shows_call(&self, id: &ModelVisibleCallId) -> bool {
        let calls = self.thread.call_ids.named.get(id);
        calls.into_iter().flatten().any(|(call, _)| self.facts.is_claimed(*call))
    }

    /// Returns the first call of a tool that the payload shows and does not answer.
    fn first_open_call(&mut self, tool: &str, must_lack_id: bool) -> Option<ItemId> {
        let graph = &self.cx.graph;
        let open = self.open_calls.get_or_insert_with(|| {
            let mut open = OpenCalls::default();
            let known = &self.thread.live.items()[..self.known];
            known.iter().chain(&self.settled).for_each(|item| open.note(&graph.conversation_items[item]));
            open
        });
        open.first(graph, tool, must_lack_id)
    }

    /// Notes that the payload shows a content block.
    pub(super) fn note_settled(&mut self, item: ItemId) {
        self.settled.push(item);
        if let Some(open) = &mut self.open_calls {
            open.note(&self.cx.graph.conversation_items[&item]);
        }
    }

    /// Gives an item, and the items of the same call, an id in place of the one that reduction made.
    pub(super) fn name_call(&mut self, item: ItemId, call_id: ModelVisibleCallId) {
        let known = &self.cx.graph.conversation_items[&item];
        let own_id = ResponsesItemId::from(call_id.as_str());
        let Some(made) = known.call_id.clone().filter(|_| known.call_id_made) else { return };
        for bearer in self.thread.call_ids.made.remove(&made).unwrap_or_default() {
            let named = self.cx.graph.object_mut(&bearer);
            named.call_id = Some(call_id.clone());
            named.call_id_made = false;
            let is_call = is_call(&named.kind);
            if self.facts.of(bearer).own_id.is_none() {
                self.facts.of_mut(bearer).own_id = Some(own_id.clone());
                self.thread.live.name(bearer, &own_id, self.facts);
            }
            if is_call {
                self.thread.call_ids.named.entry(call_id.clone()).or_default().push((bearer, None));
            }
            if let Some(open) = &mut self.open_calls {
                open.note(&self.cx.graph.conversation_items[&bearer]);
            }
        }
        self.links.calls.rename(self.cx.graph, self.origin.thread, &made, call_id);
    }

    /// Returns whether the sighting is of this call, which came back with keys of its arguments added or left out.
    ///
    /// Source: wires, section 4.2.
    pub(super) fn is_same_call(&self, item: ItemId, sighting: &Sighting) -> bool {
        let Some(call_id) = &sighting.call_id else { return false };
        let Some(new) = sighting.block.as_ref().and_then(|block| block.arguments.as_ref()) else { return false };
        let known = self.thread.call_ids.named.get(call_id).into_iter().flatten();
        let same =
            known.filter(|(call, _)| *call == item).any(|(_, old)| old.as_ref().is_some_and(|old| new.agree_with(old)));
        same && self.cx.graph.conversation_items[&item].name == sighting.name
    }

    /// Returns the call of the live snapshot that came back with other arguments as this sighting.
    pub(super) fn find_changed_call(&self, sighting: &Sighting) -> Option<ItemId> {
        sighting.block.as_ref()?.arguments.as_ref()?;
        let calls = self.thread.call_ids.named.get(sighting.call_id.as_ref()?)?;
        let is_free = |item: ItemId| self.facts.of(item).in_live.is_some() && !self.facts.is_claimed(item);
        calls.iter().map(|(call, _)| *call).find(|&call| is_free(call) && self.is_same_call(call, sighting))
    }

    /// Reports, once, that a call came back with other arguments.
    pub(super) fn report_changed_call(&mut self, item: ItemId, sighting: &Sighting) {
        let is_changed = sighting.block.as_ref().is_some_and(|block| block.arguments.is_some())
            && self.facts.of(item).identity.content != sighting.identity.content;
        if is_changed && self.thread.call_ids.changed.insert(item) {
            let message = format!(
                "the call {item} is sent back with keys of its arguments added or left out; the item has the arguments that \
                 were seen first"
            );
            let payload = self.origin.payload;
            self.cx.report.payload(DiagnosticCode::CallArgumentsChanged, payload, &[&item], message);
        }
    }
}
