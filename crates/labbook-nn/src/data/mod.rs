//! Examples on their way to the model, batch by batch.

pub(crate) mod checks;
mod dataset;
pub(crate) mod spans;
pub(crate) mod tensor_batches;

pub use dataset::{Batch, Batches, Dataset};
