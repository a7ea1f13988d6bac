//! The delay before a retry.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::duration;
use crate::{RetryPolicy, model::ModelError};

impl RetryPolicy {
    /// Returns how long to wait before a retry, which is counted from 1. Returns `None` if there is no further retry.
    pub(crate) fn delay(&self, retry: u32, error: &ModelError) -> Option<Duration> {
        if retry > self.retries || !error.is_transient() {
            return None;
        }
        let doubled = self.first_delay.saturating_mul(1 << (retry - 1).min(16));
        Some(error.retry_after().unwrap_or(doubled).min(self.max_delay))
    }
}

/// Returns how long an answer's headers ask to wait.
pub(super) fn asked_delay(headers: &HeaderMap) -> Option<Duration> {
    let stated = |name: &str, unit: Duration| duration::stated(headers.get(name)?.to_str().ok()?, unit);
    let in_millis = ["retry-after-ms", "x-ms-retry-after-ms", "x-retry-after-ms"];
    let in_seconds = ["retry-after", "x-retry-after"];
    let mut asked = in_millis.iter().map(|name| stated(name, Duration::from_millis(1)));
    asked.find_map(|delay| delay).or_else(|| in_seconds.iter().find_map(|name| stated(name, Duration::from_secs(1))))
}

/// Returns when a limit that has been reached ends, as far as an answer's headers say so.
pub(super) fn limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let reset = |name: &str| duration::stated(text(name)?, Duration::from_secs(1));
    let of_all = ["x-ratelimit-reset-after", "x-ratelimit-reset", "ratelimit-reset"];
    // These headers describe several limits, of which one has been reached.
    let of_one = |limit: &str| {
        let is_reached = text(&format!("x-ratelimit-remaining-{limit}")).is_some_and(|left| left.trim() == "0");
        is_reached.then(|| reset(&format!("x-ratelimit-reset-{limit}"))).flatten()
    };
    // The limits of the draft standard: `limit=100, remaining=0, reset=7`, or `"default";r=0;t=7`.
    let of_draft = || {
        let parts = text("ratelimit")?.split([',', ';']).map(str::trim);
        let mut resets = parts.filter_map(|part| part.strip_prefix("reset=").or_else(|| part.strip_prefix("t=")));
        resets.find_map(|seconds| duration::stated(seconds, Duration::from_secs(1)))
    };
    ["requests", "tokens"]
        .into_iter()
        .filter_map(of_one)
        .max()
        .or_else(|| of_all.into_iter().find_map(reset))
        .or_else(of_draft)
}

#[cfg(test)]
mod tests {
    use reqwest::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    };

    use super::*;
    use crate::model::complaint::Complaint;

    fn refused(status: u16, retry_after: Option<Duration>) -> ModelError {
        let status = StatusCode::from_u16(status).unwrap();
        let complaint = Complaint { retry_after, ..Complaint::default() };
        ModelError::Refused { status, complaint, upstream_request_id: None }
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let policy =
            RetryPolicy { retries: 4, first_delay: Duration::from_millis(100), max_delay: Duration::from_millis(500) };
        let delays: Vec<_> = (1..=5).map(|retry| policy.delay(retry, &refused(503, None))).collect();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(delays, [millis(100), millis(200), millis(400), millis(500), None]);
        assert_eq!(policy.delay(1, &refused(429, millis(300))), millis(300));
        assert_eq!(policy.delay(1, &refused(429, Some(Duration::MAX))), millis(500));
        assert_eq!(policy.delay(1, &refused(400, None)), None);
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let retry_after = |value| asked_delay(&headers(&[("retry-after", value)]));
        assert_eq!(retry_after("2"), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(" 0.25 "), Some(Duration::from_millis(250)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("NaN"), None);
    }

    #[test]
    fn the_most_precise_header_counts() {
        let asked = |lines: &[_]| asked_delay(&headers(lines)).map(|delay| delay.as_millis());
        assert_eq!(asked(&[("retry-after-ms", "2500"), ("retry-after", "3")]), Some(2500));
        assert_eq!(asked(&[("retry-after-ms", "soon"), ("retry-after", "3s")]), Some(3000));
        assert_eq!(asked(&[("x-ms-retry-after-ms", "20")]), Some(20));
        assert_eq!(asked(&[("x-ratelimit-reset-requests", "1s")]), None);
    }

    #[test]
    fn only_the_limit_that_has_been_reached_counts() {
        let reset = |lines: &[_]| limit_reset(&headers(lines)).map(|delay| delay.as_millis());
        let both = [("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "1m30s")];
        assert_eq!(reset(&both), None);
        assert_eq!(reset(&[both[0], both[1], ("x-ratelimit-remaining-requests", "0")]), Some(1000));
        assert_eq!(reset(&[both[0], both[1], ("x-ratelimit-remaining-tokens", "0")]), Some(90_000));
        assert_eq!(reset(&[("x-ratelimit-reset", "7")]), Some(7000));
        assert_eq!(reset(&[("ratelimit", "limit=100, remaining=0, reset=7")]), Some(7000));
        assert_eq!(reset(&[("ratelimit", "\"default\";r=0;t=7")]), Some(7000));
        assert_eq!(reset(&[("retry-after", "7")]), None);
    }

    #[test]
    fn an_error_message_may_contain_the_delay() {
        let asked = |message: &str| ModelError::Failed(Complaint::of_words(message)).retry_after();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(asked("Rate limit reached for m. Please try again in 1.5s. Visit us."), millis(1500));
        assert_eq!(asked("Please try again in 20ms."), millis(20));
        assert_eq!(asked("try again in 3 seconds"), millis(3000));
        assert_eq!(asked("try again in 6m0s"), millis(360_000));
        for message in ["try again in a while", "try again in 1.2.3s", "try again in 5", "busy"] {
            assert_eq!(asked(message), None, "{message}");
        }
    }
}
