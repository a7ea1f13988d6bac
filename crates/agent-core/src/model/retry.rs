//! The delay before a retry.

use std::time::{Duration, SystemTime};

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

/// Parses a `Retry-After` header, which contains seconds or a date.
pub(super) fn retry_after(header: &str) -> Option<Duration> {
    let header = header.trim();
    match header.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => Some(httpdate::parse_http_date(header).ok()?.duration_since(SystemTime::now()).unwrap_or_default()),
    }
}

/// Finds the delay in an error message such as `Please try again in 1.5s.`, since a stream has no header for it.
pub(super) fn try_again_in(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again in ")?;
    let (number, rest) = rest.split_at(rest.find(|c: char| c != '.' && !c.is_ascii_digit())?);
    let unit: String = rest.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let seconds = match unit.as_str() {
        "ms" => 0.001,
        "s" | "second" | "seconds" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after: Option<Duration>) -> ModelError {
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        ModelError::Refused { status, code: None, message: String::new(), retry_after, upstream_request_id: None }
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

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("2"), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(" 0.25 "), Some(Duration::from_millis(250)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("NaN"), None);
    }

    #[test]
    fn an_error_message_may_contain_the_delay() {
        let asked = |message: &str| ModelError::Failed { code: None, message: message.to_owned() }.retry_after();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(asked("Rate limit reached for m. Please try again in 1.5s. Visit us."), millis(1500));
        assert_eq!(asked("Please try again in 20ms."), millis(20));
        assert_eq!(asked("try again in 3 seconds"), millis(3000));
        for message in ["try again in 6m0s", "try again in a while", "try again in 1.2.3s", "try again in 5", "busy"] {
            assert_eq!(asked(message), None, "{message}");
        }
    }
}
