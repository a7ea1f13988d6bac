//! Times for people.

use jiff::{Timestamp, tz::TimeZone};
use rollout_trace::schema::UnixMillis;

/// Writes a time in the time zone of the system, to the second. A time that no calendar reaches is unknown.
pub(crate) fn local_time(at: UnixMillis) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => "unknown".to_owned(),
    }
}
