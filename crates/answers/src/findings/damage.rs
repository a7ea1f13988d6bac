//! Lost evidence, which looks like something that never came.

use rollout_trace_model::{RolloutTrace, Severity};
use rollout_trace_schema::Seq;

use super::{Finding, FindingCode};

/// Where evidence is lost.
pub(super) struct Damage {
    /// Whether it is unknown where some was lost.
    is_anywhere: bool,
    /// The events with damage, in order.
    seqs: Vec<Seq>,
}

impl Damage {
    pub(super) fn of(graph: &RolloutTrace) -> Self {
        let errors = || graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let mut seqs: Vec<_> = errors().filter_map(|diagnostic| diagnostic.seq).collect();
        seqs.sort_unstable();
        Self { is_anywhere: errors().any(|diagnostic| diagnostic.seq.is_none()), seqs }
    }

    /// Returns whether evidence was lost after the first of two events, and not after the second.
    pub(super) fn is_between(&self, first: Seq, last: Seq) -> bool {
        let after_first = self.seqs.partition_point(|seq| *seq <= first);
        self.seqs.get(after_first).is_some_and(|seq| *seq <= last)
    }

    /// Returns whether a finding that something never came may only say that its evidence is lost.
    pub(super) fn may_feign(&self, finding: &Finding) -> bool {
        let is_about_absence = matches!(
            finding.code,
            FindingCode::TurnWithoutAnswer
                | FindingCode::AgentResultNotDelivered
                | FindingCode::MessageNotDelivered
                | FindingCode::OutputNotDelivered
                | FindingCode::AgentNotJoined
                | FindingCode::ContextNearlyFull
                | FindingCode::ProcessLeftRunning
        );
        is_about_absence && (self.is_anywhere || self.seqs.last() > finding.seq.as_ref())
    }
}
