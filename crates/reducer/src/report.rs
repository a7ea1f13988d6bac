//! Collecting diagnostics.

use std::{collections::BTreeMap, fmt::Display};

use rollout_trace_evidence::{Limits, Problem};
use rollout_trace_model::{Diagnostic, DiagnosticCode};
use rollout_trace_schema::RawPayloadId;

use crate::{at::At, map::HashSet};

/// The diagnostics that were reported since they were last taken.
///
/// A payload can have millions of surprising items, and a diagnostic is longer than a short item. So there are at most so
/// many of each code, and all together they are bounded; the others are counted.
#[derive(Debug)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    /// How many diagnostics there may be of each code.
    max_of_code: u64,
    /// How many bytes the diagnostics may still have.
    room: u64,
    /// How many diagnostics of each code were reported.
    reports: BTreeMap<DiagnosticCode, Reports>,
    /// What was reported and must not be reported again.
    reported: HashSet<(DiagnosticCode, String)>,
    /// The seq and the line of the event that is being applied.
    place: Option<(u64, u64)>,
}

/// How many diagnostics of one code were reported.
#[derive(Debug, Default)]
struct Reports {
    kept: u64,
    left_out: u64,
}

impl Report {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            diagnostics: Vec::new(),
            max_of_code: limits.max_problems,
            room: limits.max_amplified_bytes,
            reports: BTreeMap::new(),
            reported: HashSet::default(),
            place: None,
        }
    }

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
        self.keep(at_end(code, ids, message.into()));
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
        self.keep(Diagnostic {
            code,
            severity: code.severity(),
            seq: self.place.map(|(seq, _)| seq),
            line: self.place.map(|(_, line)| line),
            payload_id,
            ids: ids.iter().map(ToString::to_string).collect(),
            message,
        });
    }

    fn keep(&mut self, diagnostic: Diagnostic) {
        let reports = self.reports.entry(diagnostic.code).or_default();
        let payload_id = diagnostic.payload_id.as_ref().map_or(0, |id| id.len());
        let bytes = diagnostic.message.len() + payload_id + diagnostic.ids.iter().map(String::len).sum::<usize>();
        match self.room.checked_sub(bytes as u64) {
            Some(room) if reports.kept < self.max_of_code => {
                self.room = room;
                reports.kept += 1;
                self.diagnostics.push(diagnostic);
            }
            _ => reports.left_out += 1,
        }
    }

    /// Reports, after everything else, how many diagnostics were left out.
    pub(crate) fn say_what_was_left_out(&mut self) {
        for (left_out_code, Reports { kept, left_out }) in std::mem::take(&mut self.reports) {
            if left_out > 0 {
                let code = DiagnosticCode::LimitExceeded;
                let message = format!(
                    "{left_out} diagnostics {} were left out, {kept} are listed (max_problems, max_amplified_bytes)",
                    left_out_code.as_str()
                );
                self.diagnostics.push(at_end(code, Vec::new(), message));
            }
        }
    }
}

/// Returns a diagnostic of no event.
fn at_end(code: DiagnosticCode, ids: Vec<String>, message: String) -> Diagnostic {
    Diagnostic { code, severity: code.severity(), seq: None, line: None, payload_id: None, ids, message }
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
