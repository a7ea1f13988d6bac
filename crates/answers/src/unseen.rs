//! What happened and was shown to no model, and what was shown to a model and is sealed to us.
//!
//! Source: questions, section 6.

mod histories;
mod messages;
mod outputs;
mod results;

use std::collections::BTreeMap;

use rollout_trace_model::{ItemId, Line, Requester, ToolCall, map::HashSet};
use rollout_trace_schema::{RawPayloadId, Seq};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Certainty, Rollout,
    words::{counted, grouped},
};

pub(crate) use messages::reporting_child;

/// What happened and was shown to no model, and what was shown to a model and is sealed to us.
///
/// That something was not shown is not a fault: a script that keeps a value may have used it, and a compaction drops on
/// purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unseen {
    /// `unseen`.
    pub question: &'static str,
    /// What was not seen, in the order of the codes, then of the events.
    pub rows: Vec<UnseenRow>,
    /// The number of rows with each code.
    pub counts: BTreeMap<UnseenCode, usize>,
    /// The bytes of all rows except those that are sealed.
    pub bytes: u64,
}

/// One thing that was not seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnseenRow {
    /// What happened to it.
    pub code: UnseenCode,
    /// The objects that are concerned.
    pub ids: Vec<String>,
    /// How certain it is.
    pub certainty: Certainty,
    /// The event that shows it.
    pub seq: Option<Seq>,
    /// The payload of that event that shows it.
    pub payload_id: Option<RawPayloadId>,
    /// The length of what was not seen; null if it is unknown.
    pub bytes: Option<u64>,
    /// What it is, for people.
    pub note: String,
    /// The length of the text of which it is a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_bytes: Option<u64>,
    /// How many parts of that text are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<usize>,
    /// How many requests of the thread came later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later_calls: Option<usize>,
    /// The estimated tokens of what was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_estimate: Option<u64>,
}

/// What happened to something that was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnseenCode {
    /// An output was cut before the model saw it.
    OutputCut,
    /// A process wrote output after the model's last look.
    OutputAfterLastLook,
    /// No request carried the result of a call.
    ResultNotDelivered,
    /// A call got no result, and no request carried an output of it.
    CallNotAnswered,
    /// A script kept a value to itself.
    CellValueNotShown,
    /// No request carried the result of an agent.
    ChildResultNotDelivered,
    /// No request carried a message to an agent.
    MessageNotDelivered,
    /// A compaction dropped items.
    DroppedByCompaction,
    /// A shorter output replaced an output.
    TrimmedLater,
    /// Items were left out of the next request, and nothing says why.
    DroppedUnrecorded,
    /// An answer was left out of the next request.
    AnswerNotKept,
    /// Only the provider can read it.
    SealedFromReader,
}

impl UnseenCode {
    /// Returns the code as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutputCut => "output_cut",
            Self::OutputAfterLastLook => "output_after_last_look",
            Self::ResultNotDelivered => "result_not_delivered",
            Self::CallNotAnswered => "call_not_answered",
            Self::CellValueNotShown => "cell_value_not_shown",
            Self::ChildResultNotDelivered => "child_result_not_delivered",
            Self::MessageNotDelivered => "message_not_delivered",
            Self::DroppedByCompaction => "dropped_by_compaction",
            Self::TrimmedLater => "trimmed_later",
            Self::DroppedUnrecorded => "dropped_unrecorded",
            Self::AnswerNotKept => "answer_not_kept",
            Self::SealedFromReader => "sealed_from_reader",
        }
    }

    /// Returns a few words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::OutputCut => "output cut before the model saw it",
            Self::OutputAfterLastLook => "output after the model's last look",
            Self::ResultNotDelivered => "result that no request carried",
            Self::CallNotAnswered => "call without a result",
            Self::CellValueNotShown => "value that a script kept to itself",
            Self::ChildResultNotDelivered => "agent's result that no request carried",
            Self::MessageNotDelivered => "message that no request carried",
            Self::DroppedByCompaction => "dropped by a compaction",
            Self::TrimmedLater => "output trimmed later",
            Self::DroppedUnrecorded => "left out of the next request, and nothing says why",
            Self::AnswerNotKept => "answer left out of the next request",
            Self::SealedFromReader => "sealed: only the provider can read it",
        }
    }
}

