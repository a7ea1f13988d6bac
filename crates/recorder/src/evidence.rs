//! Items that a trace shows otherwise than the wire does.

use serde::{Serialize, Serializer};

/// An item that has a form of its own for traces.
///
/// What goes back to a provider may leave out what a person wants to see later, readable reasoning for one. An agent core
/// implements this for its item type and records [`Evidence`] of its items instead of the items.
pub trait TraceEvidence {
    /// Serialises the item as a trace is to show it.
    ///
    /// # Errors
    ///
    /// The serializer's.
    fn serialize_evidence<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// Serialises items in the form that they have for traces.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'e, T>(pub &'e [T]);

impl<T: TraceEvidence> Serialize for Evidence<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(EvidenceOf))
    }
}

/// Serialises one item in the form that it has for traces.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceOf<'e, T>(pub &'e T);

impl<T: TraceEvidence> Serialize for EvidenceOf<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_evidence(serializer)
    }
}
