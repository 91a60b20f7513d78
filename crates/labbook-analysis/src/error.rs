/// What can go wrong when a metric is computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// True labels and predictions are not paired one to one.
    #[error(
        "expected one prediction per true label. Received: {true_labels} true labels and \
         {predicted} predictions; pass the labels of exactly the samples that were predicted"
    )]
    LengthMismatch {
        /// Number of true labels.
        true_labels: usize,
        /// Number of predictions.
        predicted: usize,
    },
    /// There is nothing to measure.
    #[error("expected at least one sample. Received: no labels; check the split or the filter")]
    NoSamples,
    /// A label does not number one of the classes.
    #[error(
        "expected labels from 0 to {last} ({n_classes} classes). Received: {label} at position \
         {position} of the {role}; pass the right number of classes or renumber the labels",
        last = n_classes.saturating_sub(1)
    )]
    LabelOutOfRange {
        /// "true labels" or "predictions".
        role: &'static str,
        /// Where the label stands, counted from 0.
        position: usize,
        /// The label received.
        label: i128,
        /// How many classes there are.
        n_classes: usize,
    },
    /// Class names and classes do not pair up.
    #[error("expected {expected} class names, one per class. Received: {received}")]
    ClassNames {
        /// Number of classes.
        expected: usize,
        /// Number of names received.
        received: usize,
    },
    /// Counts that are not square cannot be a confusion matrix.
    #[error(
        "expected a square matrix of counts (true classes x predicted classes). \
         Received: {rows} x {columns}"
    )]
    NotSquare {
        /// Rows received.
        rows: usize,
        /// Columns received.
        columns: usize,
    },
    /// Scores or losses do not pair up with the labels.
    #[error(
        "expected {what} for each of {labels} samples. Received: {received}; pass the values of \
         exactly the samples that the labels belong to"
    )]
    RowMismatch {
        /// "a row of scores" or the like.
        what: &'static str,
        /// Number of labels.
        labels: usize,
        /// Number of rows received.
        received: usize,
    },
    /// A number that must be finite is not.
    #[error(
        "expected finite numbers only. Received: {value} in row {row}, column {column}; look for \
         a diverged model or a division by zero"
    )]
    NotFinite {
        /// The offending value, as text ("NaN", "inf", "-inf").
        value: String,
        /// Its row, counted from 0.
        row: usize,
        /// Its column, counted from 0.
        column: usize,
    },
    /// A probability lies outside 0 to 1.
    #[error(
        "expected probabilities from 0 to 1. Received: {value} in row {row}, column {column}; \
         apply a softmax to logits first"
    )]
    NotAProbability {
        /// The offending value, as text.
        value: String,
        /// Its row, counted from 0.
        row: usize,
        /// Its column, counted from 0.
        column: usize,
    },
    /// An option has a value that cannot work.
    #[error("expected {option} {expected}. Received: {received}")]
    InvalidOption {
        /// Name of the option or argument.
        option: &'static str,
        /// What it must be.
        expected: String,
        /// What it was.
        received: String,
    },
    /// Samples must form a table: one row per sample, one column per feature.
    #[error(
        "expected samples of shape (n_samples, n_features). Received: shape {shape:?}; flatten \
         each sample to one row first"
    )]
    NotATable {
        /// The shape received.
        shape: Vec<i64>,
    },
    /// Complex samples have no order and no single distance.
    #[error(
        "expected samples of real numbers. Received: a tensor of kind {kind}; take their real parts \
         or absolute values first"
    )]
    NotReal {
        /// The kind received.
        kind: String,
    },
    /// The result is beyond the numbers that there are.
    #[error(
        "expected samples whose {what} a double holds (about 1.8e308). Received: numbers up to \
         {largest}; divide the samples by a constant first"
    )]
    TooLarge {
        /// What cannot be held.
        what: &'static str,
        /// The largest number received, by absolute value, as text.
        largest: String,
    },
    /// There are too few samples for what was asked.
    #[error("expected at least {expected} samples for {purpose}. Received: {received}")]
    TooFewSamples {
        /// How many are needed.
        expected: usize,
        /// For what.
        purpose: &'static str,
        /// How many there are.
        received: usize,
    },
    /// Samples have another number of features than those that a transformation was fitted to.
    #[error(
        "expected samples with {expected} features, as in the fit. Received: {received} features"
    )]
    FeatureMismatch {
        /// Features of the samples that were fitted.
        expected: usize,
        /// Features received.
        received: usize,
    },
    /// The samples leave nothing to compute.
    #[error(
        "expected samples for which {what} is defined. Received: samples for which it is not, as \
         {because}"
    )]
    Undefined {
        /// What was asked for.
        what: &'static str,
        /// Why it is no number.
        because: &'static str,
    },
    /// Points of a map flew apart beyond the range of numbers.
    #[error(
        "expected the map to stay finite. Received: an overflow before iteration {iteration}; use \
         a lower learning rate"
    )]
    Diverged {
        /// Iterations done when it was noticed.
        iteration: usize,
    },
    /// The crate that fits a model refused.
    #[error("the model could not be fitted or asked: {message}")]
    Estimator {
        /// Its own words.
        message: String,
    },
    /// The tensor library refused an operation, for instance for lack of memory.
    #[error("the tensor library failed: {message}")]
    Tensor {
        /// Its own words.
        message: String,
    },
}

impl From<tch::TchError> for AnalysisError {
    fn from(error: tch::TchError) -> Self {
        Self::Tensor {
            message: error.to_string(),
        }
    }
}

impl AnalysisError {
    /// A map of precomputed distances is asked to place new samples.
    pub(crate) fn no_samples_to_compare() -> Self {
        Self::InvalidOption {
            option: "metric",
            expected: "Euclidean, Cosine or Correlation, so that new samples can be compared with \
                       those of the map"
                .to_owned(),
            received: "Precomputed".to_owned(),
        }
    }
}
