use std::sync::Arc;

use tch::Tensor;

use super::batch::Batch;
use super::batching::Batching;
use super::cache::Cache;
use super::concatenate::Concatenate;
use super::element::{IntoElement, IntoTensors};
use super::filter::Filter;
use super::map::Map;
use super::order::Order;
use super::pipeline::Pipeline;
use super::prefetch::Prefetch;
use super::repeat::Repeat;
use super::shuffle::Shuffle;
use super::skip::Skip;
use super::take::Take;
use super::unbatch::Unbatch;
use super::zip::Zip;
use crate::{Error, Result};

/// The batches of one epoch, or its single examples, one after another.
///
/// An epoch ends with its first error.
///
/// ```
/// use labbook_nn::{Dataset, TensorDataset};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut batches = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?.batch(2).epoch(0)?;
/// assert_eq!(batches.next().expect("a batch")?.inputs[0].size(), [2]);
/// # Ok(())
/// # }
/// ```
pub type Batches = Box<dyn Iterator<Item = Result<Batch>> + Send>;

/// Something that gives batches, epoch after epoch, as `tf.data.Dataset` does.
///
/// A *source* gives single examples or batches; a *stage* takes another data set's elements
/// and gives them shuffled, changed or gathered. Every method that adds a stage gives a
/// [`Pipeline`]. Options out of range are told by [`epoch`](Self::epoch). A stage takes the data
/// set that it stands behind; where that is needed once more, as for two parts of it, `clone()`
/// gives the same data without a copy.
///
/// ```
/// use labbook_nn::{Dataset, TensorDataset};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::arange(20, (Kind::Float, Device::Cpu)).reshape([10, 2]);
/// let y = Tensor::arange(10, (Kind::Int64, Device::Cpu));
///
/// let train = TensorDataset::new(&x, &y)?
///     .shuffle(10)
///     .batch(4)
///     .map(|x, y| (x / 20.0, y))
///     .prefetch(2);
///
/// let mut sizes = Vec::new();
/// for batch in train.epoch(0)? {
///     sizes.push(batch?.targets[0].size()[0]);
/// }
/// assert_eq!(sizes, [4, 4, 2]);
/// # Ok(())
/// # }
/// ```
///
/// A source of one's own says how many elements it has and gives them:
///
/// ```
/// use labbook_nn::{Batches, Dataset, IntoElement, Result};
///
/// struct Countdown(i64);
///
/// impl Dataset for Countdown {
///     fn len(&self) -> Option<u64> {
///         u64::try_from(self.0).ok()
///     }
///
///     fn is_batched(&self) -> bool {
///         false
///     }
///
///     fn epoch(&self, _seed: u64) -> Result<Batches> {
///         let numbers = (0..self.0).rev();
///         Ok(Box::new(numbers.map(|n| ([n as f32], n).into_element())))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let batches = Countdown(10).batch(5);
/// assert_eq!(batches.len(), Some(2));
/// assert_eq!(batches.first()?.inputs[0].size(), [5, 1]);
/// # Ok(())
/// # }
/// ```
///
/// # How seeds flow
///
/// `epoch(seed)` asks the last stage, which asks the one before it, down to the source:
///
/// | stage | draws from the seed | hands on |
/// |---|---|---|
/// | [`shuffle`](Self::shuffle) | its order | a seed that follows from it, so that two shuffles differ |
/// | [`map_seeded`](Self::map_seeded) | a seed for each element | the seed |
/// | [`repeat`](Self::repeat) | nothing | the seed to the first pass, seeds that follow from it to the others |
/// | [`zip`](Self::zip), [`concatenate`](Self::concatenate) | nothing | the seed to the first, one that follows from it to the second |
/// | [`cache`](Self::cache) | nothing | always the same seed, whichever epoch is the first |
/// | all others | nothing | the seed |
///
/// Nothing else is random, so a seed names one order of one set of batches.
///
/// # What is cheap
///
/// From tensors, `shuffle`, `take`, `skip`, `repeat` and `cache` move numbers of rows, and
/// `batch` copies the rows of a whole batch at once. `map`, `filter`, `zip` and `concatenate`
/// before `batch` take single examples, which `batch` then stacks: put them behind `batch` where
/// the function allows it. All stages take time in proportion to the elements that pass, and only
/// `shuffle` (its buffer), `cache` (all) and `prefetch` (its buffer) hold more than one element or
/// the examples of one batch.
#[expect(
    clippy::len_without_is_empty,
    reason = "whether a data set is empty shows when it is read"
)]
pub trait Dataset: Send + Sync {
    /// How many batches, or single examples, an epoch has, if that is known before it ends.
    fn len(&self) -> Option<u64>;

