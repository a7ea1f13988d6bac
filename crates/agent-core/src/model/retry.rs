//! When to try again.

use std::time::{Duration, SystemTime};

use crate::{RetryPolicy, model::ModelError};

impl RetryPolicy {
    /// How long to wait before the given retry, from 1. `None`: there is none.
    pub(crate) fn delay(&self, retry: u32, error: &ModelError) -> Option<Duration> {
        if retry > self.retries || !error.is_passing() {
            return None;
        }
        let doubled = self.first_delay.saturating_mul(1 << (retry - 1).min(16));
        Some(error.retry_after().unwrap_or(doubled).min(self.max_delay))
    }
}

/// The time that a `Retry-After` header asks for: seconds, or a date.
pub(super) fn retry_after(header: &str) -> Option<Duration> {
    let header = header.trim();
    match header.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => Some(httpdate::parse_http_date(header).ok()?.duration_since(SystemTime::now()).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, retry_after: Option<Duration>) -> ModelError {
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        ModelError::Refused { status, code: None, message: String::new(), retry_after, upstream_request_id: None }
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let policy =
            RetryPolicy { retries: 4, first_delay: Duration::from_millis(100), max_delay: Duration::from_millis(500) };
        let delays: Vec<_> = (1..=5).map(|retry| policy.delay(retry, &refusal(503, None))).collect();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(delays, [millis(100), millis(200), millis(400), millis(500), None]);
        assert_eq!(policy.delay(1, &refusal(429, millis(300))), millis(300));
        assert_eq!(policy.delay(1, &refusal(429, Some(Duration::MAX))), millis(500));
        assert_eq!(policy.delay(1, &refusal(400, None)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("2"), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(" 0.25 "), Some(Duration::from_millis(250)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("NaN"), None);
    }
}
