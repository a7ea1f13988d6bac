//! What a reviewer wants to know of a rollout. It takes longer than what a page shows first.

use rollout_trace::answers::{Axis, Blame, Findings};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{things::Thing, view::View};

/// What a reviewer wants to know: what is remarkable, and what filled the contexts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Review {
    /// What a reviewer would want to be told.
    pub findings: Findings,
    /// For each finding, the things that its ids name, and when it shows.
    pub finding_places: Vec<FindingPlace>,
    /// Who fills the context, by source.
    pub blame: Blame,
}

/// Where a finding is on the time axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingPlace {
    /// The things that its ids name.
    pub things: Vec<Thing>,
    /// When the event at which it shows was recorded, in milliseconds on the time axis.
    pub at_ms: Option<i64>,
}

impl Review {
    pub(crate) fn of(view: &View<'_, '_>) -> Self {
        let findings = Findings::of(view.rollout);
        let finding_places = findings.findings.iter().map(|finding| FindingPlace {
            things: view.things_of(&finding.ids),
            at_ms: finding.seq.and_then(|seq| view.ms_of(seq)),
        });
        Self { finding_places: finding_places.collect(), blame: Blame::of(view.rollout, Axis::Source, None), findings }
    }
}
