use std::path::PathBuf;

/// What can go wrong between the analysis and the notebook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotebookError {
    /// A folder or file for results cannot be written.
    #[error(
        "cannot write {path}: {source}; choose a folder that you may write to, with room on its disk"
    )]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No saved model of this name.
    #[error(
        "no saved model whose name begins with \"{prefix}\" in {folder}; run the cell whose \
         ModelCheckpoint saves it"
    )]
    NoCheckpoint {
        /// The run's folder.
        folder: PathBuf,
        /// How the name should begin.
        prefix: String,
    },
    /// A tensor of another shape or kind than a function takes.
    #[error("{what}: expected {expected}, received {received}")]
    Tensor {
        /// Which argument.
        what: &'static str,
        /// What it must be.
        expected: String,
        /// What it was.
        received: String,
    },
    /// Histories or evaluations lack the figure that a chart needs.
    #[error("there is no \"{missing}\" to show; there is: {found}")]
    NoColumn {
        /// The figure asked for.
        missing: String,
        /// The figures there are.
        found: String,
    },
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A model refused.
    #[error(transparent)]
    Model(#[from] labbook_nn::Error),
    /// A metric refused.
    #[error(transparent)]
    Analysis(#[from] labbook_analysis::AnalysisError),
    /// A figure could not be drawn.
    #[error(transparent)]
    Chart(#[from] labbook_charts::ChartError),
    /// The data could not be found or read.
    #[error(transparent)]
    Data(#[from] labbook_data::DataError),
    /// A record of a run could not be made, written or read.
    #[error(transparent)]
    Record(#[from] labbook_records::RecordError),
    /// A study could not be read.
    #[error(transparent)]
    Study(#[from] labbook_study::StudyError),
    /// polars refused.
    #[error(transparent)]
    Frame(#[from] polars::error::PolarsError),
}