    /// The batches, or single examples, of one epoch.
    ///
    /// All that is random in them follows from `seed`, so that a training that was cut short
    /// sees the very batches again. Several epochs may be read at the same time.
    ///
    /// # Errors
    /// When the data cannot be read, or a stage has an option out of range.
    fn epoch(&self, seed: u64) -> Result<Batches>;

    /// Whether the elements are batches; `false` for single examples, which have no axis N and
    /// need [`batch`](Self::batch) before a model can take them.
    fn is_batched(&self) -> bool {
        true
    }

    /// Whether an epoch never ends, so that a training must say how many steps it takes.
    fn is_infinite(&self) -> bool {
        false
    }

    /// The same epoch as numbers of examples, from a source that can give any example at any
    /// time; see [`Order`].
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch).
    fn order(&self, _seed: u64) -> Result<Option<Order>> {
        Ok(None)
    }

    /// Source and stages in words; the default is the name of the type.
    fn describe(&self) -> String {
        let name = std::any::type_name::<Self>();
        let name = name.split('<').next().unwrap_or(name);
        name.rsplit("::").next().unwrap_or(name).to_owned()
    }

    /// The first element of the epoch of seed 0, to look at.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([[0.5, 1.5], [2.5, 3.5]], [0, 1])?;
    /// assert_eq!(data.first()?.inputs[0].size(), [2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch), and when there is no element.
    fn first(&self) -> Result<Batch> {
        self.epoch(0)?.next().unwrap_or_else(|| Err(nothing(self)))
    }

    /// This data set as a [`Pipeline`] without a further stage.
    fn pipeline(self) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Pipeline::new(self)
    }

    /// Gathers single examples to batches of `size`; the last one may be smaller.
    ///
    /// All examples need the same shapes and kinds. Nothing to gather is an error.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let batches = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?.batch(2);
    /// assert_eq!(batches.len(), Some(2));
    /// # Ok(())
    /// # }
    /// ```
    fn batch(self, size: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Batching::new(self.pipeline(), size, false).pipeline()
    }

    /// [`batch`](Self::batch) without the last batch if it is smaller than the others, as with
    /// `drop_remainder=True`.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let batches = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?.batch_drop_remainder(2);
    /// assert_eq!(batches.len(), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    fn batch_drop_remainder(self, size: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Batching::new(self.pipeline(), size, true).pipeline()
    }

    /// Takes batches apart to single examples.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let examples = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?.batch(2).unbatch();
    /// assert_eq!(examples.epoch(0)?.count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    fn unbatch(self) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Unbatch::new(self.pipeline()).pipeline()
    }

    /// Gives the elements in a random order, another one in each epoch.
    ///
    /// Every element is drawn from the next `buffer` that were not given yet: with a buffer of
    /// all examples every order is equally likely, with a smaller one an example comes at most
    /// `buffer` - 1 places earlier than it stood. The buffer holds examples, or only their
    /// numbers where no stage between source and `shuffle` changes them.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::from_inputs([0_i64, 1, 2, 3, 4])?.shuffle(5).batch(5);
    /// let read = |seed| -> labbook_nn::Result<Vec<i64>> {
    ///     let batch = data.epoch(seed)?.next().expect("one batch")?;
    ///     Ok(Vec::try_from(&batch.inputs[0])?)
    /// };
    /// assert_eq!(read(1)?, read(1)?);
    /// assert_ne!(read(1)?, read(3)?);
    /// # Ok(())
    /// # }
    /// ```
    fn shuffle(self, buffer: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Shuffle::new(self.pipeline(), buffer).pipeline()
    }

    /// Changes every element of one input and one target: what `function(x, y)` gives takes
    /// their place.
    ///
    /// It gives `(x, y)`, `(x, y, sample_weight)`, several tensors of a kind as a vector or
    /// array in place of one, or a `Result` of these; a panic becomes an error. It has the
    /// tensors for itself and may change them in place; gradients are not followed. Weights stay
    /// where it gives none. Before [`batch`](Self::batch) the tensors are those of one example,
    /// behind it those of a batch, which is faster. What should be random is for
    /// [`map_seeded`](Self::map_seeded), since libtorch's own generator does not follow the
    /// epoch's seed.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([[0.0, 255.0], [51.0, 102.0]], [3, 4])?;
    /// let scaled = data.map(|x, y| (x / 255.0, y)).batch(2).first()?;
    /// assert_eq!(Vec::<f64>::try_from(scaled.inputs[0].flatten(0, 1))?, [0.0, 1.0, 0.2, 0.4]);
    /// # Ok(())
    /// # }
    /// ```
    fn map<E, F>(self, function: F) -> Pipeline
    where
        Self: Sized + 'static,
        F: Fn(Tensor, Tensor) -> E + Send + 'static,
        E: IntoElement,
    {
        Map::of_pairs(self.pipeline(), function).pipeline()
    }

    /// Changes the one input of every element, and leaves targets and weights.
    ///
    /// As [`map`](Self::map), also for data without targets.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let images = TensorDataset::from_inputs([[0.0, 255.0], [51.0, 102.0]])?;
    /// let scaled = images.batch(2).map_inputs(|x| x / 255.0);
    /// assert_eq!(scaled.first()?.inputs[0].double_value(&[1, 1]), 0.4);
    /// # Ok(())
    /// # }
    /// ```
    fn map_inputs<X, F>(self, function: F) -> Pipeline
    where
        Self: Sized + 'static,
        F: Fn(Tensor) -> X + Send + 'static,
        X: IntoTensors,
    {
        Map::of_inputs(self.pipeline(), function).pipeline()
    }

    /// Changes every element, with any number of inputs and targets; else as
    /// [`map`](Self::map).
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::from_inputs([[1.0, 2.0], [3.0, 4.0]])?;
    /// // An autoencoder's targets are its inputs.
    /// let pairs = data.map_elements(|mut element| {
    ///     element.targets = vec![element.inputs[0].shallow_clone()];
    ///     element
    /// });
    /// assert_eq!(pairs.first()?.targets[0].size(), [2]);
    /// # Ok(())
    /// # }
    /// ```
    fn map_elements<E, F>(self, function: F) -> Pipeline
    where
        Self: Sized + 'static,
        F: Fn(Batch) -> E + Send + 'static,
        E: IntoElement,
    {
        Map::of_elements(self.pipeline(), function).pipeline()
    }

    /// Changes every element by chance: the function gets a seed that no other element of the
    /// epoch gets, and that is the same whenever the epoch is read with the same seed.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let images = TensorDataset::from_inputs([[1.0, 2.0], [3.0, 4.0]])?;
    /// let mirrored_at_random = images.map_seeded(|mut image, seed| {
    ///     if seed % 2 == 0 {
    ///         image.inputs[0] = image.inputs[0].flip([0]);
    ///     }
    ///     image
    /// });
    /// assert_eq!(mirrored_at_random.len(), Some(2));
    /// # Ok(())
    /// # }
    /// ```
    fn map_seeded<E, F>(self, function: F) -> Pipeline
    where
        Self: Sized + 'static,
        F: Fn(Batch, u64) -> E + Send + 'static,
        E: IntoElement,
    {
        Map::seeded(self.pipeline(), function).pipeline()
    }

    /// Keeps the elements of one input and one target for which `predicate(x, y)` holds.
    ///
    /// How many there are is then unknown. A panic becomes an error.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?;
    /// let zeros = data.filter(|_, y| y.int64_value(&[]) == 0);
    /// assert_eq!(zeros.len(), None);
    /// assert_eq!(zeros.epoch(0)?.count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    fn filter<F>(self, predicate: F) -> Pipeline
    where
        Self: Sized + 'static,
        F: Fn(&Tensor, &Tensor) -> bool + Send + 'static,
    {
        Filter::of_pairs(self.pipeline(), predicate).pipeline()
    }

    /// Keeps the elements for which `predicate` holds, with any number of inputs and targets.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::from_inputs([1.0, 2.0, 3.0])?;
    /// let large = data.filter_elements(|element| element.inputs[0].double_value(&[]) > 1.5);
    /// assert_eq!(large.epoch(0)?.count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    fn filter_elements<F>(self, predicate: F) -> Pipeline
    where
        Self: Sized + 'static,
        F: Fn(&Batch) -> bool + Send + 'static,
    {
        Filter::of_elements(self.pipeline(), predicate).pipeline()
    }

    /// Gives the first `count` elements only.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?;
    /// assert_eq!(data.repeat_forever().take(7).len(), Some(7));
    /// # Ok(())
    /// # }
    /// ```
    fn take(self, count: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Take::new(self.pipeline(), count).pipeline()
    }

    /// Leaves out the first `count` elements.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 2.0, 3.0], [5, 6, 7])?;
    /// let validation = data.clone().take(1);
    /// let train = data.skip(1).shuffle(2);
    /// assert_eq!((validation.len(), train.len()), (Some(1), Some(2)));
    /// # Ok(())
    /// # }
    /// ```
    fn skip(self, count: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Skip::new(self.pipeline(), count).pipeline()
    }

    /// Gives all elements `times` times in one epoch; what is shuffled before is shuffled anew
    /// for each pass.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?;
    /// assert_eq!(data.shuffle(3).repeat(4).len(), Some(12));
    /// # Ok(())
    /// # }
    /// ```
    fn repeat(self, times: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Repeat::new(self.pipeline(), Some(times)).pipeline()
    }

    /// Gives all elements again and again, in an epoch that never ends.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?.repeat_forever();
    /// assert!(data.is_infinite());
    /// assert_eq!(data.epoch(0)?.take(100).count(), 100);
    /// # Ok(())
    /// # }
    /// ```
    fn repeat_forever(self) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Repeat::new(self.pipeline(), None).pipeline()
    }

    /// Keeps the elements in memory: the first epoch that is read to its end computes them, the
    /// later ones repeat them.
    ///
    /// The stages before it get the same seed whichever epoch is the first, so that a training
    /// that was cut short goes on with the same elements; put [`shuffle`](Self::shuffle) behind.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 4.0, 9.0], [0, 1, 0])?
    ///     .map(|x, y| (x.sqrt(), y))
    ///     .cache()
    ///     .shuffle(3)
    ///     .batch(3);
    /// assert_eq!(data.first()?.inputs[0].sum(tch::Kind::Double).double_value(&[]), 6.0);
    /// # Ok(())
    /// # }
    /// ```
    fn cache(self) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Cache::new(self.pipeline()).pipeline()
    }

    /// Computes up to `buffer` elements ahead (at most 65,536), on a thread of its own, while the
    /// model works on the one before.
    ///
    /// The thread ends with the epoch, or once the element that it is at is ready when the
    /// epoch is dropped before. Errors come in their place.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::new([1.0, 2.0, 3.0], [0, 1, 0])?.batch(2).prefetch(1);
    /// assert_eq!(data.epoch(0)?.count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    fn prefetch(self, buffer: i64) -> Pipeline
    where
        Self: Sized + 'static,
    {
        Prefetch::new(self.pipeline(), buffer).pipeline()
    }

    /// Puts the inputs of two data sets side by side, and their targets, element by element;
    /// ends with the shorter one.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let images = TensorDataset::from_inputs([[0.0, 1.0], [2.0, 3.0]])?;
    /// let ages = TensorDataset::new([30.0, 40.0], [0, 1])?;
    /// let both = images.zip(ages).first()?;
    /// assert_eq!((both.inputs.len(), both.targets.len()), (2, 1));
    /// # Ok(())
    /// # }
    /// ```
    fn zip<D>(self, other: D) -> Pipeline
    where
        Self: Sized + 'static,
        D: Dataset + 'static,
    {
        Zip::new(self.pipeline(), other.pipeline(), false).pipeline()
    }

    /// Takes the inputs of another data set as targets, element by element; ends with the
    /// shorter one.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let features = TensorDataset::from_inputs([[0.0, 1.0], [2.0, 3.0]])?;
    /// let labels = TensorDataset::from_inputs([0, 1])?;
    /// let both = features.zip_targets(labels).first()?;
    /// assert_eq!((both.inputs.len(), both.targets.len()), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    fn zip_targets<D>(self, other: D) -> Pipeline
    where
        Self: Sized + 'static,
        D: Dataset + 'static,
    {
        Zip::new(self.pipeline(), other.pipeline(), true).pipeline()
    }

    /// Gives the elements of another data set after those of this one.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let one = TensorDataset::new([1.0, 2.0], [0, 1])?;
    /// let other = TensorDataset::new([3.0], [0])?;
    /// assert_eq!(one.concatenate(other).len(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    fn concatenate<D>(self, other: D) -> Pipeline
    where
        Self: Sized + 'static,
        D: Dataset + 'static,
    {
        Concatenate::new(self.pipeline(), other.pipeline()).pipeline()
    }
}

