//! Messages between agents that arrive as plain messages of the user.
//!
//! Some agent cores deliver a message to an agent, or the result of an agent, as a message of the user that says nothing
//! of an author. Only its text shows what it is.
//!
//! Source: reduction, section 12.6.

use rollout_trace_model::{BodyPart, ConversationItem, ItemId, ItemKind, Role};
use rollout_trace_schema::{Seq, ThreadId};

use crate::{graph::Graph, map::HashMap};

/// The plain messages of the user that may be messages between agents. Each is at most one of them.
pub(super) struct PlainMessages {
    /// Those with each text, the earliest last.
    by_text: HashMap<(ThreadId, String), Vec<(Seq, ItemId)>>,
    /// Those that contain each word that is the id of a thread, in order: the recipient, and then the thread named.
    by_thread_named: HashMap<(ThreadId, ThreadId), Vec<(Seq, ItemId)>>,
}

impl PlainMessages {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut found = Self { by_text: HashMap::default(), by_thread_named: HashMap::default() };
        for item in graph.conversation_items.values().filter(|item| is_plain(item)) {
            let (text, place) = (text(item), (item.first_seen_seq, item.item_id));
            for word in text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_')) {
                let Some((named, _)) = graph.threads.get_key_value(word) else { continue };
                let key = (item.thread_id.clone(), named.clone());
                let messages = found.by_thread_named.entry(key).or_default();
                if messages.last() != Some(&place) {
                    messages.push(place);
                }
            }
            found.by_text.entry((item.thread_id.clone(), text)).or_default().push(place);
        }
        found.by_text.values_mut().for_each(|messages| messages.sort_unstable_by(|left, right| right.cmp(left)));
        found.by_thread_named.values_mut().for_each(|messages| messages.sort_unstable());
        found
    }

    /// Takes the first message with this text that a thread was shown no earlier than the event.
    pub(super) fn take_text(&mut self, thread: &ThreadId, text: &str, since: Seq) -> Option<ItemId> {
        let messages = self.by_text.get_mut(&(thread.clone(), text.to_owned()))?;
        let in_time = messages.partition_point(|(seq, _)| *seq >= since);
        Some(messages.remove(in_time.checked_sub(1)?).1)
    }

    /// Returns the first message after the event that names a child and quotes its result, as JSON does.
    pub(super) fn report(
        &self,
        graph: &Graph,
        (parent, child): (&ThreadId, &ThreadId),
        result: &str,
        since: Seq,
    ) -> Option<ItemId> {
        let quoted = serde_json::to_string(result).ok().filter(|_| !result.is_empty())?;
        let inner = quoted.get(1..quoted.len() - 1)?;
        let messages = self.by_thread_named.get(&(parent.clone(), child.clone()))?;
        // An agent is told of a result once, so the next message about the child is the one, if any is.
        let (_, item) = messages.get(messages.partition_point(|(seq, _)| *seq < since))?;
        text(&graph.conversation_items[item]).contains(inner).then_some(*item)
    }
}

fn is_plain(item: &ConversationItem) -> bool {
    item.kind == ItemKind::Message
        && item.role == Role::User
        && item.produced_by.is_empty()
        && item.agent_message.is_none()
}

fn text(item: &ConversationItem) -> String {
    let part = |part: &BodyPart| match part {
        BodyPart::Text { text } => Some(text.clone()),
        _ => None,
    };
    item.body.parts.iter().filter_map(part).collect()
}
