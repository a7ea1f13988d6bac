//! Where items come from.
//!
//! Source: questions, section 1.8.

use rollout_trace_model::{
    Anchor, ConversationItem, InferredProducer, ItemId, ItemKind, ProducerRef, Role, RolloutTrace, ThreadOrigin,
    map::HashSet,
};
use rollout_trace_schema::{EdgeId, ThreadId, ToolKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Certainty,
    deliveries::Delivery,
    index::{Index, is_call, is_output},
    rollout::Rollout,
    tool_name,
};

/// Where an item comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Origin {
    /// Who or what the author is.
    pub class: OriginClass,
    /// The author's name within its class.
    pub name: String,
    /// How certain that is.
    pub certainty: Certainty,
}

/// The kind of an item's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginClass {
    /// A tool, or a code cell as `exec`.
    Tool,
    /// A tool of an MCP server.
    Mcp,
    /// The model of the thread.
    Model,
    /// A compaction.
    Compaction,
    /// Another agent.
    Agent,
    /// A person.
    Person,
    /// The harness.
    Harness,
    /// Somebody before the recording began.
    Before,
    /// Unknown, because evidence is lost.
    Unknown,
}

impl OriginClass {
    /// Returns the class as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Mcp => "mcp",
            Self::Model => "model",
            Self::Compaction => "compaction",
            Self::Agent => "agent",
            Self::Person => "person",
            Self::Harness => "harness",
            Self::Before => "before",
            Self::Unknown => "unknown",
        }
    }
}

impl Origin {
    fn new(class: OriginClass, name: impl Into<String>, certainty: Certainty) -> Self {
        Self { class, name: name.into(), certainty }
    }
}

/// The origin of each item, by its place.
#[derive(Debug, Default)]
pub(crate) struct Origins(Vec<Origin>);

static UNKNOWN: Origin = Origin { class: OriginClass::Unknown, name: String::new(), certainty: Certainty::Inferred };

impl Origins {
    pub(crate) fn of<'a>(rollout: &Rollout<'a>, index: &Index<'a>) -> Self {
        let graph = rollout.graph();
        let mut origins = Self(Vec::with_capacity(graph.conversation_items.len()));
        let accepting: HashSet<&ThreadId> = {
            let items = graph.conversation_items.values();
            items.filter(|item| item.accepted_seq.is_some()).map(|item| &item.thread_id).collect()
        };
        // Whatever an item copies is older, and so has its origin already.
        for item in graph.conversation_items.values() {
            let origin = match rollout.known_origin(item.item_id) {
                Some(known) => known.clone(),
                None => Rules { rollout, index, item, origins: &origins }.origin(accepting.contains(&item.thread_id)),
            };
            origins.0.push(origin);
        }
        origins
    }

    /// Returns the origin of the item at a place.
    pub(crate) fn at(&self, place: Option<usize>) -> &Origin {
        place.and_then(|place| self.0.get(place)).unwrap_or(&UNKNOWN)
    }
}

/// Returns the tag with which a text begins, such as `environment_context`.
pub(crate) fn tag(text: &str) -> Option<&str> {
    let name = text.trim_start().strip_prefix('<')?;
    let (name, _) = name.split_once('>')?;
    let mut letters = name.bytes();
    let begins = letters.next().is_some_and(|first| first.is_ascii_lowercase());
    (begins && letters.all(|letter| letter.is_ascii_lowercase() || matches!(letter, b'_' | b' '))).then_some(name)
}

/// Returns the item of a parent thread that a spawned thread's first request repeats.
pub(crate) fn forked_from(rollout: &Rollout<'_>, index: &Index<'_>, item: &ConversationItem) -> Option<ItemId> {
    let ThreadOrigin::Spawned { parent_thread_id, .. } = &rollout.graph().threads.get(&item.thread_id)?.origin else {
        return None;
    };
    let is_fork = is_in_first_request(index, item)
        && !matches!(item.role, Role::System | Role::Developer)
        && tag(&rollout.readable_text(item.item_id)).is_none();
    if !is_fork {
        return None;
    }
    let equals = index.equals(parent_thread_id, rollout.facts().fingerprint(item));
    equals[..equals.partition_point(|other| *other < item.item_id)].last().copied()
}

