use tch::Tensor;

use crate::Result;

/// Examples that go through a model together.
#[derive(Debug)]
pub struct Batch {
    /// One tensor for each input of the model, of shape (N, ..).
    pub inputs: Vec<Tensor>,
    /// One tensor for each output of the model, of shape (N, ..); empty for `predict`.
    pub targets: Vec<Tensor>,
    /// The weight of each example in loss and weighted metrics, of shape (N,).
    pub sample_weight: Option<Tensor>,
}

/// The batches of one epoch, one after another.
pub type Batches = Box<dyn Iterator<Item = Result<Batch>> + Send>;

/// Something that gives batches, epoch after epoch.
pub trait Dataset: Send + Sync {
    /// How many batches an epoch has, if that is known before it ends.
    fn len(&self) -> Option<u64>;

    /// The batches of one epoch.
    ///
    /// All that is random in them follows from `seed`, so that a training that was cut short
    /// sees the very batches again.
    ///
    /// # Errors
    /// When the data cannot be read.
    fn epoch(&self, seed: u64) -> Result<Batches>;
}
