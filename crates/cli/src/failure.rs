//! What stops a command.

use std::{
    error::Error,
    fmt::Display,
    io::{self, ErrorKind},
    path::Path,
};

use rollout_trace::{OpenError, bundle::ConvertError};

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads stdout any more.
    ClosedPipe,
    /// Stdout takes no more for another reason.
    Stdout(String),
    /// A bundle or file failed, as a person must know it: what happened, where, and what to do.
    Told(String),
}

impl Failure {
    pub(crate) fn new(what: impl Display, hint: impl Display) -> Self {
        Self::Told(format!("error: {what}\n  {hint}"))
    }

    /// A file or folder that could not be read or written.
    pub(crate) fn io(what: &str, path: &Path, error: &io::Error, hint: impl Display) -> Self {
        Self::new(format!("{what} {}: {error}", path.display()), hint)
    }

    /// Refuses `-`, which elsewhere is stdout, as the place of a bundle.
    pub(crate) fn if_stdout(target: &Path) -> Result<(), Self> {
        if target == Path::new("-") {
            return Err(Self::new(
                "a bundle is a folder, and not written to stdout",
                "use -o DIR; ./- is a folder of that name",
            ));
        }
        Ok(())
    }

    /// A failure to write to stdout.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Stdout(format!("error: cannot write to stdout: {error}\n  check where stdout goes")),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        Self::new(format!("{error}{cause}"), error.hint())
    }
}

impl From<ConvertError> for Failure {
    fn from(error: ConvertError) -> Self {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        Self::new(format!("{error}{cause}"), error.hint())
    }
}

/// How a command ended that was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Nothing to complain about.
    Fine,
    /// A bundle is damaged.
    Damaged,
    /// Some bundle could not be read at all, and its failure was told.
    Unreadable,
}

impl Verdict {
    pub(crate) fn exit_code(self) -> std::process::ExitCode {
        match self {
            Self::Fine => 0,
            Self::Damaged => 1,
            Self::Unreadable => 2,
        }
        .into()
    }
}
