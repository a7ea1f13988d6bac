//! The maximum length of a file that this process may write.

use std::{fs, io};

/// The length beyond which this process cannot write to a file.
///
/// The recorder never attempts a write beyond it, because that kills the process unless the agent ignores the signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileLimit(u64);

impl FileLimit {
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// Reads the limit from the system. Returns no limit if it cannot be read.
    pub(crate) fn of_this_process() -> Self {
        if !cfg!(target_os = "linux") {
            return Self::NONE;
        }
        fs::read_to_string("/proc/self/limits").ok().and_then(|limits| Self::in_table(&limits)).unwrap_or(Self::NONE)
    }

    /// Returns the soft limit in the system's table, which is the one in force.
    fn in_table(limits: &str) -> Option<Self> {
        let line = limits.lines().find_map(|line| line.strip_prefix("Max file size"))?;
        line.split_whitespace().next()?.parse().ok().map(Self)
    }

    /// Fails if a file of this length would exceed the limit.
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
        FileLimit::in_table(&table).map(|limit| limit.0)
    }

    #[test]
    fn the_limit_in_force_is_read() {
        assert_eq!(limit("32768"), Some(32768));
        assert_eq!(limit("unlimited"), None);
        assert!(FileLimit::in_table("").is_none());
    }

    #[test]
    fn a_file_may_be_as_long_as_the_limit() {
        assert!(FileLimit(10).allows(10).is_ok());
        assert_eq!(FileLimit(10).allows(11).map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
        assert!(FileLimit::NONE.allows(u64::MAX).is_ok());
    }
}
