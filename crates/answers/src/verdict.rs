//! One word on how complete the evidence is, and every gap.
//!
//! Source: questions, section 12.

use std::collections::BTreeMap;

use rollout_trace_model::{
    Diagnostic, DiagnosticCode, InferenceCall, ItemId, Line, RecordingStatus, RolloutTrace, Severity,
};
use rollout_trace_schema::{ExecutionStatus, Seq};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    OriginClass, Rollout,
    context_diff::rebuilt_unrecorded,
    payload_name::payload_words,
    words::{counted, grouped},
};

/// How many ids a gap names.
const NAMED: usize = 20;

/// How complete the evidence is, in one word, and every gap.
///
/// That nothing else happened is not claimed: what no producer records is no gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// `verdict`.
    pub question: &'static str,
    /// The word: that of the worst gap, or `complete`.
    pub verdict: Completeness,
    /// Whether the log ends with its end marker; null in schema 1, which has none.
    pub end_marker: Option<bool>,
    /// The status of the rollout.
    pub status: ExecutionStatus,
    /// The gaps, the worst first.
    pub gaps: Vec<Gap>,
}

/// How complete evidence is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Nothing is known to be missing.
    Complete,
    /// Something that a model read is sealed to us.
    Sealed,
    /// Something in between is missing.
    Gapped,
    /// The end is missing.
    Cut,
    /// Evidence is damaged.
    Damaged,
}

impl Completeness {
    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Sealed => "sealed",
            Self::Gapped => "gapped",
            Self::Cut => "cut",
            Self::Damaged => "damaged",
        }
    }
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// How bad that is.
    pub word: Completeness,
    /// The code of the diagnostics that report it, or a code of its own.
    pub code: String,
    /// How many diagnostics or objects there are.
    pub count: usize,
    /// The objects that are concerned, at most 20 of them.
    pub ids: Vec<String>,
    /// The first event that shows it.
    pub seq: Option<Seq>,
    /// What it is, for people.
    pub note: String,
}

impl Verdict {
    /// Answers how complete the evidence is.
    pub fn of(rollout: &Rollout<'_>) -> Self {
        let graph = rollout.graph();
        let mut gaps = of_diagnostics(graph);
        gaps.extend(no_end_marker(graph));
        gaps.extend(unverified(graph));
        gaps.extend(of_calls(rollout));
        gaps.extend(of_items(rollout));
        gaps.sort_by(|left, right| {
            right.word.cmp(&left.word).then_with(|| (&left.code, left.seq).cmp(&(&right.code, right.seq)))
        });
        Self {
            question: "verdict",
            verdict: gaps.first().map_or(Completeness::Complete, |gap| gap.word),
            end_marker: end_marker(graph),
            status: graph.status.clone(),
            gaps,
        }
    }

    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let end = match self.end_marker {
            Some(true) => "the recording ends with its end marker",
            Some(false) => "the recording has no end marker",
            None => "no end marker is to be expected",
        };
        let mut lines: Vec<Line> = vec![format!("{} · rollout {} · {end}", self.verdict.as_str(), self.status).into()];
        for gap in &self.gaps {
            let seq = gap.seq.map(|seq| format!(" · seq {seq}")).unwrap_or_default();
            let count = grouped(gap.count as u64);
            lines.push(format!("  {:<8} {count:>5}  {}: {}{seq}", gap.word.as_str(), gap.code, gap.note).into());
        }
        lines
    }
}

fn end_marker(graph: &RolloutTrace) -> Option<bool> {
    graph.recording_complete.or(graph.recording_status.map(|status| status != RecordingStatus::Unclosed))
}

fn has_ended(graph: &RolloutTrace) -> bool {
    graph.status != ExecutionStatus::Running
}

/// Returns the word for a diagnostic, or `None` if it reports no gap.
fn word(graph: &RolloutTrace, diagnostic: &Diagnostic) -> Option<Completeness> {
    match diagnostic.code {
        DiagnosticCode::TraceStopsEarly | DiagnosticCode::TornLine => Some(Completeness::Cut),
        // What outlives the rollout is a finding.
        DiagnosticCode::RunningAtEnd => (!has_ended(graph)).then_some(Completeness::Cut),
        DiagnosticCode::RecordingLoss => Some(Completeness::Gapped),
        _ => (diagnostic.severity == Severity::Error).then_some(Completeness::Damaged),
    }
}

fn of_diagnostics(graph: &RolloutTrace) -> Vec<Gap> {
    let mut by_code: BTreeMap<DiagnosticCode, (Completeness, Vec<&Diagnostic>)> = BTreeMap::new();
    for diagnostic in &graph.diagnostics {
        if let Some(word) = word(graph, diagnostic) {
            by_code.entry(diagnostic.code).or_insert((word, Vec::new())).1.push(diagnostic);
        }
    }
    let gap = |(code, (word, diagnostics)): (DiagnosticCode, (Completeness, Vec<&Diagnostic>))| {
        let mut ids: Vec<String> = diagnostics.iter().flat_map(|diagnostic| diagnostic.ids.iter().cloned()).collect();
        ids.sort();
        ids.dedup();
        let count = diagnostics.len().max(ids.len());
        ids.truncate(NAMED);
        let first = diagnostics[0];
        let more = diagnostics.len() - 1;
        let more = if more > 0 { format!(" (and {} more)", grouped(more as u64)) } else { String::new() };
        Gap { word, code: code.to_string(), count, ids, seq: first.seq, note: note(first) + &more }
    };
    by_code.into_iter().map(gap).collect()
}

