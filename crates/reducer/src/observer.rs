//! Being told what reduction reads anyway.

use std::{borrow::Cow, ops::Range};

use rollout_trace_model::ItemId;
use rollout_trace_schema::{InferenceCallId, RawPayloadId, Seq, ThreadId};

use crate::json::Json;

/// Is told what the payloads that models see hold, while a [`Reducer`](crate::Reducer) reads them.
///
/// A program that needs more of these payloads than the graph has would otherwise read them a second time, and parse
/// what the reducer knows to be repeated. Observing costs nothing if there is no observer.
pub trait Observer {
    /// A payload shows an item for the first time. Where is [`shown`](rollout_trace_model::ConversationItem::shown) of
    /// the item.
    fn item_shown(&mut self, item: ItemId, value: &Json<'_>);

    /// A request was read to its end. It has no items if its input is lost, or if the graph has no room for them. Requests
    /// that are unreadable or damaged are not reported.
    fn request_read(&mut self, request: &ReadRequest<'_>);

    /// A response was read: it is an object.
    fn response_read(&mut self, call: &InferenceCallId);

    /// A request continues a response that was not recorded, and the event names the items before it.
    fn prefix_untraced(&mut self, call: &InferenceCallId);

    /// An event names a payload, and the graph has the payload without the event: the event is the runtime's end of a tool
    /// call without a terminal operation, a start that came after the end, or an end before the last one.
    fn payload_named(&mut self, payload: &RawPayloadId, seq: Seq);

    /// A thread ended.
    fn thread_ended(&mut self, thread: &ThreadId);
}

/// A request that was read.
#[derive(Debug)]
pub struct ReadRequest<'a> {
    /// The inference call.
    pub call: &'a InferenceCallId,
    /// The thread of the call.
    pub thread: &'a ThreadId,
    /// The text, which is that of a JSON object and nests no deeper than `max_nesting`.
    pub text: Cow<'a, [u8]>,
    /// Where the elements of the input are in the text, between the brackets; `None` if the input is not an array, or
    /// if their place is unknown.
    pub input: Option<Range<usize>>,
    /// How many leading elements of the input are those of the request of the thread that was reported before.
    pub shared_elements: usize,
    /// How many elements of the input are items of the conversation.
    pub items: usize,
    /// The other elements of the input.
    pub elements: &'a [Json<'a>],
    /// How deep a document may nest.
    pub max_nesting: usize,
}
