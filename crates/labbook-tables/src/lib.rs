//! Tables: from files to polars frames, and from frames to tensors.
//!
//! [`read_csv`] reads a file; a [`TablePreprocessor`] learns from training rows how columns become
//! numbers, and makes tensors of these and of later rows; [`permutation_importance`] tells what a model
//! owes to each column.

mod column;
pub mod datasets;
mod date_parts;
mod error;
mod fitted;
mod guess;
mod permutation_importance;
mod preprocessor;
mod random;
mod read_csv;
mod statistics;

pub use error::TableError;
pub use permutation_importance::{PermutationImportance, permutation_importance};
pub use preprocessor::{Fill, TablePreprocessor};
pub use read_csv::{ReadCsv, read_csv};