/// Returns the words of a diagnostic that hold for every form of the bundle. Where a payload should be stored differs from
/// form to form, and follows a colon; the payload's name is the same.
fn note(diagnostic: &Diagnostic) -> String {
    match (&diagnostic.payload_id, diagnostic.message.split_once(": ")) {
        (Some(payload), Some((what, _))) => {
            format!("{what}: {}", payload_words(payload))
        }
        _ => diagnostic.message.clone(),
    }
}

fn no_end_marker(graph: &RolloutTrace) -> Option<Gap> {
    let stops_early = graph.diagnostics.iter().any(|diagnostic| diagnostic.code == DiagnosticCode::TraceStopsEarly);
    // No session file has an end marker.
    let is_missing =
        graph.schema_version >= 2 && graph.evidence.is_none() && end_marker(graph) != Some(true) && !stops_early;
    is_missing.then(|| Gap {
        word: Completeness::Cut,
        code: "no_end_marker".to_owned(),
        count: 1,
        ids: Vec::new(),
        seq: None,
        note: "the recording has no end marker, so its last events may be missing".to_owned(),
    })
}

/// Returns the gap of an import whose requests are not all verified: what they held follows from the rest of the session.
fn unverified(graph: &RolloutTrace) -> Option<Gap> {
    let evidence = graph.evidence.as_ref()?;
    let unverified = evidence.requests.recorded + evidence.requests.implied;
    (unverified > 0).then(|| Gap {
        word: Completeness::Gapped,
        code: "imported".to_owned(),
        count: usize::try_from(unverified).unwrap_or(usize::MAX),
        ids: Vec::new(),
        seq: None,
        note: format!("{evidence}; what else they held is not in the files"),
    })
}

fn of_calls(rollout: &Rollout<'_>) -> Vec<Gap> {
    let gap = |word, code: &str, call: &InferenceCall, note: &str| Gap {
        word,
        code: code.to_owned(),
        count: 1,
        ids: vec![call.inference_call_id.to_string()],
        seq: Some(call.execution.started_seq),
        note: format!("{}: {note}", rollout.call_name(&call.inference_call_id)),
    };
    let mut gaps: Vec<_> = untraced_prefix(rollout).into_iter().collect();
    for call in rollout.calls() {
        if call.raw_request_payload_id.is_none() {
            gaps.push(gap(Completeness::Damaged, "request_not_recorded", call, "no event names its request"));
        }
        if let Some(next) = rollout.index().sound_next(rollout.facts(), call)
            && rebuilt_unrecorded(rollout, call, next)
        {
            let note = "its history differs from what came before, and no event says why";
            gaps.push(gap(Completeness::Gapped, "history_rebuilt_unrecorded", next, note));
        }
    }
    gaps
}

/// Returns the gap of all requests that continue a response which was not recorded.
fn untraced_prefix(rollout: &Rollout<'_>) -> Option<Gap> {
    let calls: Vec<_> = { rollout.calls().iter() }
        .filter(|call| rollout.facts().has_untraced_prefix(&call.inference_call_id))
        .collect();
    let first = calls.first()?;
    Some(Gap {
        word: Completeness::Gapped,
        code: "untraced_prefix".to_owned(),
        count: calls.len(),
        ids: calls.iter().take(NAMED).map(|call| call.inference_call_id.to_string()).collect(),
        seq: Some(first.execution.started_seq),
        note: format!(
            "{} a response that was not recorded",
            match calls.len() {
                1 => "1 request continues".to_owned(),
                number => format!("{} requests continue", grouped(number as u64)),
            }
        ),
    })
}

fn of_items(rollout: &Rollout<'_>) -> Vec<Gap> {
    let items = || rollout.graph().conversation_items.keys().copied();
    let gap = |word, code: &str, items: Vec<ItemId>, note: String| {
        let shown = rollout.graph().conversation_items.get(items.first()?)?.shown.as_ref();
        Some(Gap {
            word,
            code: code.to_owned(),
            count: items.len(),
            ids: items.iter().take(NAMED).map(ItemId::to_string).collect(),
            seq: shown.map(|shown| shown.seq),
            note,
        })
    };
    let before: Vec<_> = items().filter(|item| rollout.index().origin(*item).class == OriginClass::Before).collect();
    let sealed: Vec<_> = items().filter(|item| rollout.sizes(*item).sealed_bytes > 0).collect();
    let bytes: u64 = sealed.iter().map(|item| rollout.sizes(*item).sealed_bytes).sum();
    let words = format!("{} from before the recording began", counted(before.len(), "item"));
    let gaps = [
        gap(Completeness::Gapped, "before_recording", before, words),
        gap(
            Completeness::Sealed,
            "sealed_content",
            sealed,
            format!("{} bytes that only the provider can read", grouped(bytes)),
        ),
    ];
    gaps.into_iter().flatten().collect()
}
