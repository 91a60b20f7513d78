use std::path::PathBuf;

/// What can go wrong between an experiment and the record of its run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
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
    /// A record cannot be put into JSON.
    #[error("cannot write a record as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A model could not be built, trained or asked.
    #[error(transparent)]
    Network(#[from] labbook_nn::Error),
}

/// The result of this crate's fallible calls.
pub type Result<T, E = ExperimentError> = std::result::Result<T, E>;
