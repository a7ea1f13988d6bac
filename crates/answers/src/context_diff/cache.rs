//! What a provider's cache did with a request.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Pair, Prefix, Usages};
use crate::usage::rounded;

/// What the provider's cache did. The cached tokens are compared with the prompt that was sent before, and never with
/// the tokens that were cached before.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Cache {
    /// The cached tokens of the second request.
    pub cached_input_tokens: Option<i64>,
    /// The tokens of the first request.
    pub previous_input_tokens: Option<i64>,
    /// The ratio of the two.
    pub share_of_previous: Option<f64>,
    /// The milliseconds from the end of the first call to the start of the second.
    pub idle_ms: Option<u64>,
    /// Whether both usages fit their texts.
    pub fits: Option<bool>,
    /// How many tokens the cache could have had at most.
    pub reachable_tokens_estimate: Option<u64>,
    /// The numbers in one word.
    pub verdict: CacheVerdict,
}

/// What a provider's cache did, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheVerdict {
    /// The provider reported nothing about the second request.
    NotReported,
    /// The provider reported nothing about the first request.
    NothingToCompare,
    /// A usage belongs to other text.
    UsageDoesNotFit,
    /// The first request was too small for caches.
    TooSmall,
    /// More is cached than the two requests have in common.
    MoreThanPrefix,
    /// The first request was reused.
    Reused,
    /// As much was reused as the change of the request allows.
    BrokenAsExpected,
    /// Less was reused than was possible.
    PartlyReused,
    /// Hardly anything was reused.
    Missed,
}

impl CacheVerdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotReported => "not_reported",
            Self::NothingToCompare => "nothing_to_compare",
            Self::UsageDoesNotFit => "usage_does_not_fit",
            Self::TooSmall => "too_small",
            Self::MoreThanPrefix => "more_than_prefix",
            Self::Reused => "reused",
            Self::BrokenAsExpected => "broken_as_expected",
            Self::PartlyReused => "partly_reused",
            Self::Missed => "missed",
        }
    }
}

pub(super) fn cache(pair: &Pair<'_, '_>, usages: &Usages, prefix: &Prefix) -> Cache {
    let cached = usages.after.reported.map(|usage| usage.cached_input_tokens);
    let previous = usages.before.reported.map(|usage| usage.input_tokens);
    let share = cached.zip(previous).filter(|(_, previous)| *previous != 0);
    let estimate = usages.before.input_tokens_estimate.unwrap_or_default();
    let reachable = previous.map(|previous| {
        let previous = u128::from(previous.max(0).unsigned_abs());
        let reachable = match (prefix.whole, estimate) {
            (true, _) => previous,
            (false, 0) => 0,
            (false, estimate) => previous * u128::from(prefix.tokens_estimate) / u128::from(estimate),
        };
        u64::try_from(reachable).unwrap_or(u64::MAX)
    });
    let ended = pair.before.execution.ended_at_unix_ms;
    let fits = usages.before.fits.zip(usages.after.fits).map(|(before, after)| before && after);
    Cache {
        cached_input_tokens: cached,
        previous_input_tokens: previous,
        share_of_previous: share.map(|(cached, previous)| rounded(cached as f64 / previous as f64)),
        idle_ms: ended
            .and_then(|ended| pair.after.execution.started_at_unix_ms.checked_sub(ended))
            .and_then(|ms| u64::try_from(ms).ok()),
        fits,
        reachable_tokens_estimate: reachable,
        verdict: verdict(cached, previous, fits, reachable.unwrap_or_default(), prefix.whole),
    }
}

fn verdict(
    cached: Option<i64>,
    previous: Option<i64>,
    fits: Option<bool>,
    reachable: u64,
    is_whole: bool,
) -> CacheVerdict {
    let Some(cached) = cached else { return CacheVerdict::NotReported };
    let Some(previous) = previous else { return CacheVerdict::NothingToCompare };
    // In tenths of a token, so that no rounding decides.
    let (cached, reachable) = (i128::from(cached) * 10, i128::from(reachable));
    match () {
        () if fits != Some(true) => CacheVerdict::UsageDoesNotFit,
        () if previous < 1024 => CacheVerdict::TooSmall,
        () if cached > 11 * reachable + 2560 => CacheVerdict::MoreThanPrefix,
        () if cached >= 8 * reachable - 2560 && is_whole => CacheVerdict::Reused,
        () if cached >= 8 * reachable - 2560 => CacheVerdict::BrokenAsExpected,
        () if cached >= 2 * reachable => CacheVerdict::PartlyReused,
        () => CacheVerdict::Missed,
    }
}
