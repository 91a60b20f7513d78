use std::path::PathBuf;

/// What can go wrong between a training and its record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A model or the data do not agree with the facts of a run.
    #[error("{what}: expected {expected}, received {received}; {advice}")]
    Facts {
        /// What they disagree on.
        what: &'static str,
        /// What the facts ask for.
        expected: String,
        /// What there is instead.
        received: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// A record that could not be read again.
    #[error(
        "expected figures that a record can hold, received {flaw}; give a metric in other units \
         another name, and times in seconds"
    )]
    Flaw {
        /// What is wrong with it.
        flaw: String,
    },
    /// A record or its folder cannot be written.
    #[error(
        "cannot write {path}: {source}; choose a folder that you may write to, with room on its disk, \
         with LABBOOK_RUNS"
    )]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The folder of records cannot be read.
    #[error("cannot read {path}: {source}; choose another folder with LABBOOK_RUNS")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file holds no record.
    #[error("{path}: {reason}; move the file away, or run again what it should hold")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
    /// A record cannot be put into JSON.
    #[error("cannot write a record as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A model could not tell its layers.
    #[error(transparent)]
    Model(#[from] labbook_nn::Error),
}

/// The result of this crate's fallible calls.
pub type Result<T, E = RecordError> = std::result::Result<T, E>;
