//! Metrics over predictions: confusion matrices, accuracy, precision.
//!
//! Conventions are scikit-learn's: true labels come first, predictions second; a confusion
//! matrix has one row per true class and one column per predicted class; a ratio whose
//! denominator is zero counts as 0.
//!
//! ```
//! use labbook_analysis::{Average, ConfusionMatrix, accuracy_score};
//!
//! let truth = [0_i64, 0, 1, 2, 2];
//! let predicted = [0_i64, 1, 1, 2, 0];
//! let matrix = ConfusionMatrix::new(&truth, &predicted, 3)?;
//! assert_eq!(matrix.counts()[[0, 1]], 1);
//! assert_eq!(matrix.accuracy(), 0.6);
//! assert_eq!(matrix.precision(Average::Micro), 0.6);
//! assert_eq!(accuracy_score(&truth, &predicted)?, 0.6);
//! # Ok::<(), labbook_analysis::AnalysisError>(())
//! ```

mod average;
mod class_label;
mod confusion_matrix;
mod error;
mod scores;

pub use average::Average;
pub use class_label::ClassLabel;
pub use confusion_matrix::{ConfusionMatrix, Normalize};
pub use error::AnalysisError;
pub use scores::{accuracy_score, precision_score};
