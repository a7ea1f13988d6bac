//! Collecting diagnostics.

use std::fmt::Display;

use rollout_trace_evidence::Problem;
use rollout_trace_model::{Diagnostic, DiagnosticCode};
use rollout_trace_schema::RawPayloadId;

use crate::{at::At, map::HashSet};

/// The diagnostics that were reported since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    /// What was reported and must not be reported again.
    reported: HashSet<(DiagnosticCode, String)>,
    /// The seq and the line of the event that is being applied.
    place: Option<(u64, u64)>,
}

impl Report {
    /// Sets the event that reports are about from now on.
    pub(crate) fn begin_event(&mut self, at: &At) {
        self.place = Some((at.seq, at.line));
    }

    /// Reports a surprise at the event that is being applied.
    pub(crate) fn event(&mut self, code: DiagnosticCode, ids: &[&dyn Display], message: impl Into<String>) {
        self.push(code, None, ids, message.into());
    }

    /// Reports a surprise at the event that is being applied, unless one with this code was reported about this id
    /// before.
    pub(crate) fn once(&mut self, code: DiagnosticCode, id: &dyn Display, message: impl Into<String>) {
        if self.reported.insert((code, id.to_string())) {
            self.push(code, None, &[id], message.into());
        }
    }

    /// Reports a surprise in a payload of the event that is being applied.
    pub(crate) fn payload(
        &mut self,
        code: DiagnosticCode,
        payload: &RawPayloadId,
        ids: &[&dyn Display],
        message: impl Into<String>,
    ) {
        self.push(code, Some(payload.clone()), ids, message.into());
    }

    /// Reports a surprise about a payload, unless one with this code was reported about it before.
    pub(crate) fn once_payload(&mut self, code: DiagnosticCode, payload: &RawPayloadId, message: impl Into<String>) {
        if self.reported.insert((code, payload.to_string())) {
            self.payload(code, payload, &[], message);
        }
    }

    /// Reports a surprise that only the end of the trace shows.
    pub(crate) fn end(&mut self, code: DiagnosticCode, ids: Vec<String>, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic {
            code,
            severity: code.severity(),
            seq: None,
            line: None,
            payload_id: None,
            ids,
            message: message.into(),
        });
    }

    /// Reports a problem that was found while the bundle was read.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        self.diagnostics.push(diagnostic(problem));
    }

    /// Returns what was reported since this was last called.
    pub(crate) fn take(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.diagnostics)
    }

    fn push(&mut self, code: DiagnosticCode, payload_id: Option<RawPayloadId>, ids: &[&dyn Display], message: String) {
        self.diagnostics.push(Diagnostic {
            code,
            severity: code.severity(),
            seq: self.place.map(|(seq, _)| seq),
            line: self.place.map(|(_, line)| line),
            payload_id,
            ids: ids.iter().map(ToString::to_string).collect(),
            message,
        });
    }
}

/// Returns a problem that was found while the bundle was read as a diagnostic.
pub(crate) fn diagnostic(problem: &Problem) -> Diagnostic {
    let code = problem_code(problem);
    Diagnostic {
        code,
        severity: code.severity(),
        seq: problem.seq(),
        line: problem.line(),
        payload_id: problem.payload_id().cloned(),
        ids: Vec::new(),
        message: problem.to_string(),
    }
}

fn problem_code(problem: &Problem) -> DiagnosticCode {
    match problem {
        Problem::ManifestMissing => DiagnosticCode::ManifestMissing,
        Problem::ManifestUnreadable { .. } | Problem::ManifestField { .. } => DiagnosticCode::ManifestInvalid,
        Problem::PackUnreadable { .. } | Problem::PackHeader { .. } => DiagnosticCode::PayloadUnreadable,
        Problem::ShardDamaged { .. } | Problem::ShardRecordContradiction { .. } => DiagnosticCode::ShardDamaged,
        Problem::ShardNotEnded { .. } => DiagnosticCode::ShardNotEnded,
        Problem::ShardRecordSkipped { .. } => DiagnosticCode::ShardRecordSkipped,
        Problem::PartLost { .. } => DiagnosticCode::PayloadUnreadable,
        Problem::CaptureMismatch { .. } => DiagnosticCode::CaptureMismatch,
        Problem::NotRecorded { .. } => DiagnosticCode::PayloadsNotRecorded,
        Problem::ArchiveDamaged { .. } | Problem::ArchiveEntry { .. } => DiagnosticCode::ArchiveDamaged,
        Problem::ArchiveTooLarge { .. } | Problem::ArchiveTooManyEntries { .. } => DiagnosticCode::LimitExceeded,
        Problem::UnsupportedVersion { .. } => DiagnosticCode::UnsupportedSchemaVersion,
        Problem::VersionMismatch { .. } => DiagnosticCode::SchemaVersionMismatch,
        Problem::LogUnreadable { .. } => DiagnosticCode::LogUnreadable,
        Problem::TornLine { .. } => DiagnosticCode::TornLine,
        Problem::InvalidUtf8 { .. } => DiagnosticCode::InvalidUtf8,
        Problem::LineTooLong { .. }
        | Problem::TooManyEvents { .. }
        | Problem::TooManyDamagedLines { .. }
        | Problem::TooManyProblems { .. } => DiagnosticCode::LimitExceeded,
        Problem::SeqGap { .. } => DiagnosticCode::SeqGap,
        Problem::RepeatedLine { .. } => DiagnosticCode::RepeatedLine,
        Problem::RepeatedSeq { .. } => DiagnosticCode::RepeatedSeq,
        Problem::OutOfOrder { .. } => DiagnosticCode::OutOfOrder,
        Problem::AfterEndMarker { .. } => DiagnosticCode::LineAfterEndMarker,
        // A newer reader may report problems that this reducer does not know. They are taken for defects of a line.
        _ => DiagnosticCode::UnparsableLine,
    }
}
