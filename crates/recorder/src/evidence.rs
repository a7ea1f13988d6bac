//! Items that a trace shows in another form than the wire.

use serde::{Serialize, Serializer};

/// An item that has a form of its own for traces.
///
/// What goes back to a provider may leave out what a person wants to see later, such as readable reasoning. An agent
/// core implements this for its item type and records [`Evidence`] of its items instead of the items.
///
/// ```
/// use rollout_trace_recorder::{Evidence, TraceEvidence};
/// use serde::{Serialize, Serializer};
/// use serde_json::json;
///
/// struct Reasoning {
///     thought: String,
/// }
///
/// impl TraceEvidence for Reasoning {
///     fn serialize_evidence<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
///         json!({"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": self.thought}]})
///             .serialize(serializer)
///     }
/// }
///
/// let items = [Reasoning { thought: "I shall look.".to_owned() }];
/// let shown = serde_json::to_value(Evidence(&items))?;
/// assert_eq!(shown[0]["content"][0]["text"], "I shall look.");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait TraceEvidence {
    /// Serializes the item in the form that a trace shows.
    ///
    /// # Errors
    ///
    /// The serializer fails.
    fn serialize_evidence<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// Serializes items in the form that they have for traces.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'e, T>(pub &'e [T]);

impl<T: TraceEvidence> Serialize for Evidence<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(EvidenceOf))
    }
}

/// Serializes one item in the form that it has for traces.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceOf<'e, T>(pub &'e T);

impl<T: TraceEvidence> Serialize for EvidenceOf<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_evidence(serializer)
    }
}
