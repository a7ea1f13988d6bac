//! The status and configuration of an agent.

use rollout_trace_recorder::TokenUsage;
use serde::Serialize;

use crate::TurnSettings;

/// The status of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// The agent has not started its first turn, or a turn for which another agent has given it a task.
    #[default]
    PendingInit,
    /// A turn is running.
    Running,
    /// The last turn completed, with this last message.
    Completed(Option<String>),
    /// The last turn failed, with this error.
    Errored(String),
    /// The last turn was interrupted.
    Interrupted,
    /// The agent's thread has ended.
    Shutdown,
}

impl AgentStatus {
    /// Returns whether the agent is running a turn or about to start one.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::PendingInit | Self::Running)
    }
}

/// The token usage of a thread's answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenUsageInfo {
    /// The usage of the last answer; `None` before the first answer, after a compaction, and if the provider does not
    /// report it.
    pub last: Option<TokenUsage>,
    /// The sum over all answers.
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
            // A provider may report any numbers.
            *sum = sum.saturating_add(more);
        }
        self.last = Some(usage);
    }

    /// Returns the tokens that the last request and its answer take in the model's context window.
    pub(crate) fn context_tokens(&self) -> i64 {
        self.last.as_ref().map_or(0, |usage| usage.input_tokens.saturating_add(usage.output_tokens))
    }
}

/// The current configuration of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigSnapshot {
    /// The id of the thread.
    pub thread_id: String,
    /// The agent's place in the tree of agents.
    pub agent_path: String,
    /// The name of the model's provider.
    pub provider_name: String,
    /// Model, effort and folder of the running turn, or of the configuration if no turn is running.
    #[serde(flatten)]
    pub settings: TurnSettings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_sums_saturate() {
        let mut info = TokenUsageInfo::default();
        for _ in 0..2 {
            info.add(TokenUsage { input_tokens: i64::MAX, output_tokens: i64::MAX, ..TokenUsage::default() });
        }
        assert_eq!((info.total.input_tokens, info.context_tokens()), (i64::MAX, i64::MAX));
    }
}
