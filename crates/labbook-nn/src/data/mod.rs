//! Examples on their way to the model, batch by batch.

pub(crate) mod batches;
mod dataset;

pub use dataset::{Batch, Batches, Dataset};
