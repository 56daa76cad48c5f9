//! Why a command ended without doing its work, and the exit code that says so.

use std::io;
use std::process::ExitCode;

use stormglass_chaos::Outcome;

/// What went wrong: how the command was used, or something outside of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Options, settings or data that cannot be used as given; exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Anything else; exit code 1.
    #[error("{0}")]
    Failed(String),
    /// An experiment that did not pass; exit code 1 failed, 3 aborted, 4 interrupted.
    #[error("the experiment {}: {reason}", .outcome.words())]
    Experiment {
        /// How it ended.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
    /// Standard output or a file could not be written; a reader that went away is no error.
    #[error("{what} cannot be written: {source}")]
    Output {
        /// What was written.
        what: String,
        /// What happened.
        source: io::Error,
    },
}

impl CliError {
    /// Wrong use, said by a library.
    pub(crate) fn usage(error: impl ToString) -> Self {
        Self::Usage(error.to_string())
    }

    /// A failure, said by a library.
    pub(crate) fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    /// A file or stream that could not be written.
    pub(crate) fn output(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Output { what, source }
    }

    /// Whether whoever read the output has seen enough, as `head` has.
    pub(crate) fn reader_left(&self) -> bool {
        matches!(self, Self::Output { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 2 for wrong use, the outcome's own for an experiment, 1 for any other failure.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Experiment { outcome: Outcome::Aborted, .. } => ExitCode::from(3),
            Self::Experiment { outcome: Outcome::Interrupted, .. } => ExitCode::from(4),
            Self::Failed(_) | Self::Output { .. } | Self::Experiment { .. } => ExitCode::from(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_left_is_told_from_a_full_disk() {
        let error = |kind| CliError::output("standard output")(io::Error::from(kind));
        assert!(error(io::ErrorKind::BrokenPipe).reader_left());
        assert!(!error(io::ErrorKind::StorageFull).reader_left());
        assert!(!CliError::usage("x").reader_left());
    }
}
