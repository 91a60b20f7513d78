use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use labbook_paper::PaperError;

/// A sentence for the person at the terminal, and the exit code that goes with it.
#[derive(Debug)]
pub(crate) struct Failure {
    sentence: String,
    code: u8,
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Something failed.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// Stopped by a signal, as shells count Ctrl-C.
const STOPPED: u8 = 130;

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self {
            sentence,
            code: FAILED,
        }
    }

    pub(crate) fn usage(error: impl fmt::Display) -> Self {
        Self {
            sentence: format!("{error}; `labbook --help` shows how"),
            code: USAGE,
        }
    }

    pub(crate) fn stopped(sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self {
            sentence,
            code: STOPPED,
        }
    }

    /// A signal ended it, which shells tell in this way.
    pub(crate) fn signalled(signal: i32, sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            code: u8::try_from(128 + signal).unwrap_or(STOPPED),
        }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<PaperError> for Failure {
    fn from(error: PaperError) -> Self {
        match error {
            PaperError::Interrupted { .. } => {
                Self::stopped(format!("{error}; give the same command again to go on"))
            }
            PaperError::UnknownExperiment(_) | PaperError::UnknownSpeedRun(_) => Self::usage(error),
            other => Self::new(other.to_string()),
        }
    }
}

impl From<labbook_study::StudyError> for Failure {
    fn from(error: labbook_study::StudyError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<labbook_records::RecordError> for Failure {
    fn from(error: labbook_records::RecordError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<labbook_data::DataError> for Failure {
    fn from(error: labbook_data::DataError) -> Self {
        Self::new(error.to_string())
    }
}

/// Adds the file to an input or output error.
pub(crate) fn at(doing: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot {doing} {}: {error}", path.display()))
}

/// A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn printed(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}
