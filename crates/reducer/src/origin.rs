//! Where model items are sighted.

use rollout_trace_schema::{CodexTurnId, InferenceCallId, RawPayloadId, ThreadId};

/// The payload in which items are sighted.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) thread: &'a ThreadId,
    pub(crate) turn: Option<&'a CodexTurnId>,
    pub(crate) payload: &'a RawPayloadId,
    /// The inference call that it answers, if it is a response.
    pub(crate) response_of: Option<&'a InferenceCallId>,
}
