//! How large the system lets this process make a file.

use std::{fs, io};

/// The length beyond which this process cannot write to a file.
///
/// A write beyond it would not only fail: unless the agent ignores the signal, it kills. So none is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileLimit(u64);

impl FileLimit {
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// Asks the system; where it does not tell, there is no limit.
    pub(crate) fn of_this_process() -> Self {
        if !cfg!(target_os = "linux") {
            return Self::NONE;
        }
        fs::read_to_string("/proc/self/limits").ok().and_then(|limits| Self::told_in(&limits)).unwrap_or(Self::NONE)
    }

    /// The limit in force of the two in the table's line.
    fn told_in(limits: &str) -> Option<Self> {
        let line = limits.lines().find_map(|line| line.strip_prefix("Max file size"))?;
        line.split_whitespace().next()?.parse().ok().map(Self)
    }

    /// Refuses what would make a file longer than the limit.
    pub(crate) fn allows(self, length: u64) -> io::Result<()> {
        if length > self.0 { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(soft: &str) -> Option<u64> {
        let table = format!(
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max cpu time              unlimited            unlimited            seconds   \n\
             Max file size             {soft:20} unlimited            bytes     \n"
        );
        FileLimit::told_in(&table).map(|limit| limit.0)
    }

    #[test]
    fn the_limit_in_force_is_read() {
        assert_eq!(limit("32768"), Some(32768));
        assert_eq!(limit("unlimited"), None);
        assert!(FileLimit::told_in("").is_none());
    }

    #[test]
    fn a_file_may_be_as_long_as_the_limit() {
        assert!(FileLimit(10).allows(10).is_ok());
        assert_eq!(FileLimit(10).allows(11).map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
        assert!(FileLimit::NONE.allows(u64::MAX).is_ok());
    }
}
