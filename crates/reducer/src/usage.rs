//! The tokens that a request took.
//!
//! Source: reduction, section 7.3.

use rollout_trace_model::TokenUsage;

use crate::json::Json;

/// Returns whether the usage is an object with all counts that it must have.
pub(crate) fn is_token_usage(usage: &Json<'_>) -> bool {
    let is_count = |name: &str| usage.get(name).is_some_and(|count| count.as_i64().is_some());
    let is_optional = |name: &str| usage.get(name).is_none_or(|count| count.as_i64().is_some());
    ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"].into_iter().all(is_count)
        && is_optional("cache_write_input_tokens")
}

/// Reads the counts. Negative ones are read as 0.
pub(crate) fn token_usage(usage: &Json<'_>) -> TokenUsage {
    let tokens = |name: &str| usage.get(name).and_then(Json::as_i64).unwrap_or_default().max(0);
    TokenUsage {
        input_tokens: tokens("input_tokens"),
        cached_input_tokens: tokens("cached_input_tokens"),
        cache_write_input_tokens: tokens("cache_write_input_tokens"),
        output_tokens: tokens("output_tokens"),
        reasoning_output_tokens: tokens("reasoning_output_tokens"),
    }
}
