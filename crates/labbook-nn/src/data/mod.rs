//! Examples on their way to the model, batch by batch.
//!
//! A [`Dataset`] is a source or a stage behind one. Sources give single examples
//! ([`TensorDataset`], [`GeneratorDataset`]); stages shuffle, change, batch and fetch them ahead.
//!
//! # How seeds flow
//!
//! `epoch(seed)` asks the last stage, which asks the one before it, down to the source:
//!
//! | stage | draws from the seed | hands on |
//! |---|---|---|
//! | `shuffle` | its order | another seed that follows from it, so that two shuffles differ |
//! | `map_seeded` | one seed for each element | the seed |
//! | `repeat` | nothing | the seed for the first pass, others that follow from it for the rest |
//! | `zip`, `concatenate` | nothing | the seed to the first, one that follows from it to the second |
//! | `cache` | nothing | always the same seed, whichever epoch is the first |
//! | all others | nothing | the seed |
//!
//! Nothing else is random, so a seed names one order of one set of batches.
//!
//! # What is cheap
//!
//! From tensors, `shuffle`, `take`, `skip`, `repeat` and `cache` move numbers of rows, and
//! `batch` copies the rows of a whole batch at once. `map`, `filter` and `zip` before `batch` take
//! single examples, which `batch` then stacks: put them behind `batch` where the function allows
//! it. All stages take time in proportion to the elements that pass, and only `shuffle` (its
//! buffer), `cache` (all) and `prefetch` (its buffer) hold more than one element, or one batch.

mod batch;
mod batching;
mod cache;
mod concatenate;
mod dataset;
mod element;
mod filter;
mod generator_dataset;
mod guard;
mod map;
mod order;
mod pipeline;
mod prefetch;
mod repeat;
mod seeds;
mod shuffle;
mod skip;
mod stopping;
mod take;
mod tensor_dataset;
pub(crate) mod tensors;
mod unbatch;
mod zip;

pub use batch::Batch;
pub use dataset::{Batches, Dataset};
pub use element::{IntoElement, IntoTensors};
pub use generator_dataset::GeneratorDataset;
pub use order::{Numbers, Order, RandomAccess};
pub use pipeline::Pipeline;
pub use tensor_dataset::TensorDataset;
