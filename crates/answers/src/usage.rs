//! What a provider reported about a request, beside the estimate of its text.

use rollout_trace_model::{InferenceCall, Line, TokenUsage};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{rollout::Rollout, words::grouped};

/// What a provider reported about a request, beside the estimate of its text.
///
/// Source: questions, section 1.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usage {
    /// The provider's exact numbers, or null if it reported none.
    pub reported: Option<TokenUsage>,
    /// The estimate of the whole request, or null if the request is not readable.
    pub input_tokens_estimate: Option<u64>,
    /// The reported input minus the estimate.
    pub residual_tokens: Option<i64>,
    /// Whether the two are near enough to be about the same text. A usage that does not fit belongs to other text.
    pub fits: Option<bool>,
}

impl Usage {
    pub(crate) fn of(rollout: &Rollout<'_>, call: &InferenceCall) -> Self {
        let input_tokens_estimate = rollout.context_tokens(call);
        let both = call.usage.zip(input_tokens_estimate);
        Self {
            reported: call.usage,
            input_tokens_estimate,
            residual_tokens: both.map(|(usage, estimate)| usage.input_tokens.saturating_sub_unsigned(estimate)),
            fits: both.map(|(usage, estimate)| fits(usage.input_tokens, estimate)),
        }
    }

    /// Returns the line of text about the usage.
    pub(crate) fn line(&self) -> Line {
        let Some(usage) = self.reported else { return "  provider  reported no usage".into() };
        let mut line = format!(
            "  provider  {} in ({} cached), {} out ({} reasoning)",
            signed(usage.input_tokens),
            signed(usage.cached_input_tokens),
            signed(usage.output_tokens),
            signed(usage.reasoning_output_tokens)
        );
        if let (Some(estimate), Some(residual)) = (self.input_tokens_estimate, self.residual_tokens) {
            let sign = if residual < 0 { "" } else { "+" };
            line += &format!(" · text ~{} · residual {sign}{}", grouped(estimate), signed(residual));
        }
        if self.fits == Some(false) {
            line += " · does not fit: the usage is not that of this text";
        }
        line.into()
    }
}

/// Writes a number, which may be negative, with a comma between each three digits.
pub(crate) fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

/// Returns whether half the input is at most the estimate, and this at most twice the input.
fn fits(input: i64, estimate: u64) -> bool {
    let (input, estimate) = (i128::from(input), i128::from(estimate));
    input > 0 && input <= 2 * estimate && estimate <= 2 * input
}

/// Rounds a ratio to three decimals.
pub(crate) fn rounded(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}
