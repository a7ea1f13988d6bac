//! Errors that stop a command, and the outcomes of commands that are not stopped.

use std::{
    error::Error,
    fmt::Display,
    io::{self, ErrorKind},
    path::Path,
};

use rollout_trace::{OpenError, answers::PatternError, bundle::ConvertError};

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The reader of stdout has closed the pipe.
    ClosedPipe,
    /// Writing to stdout failed for another reason, which the lines say.
    Stdout(Vec<String>),
    /// A bundle or file failed. The lines say what happened, where, and what to do.
    Message(Vec<String>),
}

impl Failure {
    pub(crate) fn new(what: impl Display, hint: impl Display) -> Self {
        Self::Message(vec![format!("error: {what}"), format!("  {hint}")])
    }

    /// Creates a failure from an I/O error of a file or folder.
    pub(crate) fn io(what: &str, path: &Path, error: &io::Error, hint: impl Display) -> Self {
        Self::new(format!("{what} {}: {error}", path.display()), hint)
    }

    /// Refuses `-` as the path of a bundle, since other options use it for stdout.
    pub(crate) fn if_stdout(target: &Path) -> Result<(), Self> {
        if target == Path::new("-") {
            return Err(Self::new(
                "a bundle is a folder and cannot be written to stdout",
                "use -o DIR; ./- names a folder `-`",
            ));
        }
        Ok(())
    }

    /// Creates a failure from an error of writing to stdout.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Stdout(vec![
                format!("error: cannot write to stdout: {error}"),
                "  check the target of stdout".to_owned(),
            ]),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        if matches!(error, OpenError::NewerSchema { .. }) {
            // One line, because many bundles of a folder may have the new version.
            return Self::Message(vec![format!("error: {error}: {}", error.hint())]);
        }
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

impl From<PatternError> for Failure {
    fn from(error: PatternError) -> Self {
        Self::new(error, PatternError::HINT)
    }
}

/// The outcome of a command that was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// No damage was found.
    Clean,
    /// A bundle is damaged.
    Damaged,
    /// A bundle could not be read at all, and its failure was reported.
    Unreadable,
    /// A command that was run exited with this status.
    Exited(u8),
}

impl Verdict {
    pub(crate) fn exit_code(self) -> std::process::ExitCode {
        match self {
            Self::Clean => 0,
            Self::Damaged => 1,
            Self::Unreadable => 2,
            Self::Exited(status) => status,
        }
        .into()
    }
}
