use std::path::PathBuf;

/// What can go wrong with a study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The study file is not what it has to be.
    #[error("{file}: {key}: expected {expected}, received {received}; {advice}")]
    File {
        /// The study file.
        file: PathBuf,
        /// Where in it, such as `search.max_trials`.
        key: String,
        /// What has to be there.
        expected: String,
        /// What is there.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check the path and who may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error(
        "cannot write {path}: {source}; choose a folder that you may write to, with room on its disk"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no case of this number.
    #[error("case: expected a number from 0 to {last}, received {received}")]
    UnknownCase {
        /// The last case's number.
        last: usize,
        /// The number asked for.
        received: usize,
    },
    /// A program asked a case for a setting that it does not have, or has in another form.
    #[error("setting {name}: expected {expected}, received {received}; {advice}")]
    Setting {
        /// The setting's name.
        name: String,
        /// What was asked for.
        expected: String,
        /// What the case has.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// A case's settings follow from those of earlier cases that have not ended.
    #[error(
        "case {case} is chosen by the results of the cases {first} to {last}, of which case {missing} \
         has none yet; run those first"
    )]
    Waits {
        /// The case asked for.
        case: usize,
        /// The first of the cases that it follows from.
        first: usize,
        /// The last of them.
        last: usize,
        /// The first of them without a record.
        missing: usize,
    },
    /// A record is of another case than its file should hold.
    #[error(
        "{path}: expected the record of {expected}, received one of {received}; the study file was changed \
         since then: change it back, or give it another name"
    )]
    Foreign {
        /// The record's file.
        path: PathBuf,
        /// The case that belongs there.
        expected: String,
        /// The case that is there.
        received: String,
    },
    /// What is on record is too little to tell anything from.
    #[error("expected {expected}, received {received}; run more of the study")]
    TooFew {
        /// What it takes.
        expected: String,
        /// What there is.
        received: String,
    },
    /// Another process runs the case.
    #[error("case {case} is being run by another process; wait for it")]
    Taken {
        /// The case's number.
        case: usize,
    },
    /// A record could not be made, written or read.
    #[error(transparent)]
    Record(Box<labbook_records::RecordError>),
    /// A model refused.
    #[error(transparent)]
    Model(Box<labbook_nn::Error>),
}

impl From<labbook_records::RecordError> for StudyError {
    fn from(error: labbook_records::RecordError) -> Self {
        Self::Record(Box::new(error))
    }
}

impl From<labbook_nn::Error> for StudyError {
    fn from(error: labbook_nn::Error) -> Self {
        Self::Model(Box::new(error))
    }
}

/// The result of this crate's fallible calls.
pub type Result<T, E = StudyError> = std::result::Result<T, E>;
