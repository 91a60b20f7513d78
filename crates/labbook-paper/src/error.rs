use labbook_data::DataError;
use labbook_notebook::NotebookError;
use labbook_records::RecordError;

/// What can go wrong between an experiment and the record of its run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PaperError {
    /// The scale is none of the three.
    #[error(
        "expected a scale of smoke, laptop or full, received \"{0}\"; set LABBOOK_SCALE to one of the three"
    )]
    UnknownScale(String),
    /// The paper has no such experiment.
    #[error("expected an experiment from 1 to 16, received {0}")]
    UnknownExperiment(u32),
    /// There is no such experiment beyond the paper's.
    #[error("expected experiment 18, 19 or 20, received {0}")]
    UnknownSpeedRun(u32),
    /// A run was stopped from outside before its end.
    #[error("experiment {experiment} was stopped after {epochs} of {asked} epochs")]
    Interrupted {
        /// The experiment's number.
        experiment: u32,
        /// Epochs finished.
        epochs: usize,
        /// Epochs asked for.
        asked: usize,
    },
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
    /// A run cannot be recorded without knowing its data.
    #[error("a record says which data it is of; run `session.load_data()?` first")]
    NoData,
    /// A record could not be made, written or read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A model could not be built, trained or asked.
    #[error(transparent)]
    Network(#[from] labbook_nn::Error),
    /// The data could not be found or read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The session failed, or a value could not be shown.
    #[error(transparent)]
    Notebook(#[from] NotebookError),
}

/// The result of this crate's fallible calls.
pub type Result<T, E = PaperError> = std::result::Result<T, E>;
