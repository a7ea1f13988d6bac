//! Lengths of time as providers write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many words after a word such as "retry" may precede the length of time.
const WORDS_BETWEEN: usize = 8;

/// A number from which on a count of seconds is a date (September 2001), not a length of time.
const FIRST_DATE: f64 = 1e9;

/// Parses the value of a header or field: a number of `unit`s, a length of time such as `1m30s`, or a date, either as
/// HTTP writes it or in seconds or milliseconds since 1970. A date in the past is no time at all.
pub(super) fn stated(text: &str, unit: Duration) -> Option<Duration> {
    let text = text.trim().trim_matches('"');
    if let Ok(number) = text.parse::<f64>() {
        return stated_number(number, unit);
    }
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Some(date.duration_since(SystemTime::now()).unwrap_or_default());
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    length(&words)
}

/// Interprets a number of `unit`s, or a number of seconds or milliseconds since 1970.
pub(super) fn stated_number(number: f64, unit: Duration) -> Option<Duration> {
    let since_1970 = match number {
        _ if number < FIRST_DATE => return Duration::try_from_secs_f64(number * unit.as_secs_f64()).ok(),
        _ if number < FIRST_DATE * 1000.0 => number,
        _ => number / 1000.0,
    };
    let date = Duration::try_from_secs_f64(since_1970).ok()?;
    Some(date.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// Finds a length of time in a message such as `Please try again in 1.5s.` or `Retry your request after 3 seconds`.
pub(super) fn spoken(message: &str) -> Option<Duration> {
    let message = message.to_lowercase();
    let words: Vec<&str> = message.split(|c: char| c.is_whitespace() || "\"(){}[]=".contains(c)).collect();
    let is_cue = |word: &str| {
        matches!(
            word.trim_matches(|c: char| !c.is_alphabetic()),
            "retry" | "retrying" | "retried" | "again" | "wait" | "reset" | "resets" | "available"
        ) || word.trim_matches(|c: char| !c.is_alphabetic()).starts_with("retry-after")
    };
    for (place, _) in words.iter().enumerate().filter(|(_, word)| is_cue(word)) {
        for start in place + 1..words.len().min(place + 1 + WORDS_BETWEEN) {
            // The length of time is in the same sentence.
            if words[start - 1].ends_with(['.', '!', '?', ';']) {
                break;
            }
            if let Some(found) = length(&words[start..]) {
                return Some(found);
            }
        }
    }
    None
}

/// Parses a length of time at the beginning of words: `1.5s`, `6m0s`, `3 seconds`, `a minute`, `1 hour and 5 minutes`.
fn length(words: &[&str]) -> Option<Duration> {
    let mut seconds = None;
    let mut words = words.iter().map(|word| word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'']));
    while let Some(word) = words.next() {
        let more = match word {
            "and" if seconds.is_some() => continue,
            "a" | "an" | "one" => words.next().and_then(unit),
            _ => match word.parse::<f64>() {
                Ok(number) => words.next().and_then(unit).map(|unit| number * unit),
                Err(_) => compound(word),
            },
        };
        match more {
            Some(more) => seconds = Some(seconds.unwrap_or(0.0) + more),
            None => break,
        }
    }
    Duration::try_from_secs_f64(seconds?).ok()
}

/// Parses numbers with their units, without spaces, as seconds.
fn compound(mut word: &str) -> Option<f64> {
    let mut seconds = 0.0;
    while !word.is_empty() {
        let (number, rest) = word.split_at(word.find(|c: char| c != '.' && !c.is_ascii_digit())?);
        let (name, rest) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
        seconds += number.parse::<f64>().ok()? * unit(name)?;
        word = rest;
    }
    Some(seconds)
}

/// Returns a unit in seconds.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "us" | "µs" | "μs" => 1e-6,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read(text in r"(retry|again|wait|in|a|and|[0-9.]{1,9}|-?[0-9]e9|ms|m|s|h|[ .,]|\PC){0,20}") {
            let _ = (spoken(&text), stated(&text, SECOND));
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_value_is_a_number_a_length_or_a_date() {
        let millis = |millis| Some(Duration::from_millis(millis));
        for (text, expected) in [
            ("2", millis(2000)),
            (" 0.25 ", millis(250)),
            ("34s", millis(34_000)),
            ("1m30s", millis(90_000)),
            ("6ms", millis(6)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", millis(0)),
            ("1000000001", millis(0)),
            ("1000000001000", millis(0)),
            ("soon", None),
            ("", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
        ] {
            assert_eq!(stated(text, SECOND), expected, "{text:?}");
        }
        assert_eq!(stated("2500", Duration::from_millis(1)), millis(2500));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let soon = stated(&(now.as_millis() + 9000).to_string(), SECOND).unwrap();
        assert!((8..=9).contains(&soon.as_secs()), "{soon:?}");
    }

    #[test]
    fn a_message_may_contain_a_length() {
        for (message, seconds) in [
            ("Rate limit reached for m. Please try again in 1.5s. Visit us.", 1.5),
            ("Try again in 3 seconds.", 3.0),
            ("Please retry after 3 seconds", 3.0),
            ("Please retry your request after 20 sec.", 20.0),
            ("Please wait 3 seconds before the next request", 3.0),
            ("please wait for at least 2 minutes, then go on", 120.0),
            ("Quota exceeded. Please retry in 36.25s.", 36.25),
            ("try again in 6m0s", 360.0),
            ("Try again in 1 minute and 5 seconds.", 65.0),
            ("Your limit resets in 1h2m3s", 3723.0),
            ("try again in a minute", 60.0),
            ("Limit: 5 per 20s. RETRY AFTER 250 MS", 0.25),
            ("{\"retry in\": \"7s\"}", 7.0),
        ] {
            assert_eq!(spoken(message), Some(Duration::from_secs_f64(seconds)), "{message}");
        }
        for message in [
            "try again in a while",
            "try again in a few seconds",
            "try again in 1.2.3s",
            "try again in 5",
            "try again later. The limit is 3 per 20s",
            "wait",
            "the upstream waited 30 seconds",
            "busy",
            "",
        ] {
            assert_eq!(spoken(message), None, "{message}");
        }
    }
}