/// What there is to say about a data set that gives no element where one is needed.
pub(crate) fn nothing<D: Dataset + ?Sized>(dataset: &D) -> Error {
    Error::data(
        &format!("data set ({})", dataset.describe()),
        "at least one element",
        "none",
        "check its source, and what take(..), skip(..), filter(..) and batch(..) leave",
    )
}

macro_rules! behind {
    ($pointer:ident) => {
        impl<D: Dataset + ?Sized> Dataset for $pointer<D> {
            fn len(&self) -> Option<u64> {
                (**self).len()
            }

            fn epoch(&self, seed: u64) -> Result<Batches> {
                (**self).epoch(seed)
            }

            fn is_batched(&self) -> bool {
                (**self).is_batched()
            }

            fn is_infinite(&self) -> bool {
                (**self).is_infinite()
            }

            fn order(&self, seed: u64) -> Result<Option<Order>> {
                (**self).order(seed)
            }

            fn describe(&self) -> String {
                (**self).describe()
            }
        }
    };
}

behind!(Arc);
behind!(Box);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;

    #[test]
    fn any_data_set_can_be_kept_behind_a_pointer() -> Result<()> {
        let shared: Arc<dyn Dataset> = Arc::new(TensorDataset::new([1.0, 2.0, 3.0], [4, 5, 6])?);
        let boxed: Box<dyn Dataset> = Box::new(Arc::clone(&shared).skip(1));
        let data = boxed.batch(2);
        assert_eq!(shared.len(), Some(3));
        assert_eq!(
            (data.len(), data.describe().as_str()),
            (Some(1), "TensorDataset of 3 examples, skip(1), batch(2)")
        );
        assert_eq!(Vec::<i32>::try_from(&data.first()?.targets[0])?, [5, 6]);
        Ok(())
    }

    #[test]
    fn a_source_is_called_by_its_type() {
        struct Files<T>(T);
        impl<T: Send + Sync> Dataset for Files<T> {
            fn len(&self) -> Option<u64> {
                Some(0)
            }
            fn epoch(&self, _seed: u64) -> Result<Batches> {
                Ok(Box::new(std::iter::empty()))
            }
        }
        let files = Files(vec![1]);
        assert_eq!(files.0, [1]);
        assert_eq!(files.describe(), "Files");
        assert_eq!(
            files.pipeline().take(3).first().unwrap_err().to_string(),
            "data set (Files, take(3)): expected at least one element, received none; check its \
             source, and what take(..), skip(..), filter(..) and batch(..) leave"
        );
    }
}
