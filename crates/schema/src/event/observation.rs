//! Events that reduction lists without interpreting them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PayloadRef;

/// An event of the agent core's protocol was observed.
///
/// Source: bundle 1, section 4.9.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolEventObserved {
    /// The protocol event's own type.
    pub event_type: String,
    /// The protocol event.
    pub event_payload: PayloadRef,
}

/// Anything else that a producer found worth keeping.
///
/// Source: bundle 1, section 4.9; bundle 2, section 2.9.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// The producer's name for it.
    pub kind: String,
    /// What it is, in a few words.
    pub summary: String,
    /// Documents that belong to it.
    pub payloads: Vec<PayloadRef>,
    /// Whatever else belongs to it.
    pub metadata: Value,
}
