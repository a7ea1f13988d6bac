//! The interactions between agents.

use std::borrow::Cow;

use rollout_trace_model::{Anchor, InteractionEdge, RolloutTrace};
use rollout_trace_schema::ThreadId;

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
    value::count,
};

pub(crate) struct Edges;

impl Source for Edges {
    type Row<'r> = Of<'r, InteractionEdge>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new("edges", "One row per interaction between two agents.", &["edge_id"])
            .text("edge_id", "The id of the interaction.", |row| row.it.edge_id.as_str().into())
            .text("kind", "spawn_agent, assign_agent_task, send_message, agent_result or close_agent.", |row| {
                row.it.kind.as_str().into()
            })
            .text("source", "What it begins at: conversation_item, tool_call or thread.", |row| kind(&row.it.source))
            .text("source_id", "The id of that.", |row| id(&row.it.source))
            .text_or_null("source_thread_id", "The thread of that.", |row| {
                thread(row.reduced.graph, &row.it.source).map(|thread| thread.as_str().into())
            })
            .text("target", "What it ends at: conversation_item, tool_call or thread.", |row| kind(&row.it.target))
            .text("target_id", "The id of that.", |row| id(&row.it.target))
            .text_or_null("target_thread_id", "The thread of that.", |row| {
                thread(row.reduced.graph, &row.it.target).map(|thread| thread.as_str().into())
            })
            .time("started_at", "When it began.", |row| row.it.started_at_unix_ms)
            .time_or_null("ended_at", "When it ended.", |row| row.it.ended_at_unix_ms)
            .integer("items", "The number of items that it carried.", |row| count(row.it.carried_item_ids.len()))
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.interaction_edges.values().for_each(|it| each(Of { reduced, it }));
    }
}

fn kind(anchor: &Anchor) -> Cow<'_, str> {
    match anchor {
        Anchor::ConversationItem { .. } => "conversation_item".into(),
        Anchor::ToolCall { .. } => "tool_call".into(),
        Anchor::Thread { .. } => "thread".into(),
    }
}

fn id(anchor: &Anchor) -> Cow<'_, str> {
    match anchor {
        Anchor::ConversationItem { item_id } => item_id.to_string().into(),
        Anchor::ToolCall { tool_call_id } => tool_call_id.as_str().into(),
        Anchor::Thread { thread_id } => thread_id.as_str().into(),
    }
}

fn thread<'r>(graph: &'r RolloutTrace, anchor: &'r Anchor) -> Option<&'r ThreadId> {
    match anchor {
        Anchor::ConversationItem { item_id } => graph.conversation_items.get(item_id).map(|item| &item.thread_id),
        Anchor::ToolCall { tool_call_id } => graph.tool_calls.get(tool_call_id).map(|call| &call.thread_id),
        Anchor::Thread { thread_id } => Some(thread_id),
    }
}
