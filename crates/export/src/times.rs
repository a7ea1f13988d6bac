//! Times as text.

use jiff::Timestamp;

/// Returns a time in microseconds as a text with milliseconds, in UTC.
pub(crate) fn iso(us: i64) -> String {
    // What is below a millisecond was not measured.
    let time = Timestamp::from_millisecond(us / 1000).unwrap_or_default();
    format!("{time:.3}")
}

/// Returns a time in microseconds as a text with all of them, in UTC.
pub(crate) fn iso_micros(us: i64) -> String {
    format!("{:.6}", Timestamp::from_microsecond(us).unwrap_or_default())
}

/// Returns a time in milliseconds as it is written in names of files, in UTC.
pub(crate) fn file_time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.0}").replace(':', "-").replace('Z', "+00-00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(iso(1_767_258_000_040_999), "2026-01-01T09:00:00.040Z");
        assert_eq!(iso_micros(1_767_258_000_040_999), "2026-01-01T09:00:00.040999Z");
        assert_eq!(file_time(1_767_258_000_940), "2026-01-01T09-00-00+00-00");
        assert_eq!(file_time(i64::MAX), "1970-01-01T00-00-00+00-00");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(9_223_372_036_000_000), "2262-04-11T23:47:16.000Z");
    }
}
