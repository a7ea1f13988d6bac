//! Times in session files.

use jiff::Timestamp;
use rollout_trace_schema::UnixMillis;

/// The years 2000 to 2199: no session was written before or after.
const PLAUSIBLE: std::ops::Range<UnixMillis> = 946_684_800_000..7_258_118_400_000;

/// Reads a time as session files have it. Returns `None` if it is not one, or absurd.
pub(crate) fn parse(text: &str) -> Option<UnixMillis> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond).filter(is_plausible)
}

/// Returns whether a session can have been written at that time.
pub(crate) fn is_plausible(time: &UnixMillis) -> bool {
    PLAUSIBLE.contains(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse("2026-11-29T01:04:24.434Z"), Some(1_795_914_264_434));
        assert_eq!(parse("2026-11-29T02:04:24.434+01:00"), Some(1_795_914_264_434));
        for absurd in ["", "yesterday", "1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(parse(absurd), None, "{absurd}");
        }
    }
}