impl UnseenRow {
    fn new(code: UnseenCode, certainty: Certainty, ids: Vec<String>, note: String) -> Self {
        Self {
            code,
            ids,
            certainty,
            seq: None,
            payload_id: None,
            bytes: None,
            note,
            of_bytes: None,
            gaps: None,
            later_calls: None,
            tokens_estimate: None,
        }
    }

    fn shown_by(self, seq: Option<Seq>, payload_id: Option<&RawPayloadId>) -> Self {
        Self { seq, payload_id: payload_id.cloned(), ..self }
    }
}

impl Unseen {
    /// Answers what was not seen.
    pub fn of(rollout: &Rollout<'_>) -> Self {
        Self::found(rollout).clone()
    }

    /// Returns the answer, which is found once for each rollout.
    pub(crate) fn found<'r>(rollout: &'r Rollout<'_>) -> &'r Self {
        rollout.unseen.get_or_init(|| Self::find(rollout))
    }

    fn find(rollout: &Rollout<'_>) -> Self {
        let compacted: HashSet<ItemId> =
            rollout.graph().compactions.values().flat_map(|compaction| &compaction.input_item_ids).copied().collect();
        let mut rows = outputs::rows(rollout);
        rows.extend(results::rows(rollout, &compacted));
        rows.extend(messages::rows(rollout));
        rows.extend(histories::rows(rollout, &compacted));
        // The sort keeps the order of rows that have neither an event nor a first object, which is that of items.
        rows.sort_by(|left, right| {
            let key = |row: &UnseenRow| (row.code, row.seq);
            let ids = || if left.code == UnseenCode::SealedFromReader { None } else { Some(left.ids.cmp(&right.ids)) };
            key(left).cmp(&key(right)).then_with(|| ids().unwrap_or(std::cmp::Ordering::Equal))
        });
        let mut counts = BTreeMap::new();
        for row in &rows {
            *counts.entry(row.code).or_default() += 1;
        }
        let readable = rows.iter().filter(|row| row.code != UnseenCode::SealedFromReader);
        let bytes = readable.filter_map(|row| row.bytes).sum();
        Self { question: "unseen", rows, counts, bytes }
    }

    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        if self.rows.is_empty() {
            return vec!["everything that happened was shown to a model, as far as the evidence goes".into()];
        }
        let cases = self.rows.iter().filter(|row| row.code != UnseenCode::SealedFromReader).count();
        let head = match cases {
            0 => "nothing is known that the model did not see".to_owned(),
            _ => format!("what the model did not see: {}, {} bytes", counted(cases, "case"), grouped(self.bytes)),
        };
        let mut lines: Vec<Line> = vec![head.into()];
        let mut code = None;
        for row in &self.rows {
            if code.replace(row.code) != Some(row.code) {
                lines.push(format!("  {}", row.code.words()).into());
            }
            let bytes = row.bytes.map_or("?".to_owned(), grouped);
            let of = row.of_bytes.map(|of| format!(" of {}", grouped(of))).unwrap_or_default();
            let amount = format!("{bytes} bytes{of}");
            let mut line = format!("    {amount:<22} {}: {}", row.ids.first().map_or("", String::as_str), row.note);
            if let Some(seq) = row.seq {
                line += &format!(" · seq {seq}");
            }
            line += &format!(" {}", row.certainty.mark());
            lines.push(line.trim_end().into());
        }
        lines
    }
}

/// Returns the items among these that some request carries.
fn delivered<'i>(rollout: &Rollout<'_>, items: impl IntoIterator<Item = &'i ItemId>) -> Vec<ItemId> {
    items.into_iter().copied().filter(|item| rollout.index().carried(*item).calls > 0).collect()
}

/// Returns how many inference calls of a thread began after an event.
fn later_calls(rollout: &Rollout<'_>, thread: &rollout_trace_schema::ThreadId, seq: Seq) -> usize {
    let calls = rollout.index().calls_of(thread);
    calls.len() - calls.partition_point(|call| call.execution.started_seq <= seq)
}

/// Returns the bytes and the estimated tokens of items.
fn size(rollout: &Rollout<'_>, items: &[ItemId]) -> (u64, u64) {
    let sizes: crate::Sizes = items.iter().map(|item| rollout.sizes(*item)).sum();
    (sizes.bytes, sizes.tokens_estimate)
}

/// Returns whether a model asked for a call.
fn is_of_model(call: &ToolCall) -> bool {
    matches!(call.requester, Requester::Model)
}
