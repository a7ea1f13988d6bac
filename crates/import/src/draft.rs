//! Events before they have their places in the order of a session.

use rollout_trace_schema::{CodexTurnId, EventPayload, EvidenceGrade, EvidenceSource, ThreadId, UnixMillis};

use crate::{document::ImportedDocument, problem::Problem};

/// When and where something happened, and how well it is proved.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) time: UnixMillis,
    pub(crate) place: EvidenceSource,
    pub(crate) turn: Option<CodexTurnId>,
    pub(crate) grade: Option<EvidenceGrade>,
}

impl At {
    /// Returns the same place with another time.
    pub(crate) fn at(&self, time: UnixMillis) -> Self {
        Self { time, ..self.clone() }
    }

    /// Returns the same place, for what was put together from several records.
    pub(crate) fn reconstructed(&self) -> Self {
        self.graded(EvidenceGrade::Reconstructed)
    }

    /// Returns the same place, for what follows from what comes after it.
    pub(crate) fn implied(&self) -> Self {
        self.graded(EvidenceGrade::Implied)
    }

    pub(crate) fn graded(&self, grade: EvidenceGrade) -> Self {
        Self { grade: Some(grade), ..self.clone() }
    }
}

/// An event that has no seq yet, and whose payloads have no numbers.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) at: At,
    pub(crate) thread: ThreadId,
    pub(crate) body: EventPayload,
    /// The documents of the event's references, in the order of its fields.
    pub(crate) documents: Vec<ImportedDocument>,
    /// What the event adds to the account of the import.
    pub(crate) notes: Vec<Note>,
}

/// What an event adds to the account of an import.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// A request that is proved in this way.
    Request(Boundary),
    /// Something that could not be read.
    Problem(Problem),
    /// Something that is not known, by its code.
    Loss(&'static str),
    /// Another thread of the session, whose own file is to be read.
    Child(ThreadId),
}

/// How it is known which items a request held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// A hash in the file shows it.
    Verified,
    /// The file says it.
    Recorded,
    /// It follows from what comes after the request.
    Implied,
}

impl Boundary {
    pub(crate) fn grade(self) -> EvidenceGrade {
        match self {
            Self::Verified => EvidenceGrade::Verified,
            Self::Recorded => EvidenceGrade::Reconstructed,
            Self::Implied => EvidenceGrade::Implied,
        }
    }
}
