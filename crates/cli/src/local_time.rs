//! Times for people.

use std::{str::FromStr, sync::OnceLock};

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};
use rollout_trace::schema::UnixMillis;

/// Writes a time in the time zone of the system, to the second.
pub(crate) fn local_time(at: UnixMillis) -> String {
    formatted(at, "%Y-%m-%d %H:%M:%S")
}

/// Writes a time in the time zone of the system, to the minute.
pub(crate) fn local_minute(at: UnixMillis) -> String {
    formatted(at, "%Y-%m-%d %H:%M")
}

/// A time that no calendar reaches is unknown.
fn formatted(at: UnixMillis, format: &str) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(time) => time.to_zoned(zone()).strftime(format).to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

/// Returns the time zone of the system, which is read once.
fn zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(TimeZone::system).clone()
}

/// A time that a person gives: a date, a date and a time of day, both in the time zone of the system, an instant with an
/// offset, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenTime(pub(crate) UnixMillis);

impl FromStr for GivenTime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Self(instant.as_millisecond()));
        }
        if let Ok(local) = text.parse::<DateTime>() {
            let zoned = local.to_zoned(zone()).map_err(|_| "no calendar reaches this time")?;
            return Ok(Self(zoned.timestamp().as_millisecond()));
        }
        let ago = text.parse::<Span>().map_err(|_| "give a date, such as 2026-01-31 or 2026-01-31T09:00, or 3d ago")?;
        let now = Timestamp::now().to_zoned(zone());
        let then = now.checked_sub(ago.abs()).map_err(|_| "no calendar reaches this time")?;
        Ok(Self(then.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_people_give() {
        let instant = |text: &str| text.parse::<GivenTime>().map(|time| time.0);
        assert_eq!(instant("2026-01-01T09:00:00Z"), Ok(1_767_258_000_000));
        assert_eq!(instant("2026-01-01T10:00:00+01:00"), Ok(1_767_258_000_000));
        let day = instant("2026-01-02").unwrap() - instant("2026-01-01").unwrap();
        assert_eq!(day, 86_400_000);
        assert_eq!(instant("2026-01-01"), instant("2026-01-01T00:00"));
        let hours = instant("1h").unwrap() - instant("3h ago").unwrap();
        assert!((7_100_000..7_300_000).contains(&hours), "{hours}");
        assert!(instant("yesterday").is_err());
    }
}
