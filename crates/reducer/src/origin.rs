//! Where model items are sighted.

use rollout_trace_schema::{CodexTurnId, InferenceCallId, RawPayloadId, ThreadId};

/// The payload in which items are sighted.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) thread: &'a ThreadId,
    pub(crate) turn: Option<&'a CodexTurnId>,
    pub(crate) payload: &'a RawPayloadId,
    pub(crate) appearance: Appearance<'a>,
}

/// How items appear in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appearance<'a> {
    /// The agent core accepted them; the model has not seen them yet.
    Accepted,
    /// They are in the history that the model is shown.
    Shown,
    /// They are in the response to this inference call.
    Answered(&'a InferenceCallId),
}

impl<'a> Origin<'a> {
    /// Returns the inference call that the payload answers, if it is a response.
    pub(crate) fn response_of(&self) -> Option<&'a InferenceCallId> {
        match self.appearance {
            Appearance::Answered(call) => Some(call),
            Appearance::Accepted | Appearance::Shown => None,
        }
    }
}
