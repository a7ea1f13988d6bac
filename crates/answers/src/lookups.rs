//! What programs look up about single things.

use rollout_trace_model::{Anchor, InferenceCall, ItemId};
use rollout_trace_schema::ThreadId;

use crate::{Carried, SectionName, Usage, context, origin, rollout::Rollout};

impl<'a> Rollout<'a> {
    /// Returns the requests that carried an item.
    pub fn carriers(&self, item: ItemId) -> Carried<'a> {
        self.index().carried(item)
    }

    /// Returns the estimated tokens of each section of a call's request, or `None` if the request is not readable.
    pub fn section_tokens(&self, call: &InferenceCall) -> Option<[(SectionName, u64); 4]> {
        self.tokens_by_section(call)
    }

    /// Returns what the provider reported about a call's request, beside the estimate of its text.
    pub fn usage(&self, call: &InferenceCall) -> Usage {
        Usage::of(self, call)
    }

    /// Returns the size of the model's context window, if the agent core said it before the call.
    pub fn window_tokens(&self, call: &InferenceCall) -> Option<i64> {
        context::window_tokens(self, call)
    }

    /// Returns the thread to which an end of an interaction belongs, or `None` if the graph has no such thing.
    pub fn thread_of(&self, anchor: &'a Anchor) -> Option<&'a ThreadId> {
        origin::thread_of(self.graph(), anchor)
    }
}
