//! How an agent is getting on.

use rollout_trace_recorder::TokenUsage;
use serde::Serialize;

use crate::TurnSettings;

/// How an agent is getting on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// It has not begun its first turn, or one for which another agent has given it a task.
    #[default]
    PendingInit,
    /// It is in a turn.
    Running,
    /// Its last turn came to its end, with this last message.
    Completed(Option<String>),
    /// Its last turn failed, and why.
    Errored(String),
    /// Its last turn was stopped.
    Interrupted,
    /// Its thread has ended.
    Shutdown,
}

impl AgentStatus {
    /// Whether something is still to come of it by itself.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(self, Self::PendingInit | Self::Running)
    }
}

/// What a thread's answers cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenUsageInfo {
    /// The last answer; `None` before the first, and where the provider does not say.
    pub last: Option<TokenUsage>,
    /// All answers.
    pub total: TokenUsage,
}

impl TokenUsageInfo {
    pub(crate) fn add(&mut self, usage: TokenUsage) {
        let total = &mut self.total;
        for (sum, more) in [
            (&mut total.input_tokens, usage.input_tokens),
            (&mut total.cached_input_tokens, usage.cached_input_tokens),
            (&mut total.cache_write_input_tokens, usage.cache_write_input_tokens),
            (&mut total.output_tokens, usage.output_tokens),
            (&mut total.reasoning_output_tokens, usage.reasoning_output_tokens),
        ] {
            // A provider may say anything.
            *sum = sum.saturating_add(more);
        }
        self.last = Some(usage);
    }

    /// How much of the model's window the last request and its answer took.
    pub(crate) fn context_tokens(&self) -> i64 {
        self.last.as_ref().map_or(0, |usage| usage.input_tokens.saturating_add(usage.output_tokens))
    }
}

/// How a thread is set up at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigSnapshot {
    /// The thread.
    pub thread_id: String,
    /// The agent's place in the tree of agents.
    pub agent_path: String,
    /// Who serves the model.
    pub provider_name: String,
    /// Model, effort and folder: of the running turn, else as configured.
    #[serde(flatten)]
    pub settings: TurnSettings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sum_is_too_large() {
        let mut info = TokenUsageInfo::default();
        for _ in 0..2 {
            info.add(TokenUsage { input_tokens: i64::MAX, output_tokens: i64::MAX, ..TokenUsage::default() });
        }
        assert_eq!((info.total.input_tokens, info.context_tokens()), (i64::MAX, i64::MAX));
    }
}
