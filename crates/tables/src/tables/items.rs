//! The items of conversations.

use rollout_trace_model::{ConversationItem, InferredProducer};

use crate::{
    Content,
    column::Declared,
    hash::sha256_text,
    reduced::{Of, Reduced},
    table::Source,
    value::{count, signed},
};

pub(crate) struct Items;

impl Source for Items {
    type Row<'r> = Of<'r, ConversationItem>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        Declared::<Self::Row<'r>>::new(
            "items",
            "One row per item of a conversation, however often it was seen.",
            &["item_id"],
        )
        .text("item_id", "The id of the item.", |row| row.it.item_id.to_string().into())
        .integer("ordinal", "The number in the id: items are numbered as they are first seen.", |row| {
            row.it.item_id.0.into()
        })
        .text("thread_id", "The thread whose conversation has the item.", |row| row.it.thread_id.as_str().into())
        .text_or_null("turn_id", "The turn in which the item was first seen.", |row| {
            row.it.codex_turn_id.as_ref().map(|turn| turn.as_str().into())
        })
        .name("role", "The author: system, developer, user, assistant or tool.", |row| row.it.role.as_str().into())
        .name_or_null("channel", "The audience: analysis, commentary, final or summary.", |row| {
            row.it.channel.as_ref().map(|channel| channel.as_str().into())
        })
        .name("kind", "The kind of the item, such as message or function_call_output.", |row| {
            row.it.kind.as_str().into()
        })
        .text_or_null("call_id", "The call that the item makes or answers.", |row| {
            row.it.call_id.as_ref().map(|call| call.as_str().into())
        })
        .name_or_null("author", "The agent that wrote the message, if it is one between agents.", |row| {
            row.it.agent_message.as_ref().map(|message| message.author.as_str().into())
        })
        .name_or_null("recipient", "The agent that it is for.", |row| {
            row.it.agent_message.as_ref().map(|message| message.recipient.as_str().into())
        })
        .flag("in_history", "Whether the conversation of the thread lists the item.", |row| {
            row.reduced.lookups.is_listed(row.it.item_id)
        })
        .text_or_null("producer", "What made the item: inference, tool, code_cell or compaction.", |row| {
            row.reduced.producer(row.it.item_id).map(|(kind, _)| kind.into())
        })
        .text_or_null("producer_id", "The id of what made the item.", |row| {
            row.reduced.producer(row.it.item_id).map(|(_, id)| id)
        })
        .text_or_null("inferred_producer", "What else is known of its origin: user_input, harness or edge.", |row| {
            row.it.inferred_producers.first().map(|producer| match producer {
                InferredProducer::UserInput => "user_input".into(),
                InferredProducer::Harness { .. } => "harness".into(),
                InferredProducer::Edge { .. } => "edge".into(),
            })
        })
        .time("first_seen_at", "When the item was first seen.", |row| row.it.first_seen_at_unix_ms)
        .integer("first_seen_seq", "The event that showed the item first.", |row| signed(row.it.first_seen_seq))
        .integer("last_seen_seq", "The event that showed the item last.", |row| signed(row.it.last_seen_seq))
        .integer_or_null("accepted_seq", "The event that it entered the agent's history.", |row| {
            row.it.accepted_seq.map(signed)
        })
        .integer("parts", "The number of parts of the content.", |row| count(row.it.body.parts.len()))
        .integer("text_bytes", "The length of the text that a model reads, in UTF-8.", |row| {
            signed(row.reduced.facts.sizes(row.it).bytes)
        })
        .text_or_null("text_sha256", "The SHA-256 of that text. Content: hash, full.", |row| {
            let is_wanted = row.reduced.options.content != Content::None;
            is_wanted.then(|| sha256_text(&row.reduced.facts.text(row.it)).into())
        })
        .text_or_null("text", "That text. Content: full.", |row| {
            row.reduced.options.text(|| row.reduced.facts.text(row.it))
        })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.conversation_items.values().for_each(|it| each(Of { reduced, it }));
    }
}
