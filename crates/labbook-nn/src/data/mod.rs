//! Examples on their way to the model, batch by batch.

mod batch;
mod batching;
mod cache;
pub(crate) mod checks;
mod concatenate;
mod dataset;
mod element;
mod filter;
mod generator_dataset;
pub(crate) mod guard;
mod map;
mod order;
mod pipeline;
mod prefetch;
mod repeat;
mod seeds;
mod shuffle;
mod skip;
pub(crate) mod spans;
pub(crate) mod stopping;
mod take;
pub(crate) mod tensor_batches;
mod tensor_dataset;
mod unbatch;
mod zip;

pub use batch::Batch;
pub use dataset::{Batches, Dataset};
pub use element::{IntoElement, IntoTensors};
pub use generator_dataset::GeneratorDataset;
pub use order::{Numbers, Order, RandomAccess};
pub use pipeline::Pipeline;
pub use tensor_dataset::TensorDataset;
