//! Collecting diagnostics.

use std::{collections::HashSet, fmt::Display};

use rollout_trace_evidence::Problem;
use rollout_trace_model::{Diagnostic, DiagnosticCode};
use rollout_trace_schema::RawPayloadId;

use crate::at::At;

/// The diagnostics so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What is said only once, however often it shows.
    said: HashSet<(DiagnosticCode, String)>,
}

impl Report {
    /// Adds a surprise at an event.
    pub(crate) fn at(&mut self, at: &At, code: DiagnosticCode, ids: &[&dyn Display], message: impl Into<String>) {
        self.push(Some(at), code, None, ids, message.into());
    }

    /// Adds a surprise at an event, the first time that it concerns this id.
    pub(crate) fn once(&mut self, at: &At, code: DiagnosticCode, id: &dyn Display, message: impl Into<String>) {
        if self.said.insert((code, id.to_string())) {
            self.push(Some(at), code, None, &[id], message.into());
        }
    }

    /// Adds a surprise in a payload.
    pub(crate) fn payload(
        &mut self,
        at: &At,
        code: DiagnosticCode,
        payload: &RawPayloadId,
        ids: &[&dyn Display],
        message: impl Into<String>,
    ) {
        self.push(Some(at), code, Some(payload.clone()), ids, message.into());
    }

    /// Adds a surprise that shows at the end of the trace.
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

    /// Adds what reading the bundle met.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        let code = problem_code(problem);
        self.diagnostics.push(Diagnostic {
            code,
            severity: code.severity(),
            seq: problem.seq(),
            line: problem.line(),
            payload_id: None,
            ids: Vec::new(),
            message: problem.to_string(),
        });
    }

    fn push(
        &mut self,
        at: Option<&At>,
        code: DiagnosticCode,
        payload_id: Option<RawPayloadId>,
        ids: &[&dyn Display],
        message: String,
    ) {
        self.diagnostics.push(Diagnostic {
            code,
            severity: code.severity(),
            seq: at.map(|at| at.seq),
            line: at.map(|at| at.line),
            payload_id,
            ids: ids.iter().map(ToString::to_string).collect(),
            message,
        });
    }
}

fn problem_code(problem: &Problem) -> DiagnosticCode {
    match problem {
        Problem::ManifestMissing => DiagnosticCode::ManifestMissing,
        Problem::ManifestUnreadable { .. } | Problem::ManifestField { .. } => DiagnosticCode::ManifestInvalid,
        Problem::PackUnreadable { .. } | Problem::PackHeader { .. } => DiagnosticCode::PayloadUnreadable,
        Problem::ArchiveDamaged { .. } | Problem::ArchiveEntry { .. } => DiagnosticCode::ArchiveDamaged,
        Problem::ArchiveTooLarge { .. } => DiagnosticCode::LimitExceeded,
        Problem::UnsupportedVersion { .. } => DiagnosticCode::UnsupportedSchemaVersion,
        Problem::VersionMismatch { .. } => DiagnosticCode::SchemaVersionMismatch,
        Problem::LogUnreadable { .. } => DiagnosticCode::LogUnreadable,
        Problem::TornLine { .. } => DiagnosticCode::TornLine,
        Problem::InvalidUtf8 { .. } => DiagnosticCode::InvalidUtf8,
        Problem::LineTooLong { .. } | Problem::TooManyEvents { .. } | Problem::TooManyProblems { .. } => {
            DiagnosticCode::LimitExceeded
        }
        Problem::SeqGap { .. } => DiagnosticCode::SeqGap,
        Problem::RepeatedLine { .. } => DiagnosticCode::RepeatedLine,
        Problem::RepeatedSeq { .. } => DiagnosticCode::RepeatedSeq,
        Problem::OutOfOrder { .. } => DiagnosticCode::OutOfOrder,
        Problem::AfterEndMarker { .. } => DiagnosticCode::LineAfterEndMarker,
        // What a newer reader may find is a line that is not understood.
        _ => DiagnosticCode::UnparsableLine,
    }
}
