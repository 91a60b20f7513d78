use std::fmt;
use std::sync::Arc;

use super::dataset::{Batches, Dataset};
use super::order::Order;
use crate::Result;

/// A source of data and the stages behind it, as one value.
///
/// What all stages of a [`Dataset`] give, so that a variable keeps its type whatever is added.
/// A clone shares source, stages and caches.
///
/// ```
/// use labbook_nn::{Dataset, TensorDataset};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::rand([100, 28, 28], (Kind::Float, Device::Cpu));
/// let y = Tensor::zeros([100], (Kind::Int64, Device::Cpu));
/// let training = true;
///
/// let mut data = TensorDataset::new(&x, &y)?.cache();
/// if training {
///     data = data.shuffle(100);
/// }
/// data = data.batch(32).prefetch(2);
///
/// assert_eq!(data.len(), Some(4));
/// assert_eq!(
///     data.to_string(),
///     "TensorDataset of 100 examples, cache, shuffle(100), batch(32), prefetch(2)"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pipeline(Arc<dyn Dataset>);

impl Pipeline {
    /// A data set as a pipeline without stages.
    #[must_use]
    pub fn new(dataset: impl Dataset + 'static) -> Self {
        Self(Arc::new(dataset))
    }
}

impl Dataset for Pipeline {
    fn len(&self) -> Option<u64> {
        self.0.len()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        Ok(Box::new(UntilError(Some(self.0.epoch(seed)?))))
    }

    fn is_batched(&self) -> bool {
        self.0.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.0.is_infinite()
    }

    fn order(&self, seed: u64) -> Result<Option<Order>> {
        self.0.order(seed)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn pipeline(self) -> Pipeline {
        self
    }
}

impl From<Arc<dyn Dataset>> for Pipeline {
    fn from(dataset: Arc<dyn Dataset>) -> Self {
        Self(dataset)
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipeline({self})")
    }
}

/// An epoch that ends with its first error, and lets go of everything then.
struct UntilError(Option<Batches>);

impl Iterator for UntilError {
    type Item = Result<super::Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.as_mut()?.next();
        if !matches!(item, Some(Ok(_))) {
            self.0 = None;
        }
        item
    }
}
