use std::fmt;

use super::batch::{Batch, stack};
use super::dataset::Batches;
use super::guard::at;
use crate::{Error, Result};

/// The numbers of an epoch's examples, one after another.
///
/// ```
/// use labbook_nn::Numbers;
///
/// let even: Numbers = Box::new((0..5).map(|number| Ok(2 * number)));
/// assert_eq!(even.count(), 5);
/// ```
pub type Numbers = Box<dyn Iterator<Item = Result<i64>> + Send>;

/// Examples that can be had by their numbers, from 0 on; see [`Order`] for an example.
///
/// ```
/// use labbook_nn::{Batch, IntoElement, RandomAccess, Result};
///
/// # fn main() -> labbook_nn::Result<()> {
/// struct Doubles;
///
/// impl RandomAccess for Doubles {
///     fn example(&mut self, number: i64) -> Result<Batch> {
///         (number, 2 * number).into_element()
///     }
/// }
///
/// let batch = Doubles.batch(&[3, 5])?;
/// assert_eq!(Vec::<i64>::try_from(&batch.targets[0])?, [6, 10]);
/// # Ok(())
/// # }
/// ```
pub trait RandomAccess: Send {
    /// The example of this number, in memory that nobody else writes to.
    ///
    /// # Errors
    /// When it cannot be read.
    fn example(&mut self, number: i64) -> Result<Batch>;

    /// The batch of these examples, of which there is at least one.
    ///
    /// # Errors
    /// When one of them cannot be read, or has another shape than the first.
    fn batch(&mut self, numbers: &[i64]) -> Result<Batch> {
        let examples: Result<Vec<Batch>> = numbers
            .iter()
            .map(|&number| self.example(number).map_err(|cause| place(number, cause)))
            .collect();
        stack(&examples?, |at, cause| {
            place(numbers.get(at).copied().unwrap_or_default(), cause)
        })
    }

    /// Whether the examples lie in memory, so that `cache` need not keep them once more; the
    /// default is `false`.
    fn is_in_memory(&self) -> bool {
        false
    }
}

/// The examples of an epoch by their numbers, which is cheaper to shuffle than the examples.
///
/// What [`Dataset::order`](crate::Dataset::order) gives. Stages that only choose and arrange
/// examples change the numbers; `batch` then asks for whole batches.
///
/// ```
/// use labbook_nn::{Batch, Batches, Dataset, IntoElement, Order, RandomAccess, Result};
///
/// /// The numbers below `count` and their squares.
/// struct Squares {
///     count: i64,
/// }
///
/// struct Square;
///
/// impl RandomAccess for Square {
///     fn example(&mut self, number: i64) -> Result<Batch> {
///         (number, number * number).into_element()
///     }
/// }
///
/// impl Dataset for Squares {
///     fn len(&self) -> Option<u64> {
///         u64::try_from(self.count).ok()
///     }
///
///     fn is_batched(&self) -> bool {
///         false
///     }
///
///     fn epoch(&self, seed: u64) -> Result<Batches> {
///         Ok(Order::new((0..self.count).map(Ok), Square).examples())
///     }
///
///     fn order(&self, _seed: u64) -> Result<Option<Order>> {
///         Ok(Some(Order::new((0..self.count).map(Ok), Square)))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let squares = Squares { count: 10 }.skip(2).batch(3);
/// let targets = Vec::<i64>::try_from(&squares.first()?.targets[0])?;
/// assert_eq!(targets, [4, 9, 16]);
/// # Ok(())
/// # }
/// ```
pub struct Order {
    pub(crate) numbers: Numbers,
    access: Box<dyn RandomAccess>,
}

impl Order {
    /// These examples, in this order.
    #[must_use]
    pub fn new(
        numbers: impl Iterator<Item = Result<i64>> + Send + 'static,
        access: impl RandomAccess + 'static,
    ) -> Self {
        Self {
            numbers: Box::new(numbers),
            access: Box::new(access),
        }
    }

    /// The examples one by one, for [`Dataset::epoch`](crate::Dataset::epoch).
    #[must_use]
    pub fn examples(self) -> Batches {
        let Self {
            numbers,
            mut access,
        } = self;
        Box::new(numbers.map(move |number| {
            let number = number?;
            access.example(number).map_err(|cause| place(number, cause))
        }))
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.access.is_in_memory()
    }

    /// The same examples in another order, or fewer or more of them.
    pub(crate) fn arranged(self, arrange: impl FnOnce(Numbers) -> Numbers) -> Self {
        Self {
            numbers: arrange(self.numbers),
            ..self
        }
    }

    /// The next examples as a batch, at most `size`; `None` after the last one, or where fewer
    /// are left and `whole` batches are wanted.
    pub(crate) fn next_batch(&mut self, size: usize, whole: bool) -> Option<Result<Batch>> {
        let numbers: Result<Vec<i64>> = self.numbers.by_ref().take(size).collect();
        match numbers {
            Ok(numbers) if numbers.is_empty() || (whole && numbers.len() < size) => None,
            Ok(numbers) => {
                let batch = self.access.batch(&numbers);
                let first = numbers.first().copied().unwrap_or_default();
                Some(batch.map_err(|cause| place(first, cause)))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").finish_non_exhaustive()
    }
}

fn place(number: i64, cause: Error) -> Error {
    at("source", number.unsigned_abs(), cause)
}
