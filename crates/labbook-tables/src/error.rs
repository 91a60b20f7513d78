/// Why a table could not be read or made a tensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A column is not as it should be.
    #[error("column {column}: expected {expected}. Received: {received}. To go on: {advice}")]
    Column {
        /// Its name.
        column: String,
        /// What it should be.
        expected: String,
        /// What it is.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// The recipe cannot be used like this.
    #[error("table preprocessor: expected {expected}. Received: {received}. To go on: {advice}")]
    Preprocessor {
        /// What it needs.
        expected: String,
        /// What it was given.
        received: String,
        /// What to do about it.
        advice: String,
    },
    /// The importance of columns cannot be told.
    #[error(
        "permutation importance: expected {expected}. Received: {received}. To go on: name columns of \
             rows that a model was not trained on, and give a score that is the larger the better"
    )]
    Importance {
        /// What it needs.
        expected: String,
        /// What it was given.
        received: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Data(#[from] labbook_data::DataError),
    /// polars refused.
    #[error(transparent)]
    Frame(#[from] polars::error::PolarsError),
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl TableError {
    pub(crate) fn column(
        column: &str,
        expected: impl ToString,
        received: impl ToString,
        advice: &str,
    ) -> Self {
        Self::Column {
            column: column.to_owned(),
            expected: expected.to_string(),
            received: received.to_string(),
            advice: advice.to_owned(),
        }
    }

    pub(crate) fn preprocessor(
        expected: impl ToString,
        received: impl ToString,
        advice: &str,
    ) -> Self {
        Self::Preprocessor {
            expected: expected.to_string(),
            received: received.to_string(),
            advice: advice.to_owned(),
        }
    }
}