/// Returns the call item that an output answers, if only their call id joins them.
pub(crate) fn answers(index: &Index<'_>, item: &ConversationItem) -> Option<ItemId> {
    let is_candidate = is_output(&item.kind) && !is_in_first_request(index, item);
    index.call_of_output(item).filter(|_| is_candidate)
}

fn is_in_first_request(index: &Index<'_>, item: &ConversationItem) -> bool {
    index.calls_of(&item.thread_id).first().is_some_and(|call| call.request_item_ids.contains(item.item_id))
}

/// Returns the producers of an item. A tool call or code cell that began after the item was first seen is none: evidence
/// was lost, and the link is wrong.
pub(crate) fn producers<'g>(
    graph: &'g RolloutTrace,
    item: &'g ConversationItem,
) -> impl Iterator<Item = &'g ProducerRef> + 'g {
    item.produced_by.iter().filter(|producer| {
        let started = match producer {
            ProducerRef::Tool { tool_call_id } => graph.tool_calls.get(tool_call_id).map(|call| &call.execution),
            ProducerRef::CodeCell { code_cell_id } => graph.code_cells.get(code_cell_id).map(|cell| &cell.execution),
            ProducerRef::Inference { .. } | ProducerRef::Compaction { .. } => None,
        };
        started.is_none_or(|execution| execution.started_seq <= item.first_seen_seq)
    })
}

/// The rules for one item.
struct Rules<'r, 'a> {
    rollout: &'r Rollout<'a>,
    index: &'r Index<'a>,
    item: &'r ConversationItem,
    /// The origins of all older items.
    origins: &'r Origins,
}

impl Rules<'_, '_> {
    fn origin(&self, thread_accepts: bool) -> Origin {
        if let Some(original) = self.index.copied_from(self.item.item_id) {
            return self.older(original);
        }
        self.produced()
            .or_else(|| self.indicated())
            .or_else(|| self.joined())
            .unwrap_or_else(|| self.guessed(thread_accepts))
    }

    /// Returns the origin of an older item.
    fn older(&self, item: ItemId) -> Origin {
        self.origins.at(self.rollout.items().get(item)).clone()
    }

    /// Rules 2 to 4: what is proved.
    fn produced(&self) -> Option<Origin> {
        use Certainty::Recorded;
        let graph = self.rollout.graph();
        let of = |producer: &ProducerRef| match producer {
            ProducerRef::Tool { tool_call_id } => {
                let call = graph.tool_calls.get(tool_call_id)?;
                Some(match &call.kind {
                    ToolKind::Mcp { server, .. } => (0, Origin::new(OriginClass::Mcp, server.to_string(), Recorded)),
                    kind => (0, Origin::new(OriginClass::Tool, tool_name(kind), Recorded)),
                })
            }
            ProducerRef::CodeCell { .. } => Some((1, Origin::new(OriginClass::Tool, "exec", Recorded))),
            ProducerRef::Inference { .. } => {
                let name = match &self.item.kind {
                    kind if is_call(kind) => "calls",
                    ItemKind::Reasoning => "reasoning",
                    _ => "messages",
                };
                Some((2, Origin::new(OriginClass::Model, name, Recorded)))
            }
            ProducerRef::Compaction { compaction_id } => {
                Some((3, Origin::new(OriginClass::Compaction, compaction_id.to_string(), Recorded)))
            }
        };
        let produced = producers(graph, self.item).filter_map(of);
        produced.min_by_key(|(rule, _)| *rule).map(|(_, origin)| origin)
    }

    /// Rules 5 and 6: what the item or an edge indicates.
    fn indicated(&self) -> Option<Origin> {
        let of = |producer: &InferredProducer| match producer {
            InferredProducer::Edge { edge_id } => (0, self.sender(edge_id)),
            InferredProducer::UserInput => (1, Origin::new(OriginClass::Person, "input", Certainty::Recorded)),
            InferredProducer::Harness { source: Some(source) } => {
                (2, Origin::new(OriginClass::Harness, source.clone(), Certainty::Recorded))
            }
            InferredProducer::Harness { source: None } => (2, self.harness()),
        };
        let indicated = self.item.inferred_producers.iter().map(of).min_by_key(|(rule, _)| *rule);
        let author = || Some(Origin::new(OriginClass::Agent, self.author()?, Certainty::Matched));
        indicated.map(|(_, origin)| origin).or_else(author)
    }

