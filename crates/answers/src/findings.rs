//! What a reviewer would want to be told.
//!
//! Source: questions, section 10.

mod agents;
mod calls;
mod damage;
mod edits;
mod histories;
mod offers;
mod requests;
mod unseen;

use std::collections::BTreeMap;

use rollout_trace_model::Line;
use rollout_trace_schema::Seq;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{BrokenAt, CacheVerdict, Certainty, PrefixCause, Rollout, words::counted};
use damage::Damage;

/// What a reviewer would want to be told.
///
/// None of it need be a fault: a search without a match exits with 1. That an output was not used is never claimed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Findings {
    /// `findings`.
    pub question: &'static str,
    /// The findings, the gravest first.
    pub findings: Vec<Finding>,
    /// The number of findings of each severity.
    pub counts: BTreeMap<FindingSeverity, usize>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// What was found.
    pub code: FindingCode,
    /// How grave it is.
    pub severity: FindingSeverity,
    /// The objects that are concerned.
    pub ids: Vec<String>,
    /// The event at which it shows.
    pub seq: Option<Seq>,
    /// How certain it is.
    pub certainty: Certainty,
    /// What it is, for people.
    pub note: String,
    /// More facts.
    #[serde(flatten)]
    pub more: More,
}

/// More facts of a finding, as far as its code has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct More {
    /// Why a request does not begin with the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<PrefixCause>,
    /// Where it differs first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<BrokenAt>,
    /// What the provider's cache did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<CacheVerdict>,
    /// The estimated tokens of the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_estimate: Option<u64>,
    /// The same, times the requests that carried them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rent_tokens_estimate: Option<u64>,
    /// The reported input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<i64>,
    /// The size of the model's context window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_tokens: Option<i64>,
    /// How many calls there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<usize>,
}

/// How grave a finding is, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Something failed for whoever asked.
    Error,
    /// Something went wrong on the way.
    Warning,
    /// Something is worth knowing.
    Note,
}

impl FindingSeverity {
    /// Returns the severity as it is named in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! finding_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $severity:ident;)+) => {
        /// What was found. The codes are stable, and ordered by their names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
        pub enum FindingCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl FindingCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the code as text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Returns how grave findings with this code are.
            pub fn severity(self) -> FindingSeverity {
                match self {
                    $(Self::$variant => FindingSeverity::$severity,)+
                }
            }
        }
    };
}

finding_codes! {
    /// A turn failed.
    TurnFailed = "turn_failed", Error;
    /// A turn completed, but its last inference call failed.
    TurnWithoutAnswer = "turn_without_answer", Error;
    /// At least three tool calls in a row failed.
    ErrorStreak = "error_streak", Warning;
    /// A call was repeated at least twice, with the same outputs.
    RepeatedCall = "repeated_call", Warning;
    /// At least three attempts at one request failed in a row.
    RetryStorm = "retry_storm", Warning;
    /// The model called a tool that its request did not offer.
    ToolNotOffered = "tool_not_offered", Warning;
    /// No request carried the result of an agent.
    AgentResultNotDelivered = "agent_result_not_delivered", Warning;
    /// No request carried a message to an agent.
    MessageNotDelivered = "message_not_delivered", Warning;
    /// Later requests went without the result of a call.
    OutputNotDelivered = "output_not_delivered", Warning;
    /// Nobody waited for an agent, and it reported nothing.
    AgentNotJoined = "agent_not_joined", Warning;
    /// A request filled the context window, and nothing made room after it.
    ContextNearlyFull = "context_nearly_full", Warning;
    /// A request does not begin with the one before, and much of what was cached is lost.
    CacheBreak = "cache_break", Warning;
    /// A request begins with the one before, but the cache missed.
    CacheMiss = "cache_miss", Note;
    /// A history was rebuilt, and no event says why.
    HistoryRebuilt = "history_rebuilt", Note;
    /// One output fills a fifth of all contexts.
    LargeItem = "large_item", Note;
    /// Most of an output was cut before the model saw it.
    OutputMostlyCut = "output_mostly_cut", Note;
    /// A process wrote output after the model's last look.
    OutputMissed = "output_missed", Note;
    /// An edit was taken back.
    EditReverted = "edit_reverted", Note;
    /// A process outlived the rollout.
    ProcessLeftRunning = "process_left_running", Note;
    /// The reported usage of calls is not that of their text.
    UsageDoesNotFit = "usage_does_not_fit", Note;
}

impl Finding {
    fn new(code: FindingCode, ids: Vec<String>, seq: Option<Seq>, note: String) -> Self {
        Self { code, severity: code.severity(), ids, seq, certainty: Certainty::Recorded, note, more: More::default() }
    }
}

impl Findings {
    /// Looks for everything that is worth telling.
    pub fn of(rollout: &Rollout<'_>) -> Self {
        let damage = Damage::of(rollout.graph());
        let mut findings = requests::findings(rollout);
        findings.extend(histories::findings(rollout));
        findings.extend(calls::findings(rollout, &damage));
        findings.extend(edits::findings(rollout));
        findings.extend(agents::findings(rollout));
        findings.extend(unseen::findings(rollout));
        findings.retain(|finding| !damage.may_feign(finding));
        findings.sort_by(|left, right| {
            let key = |finding: &Finding| (finding.severity, finding.seq, finding.code.as_str());
            key(left).cmp(&key(right)).then_with(|| left.ids.cmp(&right.ids))
        });
        let severities = [FindingSeverity::Error, FindingSeverity::Warning, FindingSeverity::Note];
        let mut counts: BTreeMap<_, _> = severities.map(|severity| (severity, 0)).into();
        for finding in &findings {
            *counts.entry(finding.severity).or_default() += 1;
        }
        Self { question: "findings", findings, counts }
    }

    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        if self.findings.is_empty() {
            return vec!["no findings".into()];
        }
        let mut lines: Vec<Line> = vec![counted(self.findings.len(), "finding").into()];
        for finding in &self.findings {
            let mut line = format!("  {:<8} {}: {}", finding.severity.as_str(), finding.code.as_str(), finding.note);
            if let Some(seq) = finding.seq {
                line += &format!(" · seq {seq}");
            }
            line += &format!(" {}", finding.certainty.mark());
            lines.push(line.trim_end().into());
        }
        lines
    }
}
