//! How far predictions are from the targets.

pub(crate) mod config;
pub(crate) mod loss;
pub(crate) mod loss_fn;
pub(crate) mod registry;
mod sparse_categorical_crossentropy;

pub use config::LossConfig;
pub use loss::{Loss, Output, Targets};
pub use loss_fn::LossFn;
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;