    fn author(&self) -> Option<&str> {
        self.item.agent_message.as_ref().map(|message| message.author.as_str())
    }

    fn sender(&self, edge: &EdgeId) -> Origin {
        let name = self.author().filter(|author| !author.is_empty()).map(str::to_owned).or_else(|| {
            let edge = self.rollout.graph().interaction_edges.get(edge)?;
            Some(self.rollout.agent(thread_of(self.rollout.graph(), &edge.source)?).to_owned())
        });
        Origin::new(OriginClass::Agent, name.unwrap_or_default(), Certainty::Matched)
    }

    fn harness(&self) -> Origin {
        let text = self.rollout.readable_text(self.item.item_id);
        let name = tag(&text).unwrap_or(self.item.role.as_str());
        Origin::new(OriginClass::Harness, name, Certainty::Inferred)
    }

    /// Rules 7 and 8: what equal content or a call id joins with older items.
    fn joined(&self) -> Option<Origin> {
        if let Some(original) = forked_from(self.rollout, self.index, self.item) {
            return Some(self.older(original));
        }
        let call = answers(self.index, self.item)?;
        let name = self.rollout.graph().conversation_items.get(&call)?.name.clone().unwrap_or_default();
        Some(Origin::new(OriginClass::Tool, name, Certainty::Matched))
    }

    /// Rules 9 to 14: guesses.
    fn guessed(&self, thread_accepts: bool) -> Origin {
        use Certainty::Inferred;
        let item = self.item;
        let is_first = is_in_first_request(self.index, item);
        if item.kind != ItemKind::Message || matches!(item.role, Role::Assistant | Role::Tool) {
            return match &item.role {
                _ if !is_first => Origin::new(OriginClass::Unknown, "lost", Inferred),
                Role::Assistant => Origin::new(OriginClass::Before, "model", Inferred),
                Role::Tool => Origin::new(OriginClass::Before, "tool output", Inferred),
                role => Origin::new(OriginClass::Before, role.as_str(), Inferred),
            };
        }
        if matches!(item.role, Role::System | Role::Developer) {
            return self.harness();
        }
        if let Some(delivery) = self.index.delivery(item.item_id) {
            return Origin::new(OriginClass::Agent, self.deliverer(delivery).unwrap_or_default(), Inferred);
        }
        if tag(&self.rollout.readable_text(item.item_id)).is_some() {
            return self.harness();
        }
        let schema = self.rollout.graph().schema_version;
        if schema >= 2 && item.accepted_seq.is_none() && thread_accepts {
            return match is_first {
                true => Origin::new(OriginClass::Before, "user", Inferred),
                false => Origin::new(OriginClass::Harness, "never in history", Inferred),
            };
        }
        Origin::new(OriginClass::Person, "user role", Inferred)
    }

    fn deliverer(&self, delivery: &Delivery<'_>) -> Option<String> {
        let graph = self.rollout.graph();
        let thread = match delivery {
            Delivery::Edge(edge) => thread_of(graph, &edge.source)?,
            Delivery::Call(call) => &graph.tool_calls.get(*call)?.thread_id,
            Delivery::Report(item) => &graph.conversation_items.get(item)?.thread_id,
        };
        Some(self.rollout.agent(thread).to_owned())
    }
}

/// Returns the thread to which an end of an edge belongs.
pub(crate) fn thread_of<'g>(graph: &'g RolloutTrace, anchor: &'g Anchor) -> Option<&'g ThreadId> {
    match anchor {
        Anchor::ConversationItem { item_id } => Some(&graph.conversation_items.get(item_id)?.thread_id),
        Anchor::ToolCall { tool_call_id } => Some(&graph.tool_calls.get(tool_call_id)?.thread_id),
        Anchor::Thread { thread_id } => Some(thread_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        assert_eq!(tag(" \n<environment_context>\n x"), Some("environment_context"));
        assert_eq!(tag("<user instructions> x"), Some("user instructions"));
        for text in ["", "x <a>", "<A>", "<>", "<_a>", "<a1>", "<a"] {
            assert_eq!(tag(text), None, "{text:?}");
        }
    }
}
