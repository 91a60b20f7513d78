//! `fit`, `evaluate`, `predict`: options, the loop, its figures and who tells them.

pub(crate) mod counted;
mod cross_validation;
pub(crate) mod evaluate;
pub(crate) mod examples;
pub(crate) mod fit;
pub(crate) mod history;
mod labelled;
mod learning_rate_finder;
mod logs;
pub(crate) mod predict;
pub(crate) mod progress;
pub(crate) mod reporter;
pub(crate) mod tally;
mod train;
pub(crate) mod train_step;
pub(crate) mod trainable;
mod training_memory;

pub use cross_validation::{CrossValidation, cross_val_score};
pub use evaluate::{Evaluate, Evaluation};
pub use fit::Fit;
pub use history::{FitParams, History};
pub use learning_rate_finder::{LearningRateCurve, LearningRateFinder};
pub use logs::Logs;
pub use predict::Predict;
pub use progress::{Progress, Verbosity};
pub use reporter::{ConsoleReporter, Reporter, set_default_reporter};
pub use train_step::TrainStep;
pub use training_memory::TrainingMemory;
