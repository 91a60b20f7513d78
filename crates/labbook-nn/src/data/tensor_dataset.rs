use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::element::{IntoTensors, one_weight};
use super::order::{Order, RandomAccess};
use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// Examples that lie in tensors, one for each index of the first axis.
///
/// Gives single examples until [`batch`](Dataset::batch). The tensors are not copied; what is
/// given out of them is. Bytes and integers stay what they are.
///
/// ```
/// use labbook_nn::{Dataset, TensorDataset};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let photos = Tensor::zeros([60, 8, 8, 3], (Kind::Uint8, Device::Cpu));
/// let ages = Tensor::rand([60, 1], (Kind::Float, Device::Cpu));
/// let prices = Tensor::rand([60], (Kind::Float, Device::Cpu));
///
/// // Two inputs, one target, a weight for each example.
/// let data = TensorDataset::new([&photos, &ages], &prices)?
///     .sample_weight(vec![0.5; 60])?
///     .shuffle(60)
///     .batch(32);
/// let batch = data.first()?;
/// assert_eq!(batch.inputs[0].size(), [32, 8, 8, 3]);
/// assert_eq!(batch.inputs[1].size(), [32, 1]);
/// assert_eq!(batch.sample_weight.map(|weight| weight.size()), Some(vec![32]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TensorDataset {
    /// Behind a lock because a tensor may not be shared among threads.
    tensors: Arc<Mutex<Batch>>,
    count: i64,
}

impl TensorDataset {
    /// Examples of inputs `x` and targets `y`: tensors of shape (N, ..), one or several of each.
    ///
    /// Several are a vector or an array: `[&images, &ages]`.
    ///
    /// # Errors
    /// When there is no input, no example, a tensor without axes, or tensors of different N.
    pub fn new(x: impl IntoTensors, y: impl IntoTensors) -> Result<Self> {
        Self::checked(Batch {
            inputs: x.into_tensors()?,
            targets: y.into_tensors()?,
            sample_weight: None,
        })
    }

    /// Examples without targets, for `predict`.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = TensorDataset::from_inputs([[1.0, 2.0], [3.0, 4.0]])?.batch(2);
    /// assert!(data.first()?.targets.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_inputs(x: impl IntoTensors) -> Result<Self> {
        Self::new(x, ())
    }

    /// Examples that lie in arrays of `ndarray`, or in anything else that libtorch takes over.
    ///
    /// Their numbers are copied. An array has to lie in memory in its own order of axes:
    /// `as_standard_layout()` puts a transposed one so.
    ///
    /// ```
    /// use labbook_nn::{Dataset, TensorDataset};
    /// use ndarray::array;
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let x = array![[1.5_f32, 2.5], [3.5, 4.5], [5.5, 6.5]];
    /// let y = array![0_i64, 1, 0];
    /// let batch = TensorDataset::from_arrays(&x, &y)?.batch(3).first()?;
    /// assert_eq!(batch.inputs[0].size(), [3, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), and for a kind of number or a layout that libtorch does not take.
    pub fn from_arrays<X, Y>(x: X, y: Y) -> Result<Self>
    where
        X: TryInto<Tensor>,
        X::Error: fmt::Display,
        Y: TryInto<Tensor>,
        Y::Error: fmt::Display,
    {
        Self::new(tensor("x", x)?, tensor("y", y)?)
    }

    /// Sets the weight of each example, of shape (N,) or (N, 1).
    ///
    /// # Errors
    /// When there is not one weight for each example.
    pub fn sample_weight(self, weight: impl IntoTensors) -> Result<Self> {
        let mut batch = self.tensors();
        batch.sample_weight = match one_weight(weight.into_tensors()?)? {
            Some(weight) => Some(checked_weight(&weight, self.count)?),
            None => None,
        };
        Ok(Self {
            tensors: Arc::new(Mutex::new(batch)),
            ..self
        })
    }

    fn checked(batch: Batch) -> Result<Self> {
        let Some(first) = batch.inputs.first() else {
            return Err(Error::data(
                "x",
                "at least one input",
                "none",
                "pass a tensor of shape (N, ..), or several",
            ));
        };
        let mut count = None;
        for (name, tensor) in batch.named() {
            let received = tensor.size().first().copied().ok_or_else(|| {
                Error::data(
                    &name,
                    "shape (N, ..)",
                    "a single number",
                    "pass one row per example",
                )
            })?;
            match count {
                None => count = Some(received),
                Some(count) if count == received => {}
                Some(count) => {
                    return Err(Error::data(
                        &name,
                        format!("{count} examples as in the first input"),
                        tuple(&tensor.size()),
                        "select inputs and targets with the same index",
                    ));
                }
            }
        }
        match count.unwrap_or_default() {
            0 => Err(Error::data(
                "x",
                "at least one example",
                tuple(&first.size()),
                "check how the data were selected",
            )),
            count => Ok(Self {
                tensors: Arc::new(Mutex::new(batch.each(|tensor| Ok(tensor.f_detach()?))?)),
                count,
            }),
        }
    }
}

impl Dataset for TensorDataset {
    fn len(&self) -> Option<u64> {
        Some(self.count.unsigned_abs())
    }

    fn is_batched(&self) -> bool {
        false
    }

    fn epoch(&self, _seed: u64) -> Result<Batches> {
        Ok(self.rows().examples())
    }

    fn order(&self, _seed: u64) -> Result<Option<Order>> {
        Ok(Some(self.rows()))
    }

    fn describe(&self) -> String {
        format!("TensorDataset of {} examples", self.count)
    }
}

impl TensorDataset {
    fn tensors(&self) -> Batch {
        let tensors = self.tensors.lock().unwrap_or_else(PoisonError::into_inner);
        tensors.shallow_clone()
    }

    fn rows(&self) -> Order {
        Order::new((0..self.count).map(Ok), Rows(self.tensors()))
    }
}

impl fmt::Debug for TensorDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// The rows of tensors. Copies, so that a stage may write to what it gets.
struct Rows(Batch);

impl RandomAccess for Rows {
    fn example(&mut self, number: i64) -> Result<Batch> {
        self.0.each(|tensor| Ok(tensor.f_select_copy(0, number)?))
    }

    fn batch(&mut self, numbers: &[i64]) -> Result<Batch> {
        if let (Some(&first), true) = (numbers.first(), are_consecutive(numbers)) {
            let count = numbers.len() as i64;
            return self
                .0
                .each(|tensor| Ok(tensor.f_narrow_copy(0, first, count)?));
        }
        let mut index = Tensor::f_from_slice(numbers)?;
        self.0.each(|tensor| {
            if index.device() != tensor.device() {
                index = index.f_to_device(tensor.device())?;
            }
            Ok(tensor.f_index_select(0, &index)?)
        })
    }

    fn is_in_memory(&self) -> bool {
        true
    }
}

fn are_consecutive(numbers: &[i64]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

fn tensor<X>(argument: &str, array: X) -> Result<Tensor>
where
    X: TryInto<Tensor>,
    X::Error: fmt::Display,
{
    array.try_into().map_err(|error| {
        let received = error.to_string();
        Error::data(
            argument,
            "an array of numbers in its own order of axes",
            received.lines().next().unwrap_or_default(),
            "use .as_standard_layout().to_owned(), or convert the numbers",
        )
    })
}

fn checked_weight(weight: &Tensor, count: i64) -> Result<Tensor> {
    match *weight.size().as_slice() {
        [n] | [n, 1] if n == count => Ok(weight.f_detach()?.f_reshape([count])?),
        ref size => Err(Error::data(
            "sample weight",
            format!("shape ({count},), a number for each example"),
            tuple(size),
            "select examples and weights with the same index",
        )),
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn rows(count: i64) -> Tensor {
        Tensor::arange(count * 2, (Kind::Float, Device::Cpu)).reshape([count, 2])
    }

    fn error(result: Result<TensorDataset>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn examples_come_in_the_order_of_the_rows() -> Result<()> {
        let data = TensorDataset::new(rows(3), [7_i64, 8, 9])?;
        assert_eq!((data.len(), data.is_batched()), (Some(3), false));
        let examples: Result<Vec<Batch>> = data.epoch(5)?.collect();
        let examples = examples?;
        assert_eq!(examples.len(), 3);
        assert_eq!(examples[2].inputs[0], rows(3).get(2));
        assert_eq!(examples[2].targets[0], Tensor::from(9_i64));
        Ok(())
    }

    #[test]
    fn rows_are_picked_in_any_order_and_consecutive_ones_too() -> Result<()> {
        let x = rows(5);
        let mut access = Rows(Batch {
            inputs: vec![x.shallow_clone()],
            targets: vec![],
            sample_weight: None,
        });
        let index = Tensor::from_slice(&[4_i64, 0, 4]);
        assert_eq!(
            access.batch(&[4, 0, 4])?.inputs[0],
            x.index_select(0, &index)
        );
        assert_eq!(access.batch(&[1, 2, 3])?.inputs[0], x.narrow(0, 1, 3));
        assert_eq!(access.batch(&[3])?.inputs[0], x.narrow(0, 3, 1));
        Ok(())
    }

    #[test]
    fn writing_to_what_comes_out_leaves_the_data_as_they_are() -> Result<()> {
        let x = rows(4);
        let data = TensorDataset::new(&x, ())?;
        let _ = data.first()?.inputs[0].f_fill_(9.0)?;
        for batch in data.batch(2).epoch(0)? {
            let _ = batch?.inputs[0].f_fill_(9.0)?;
        }
        assert_eq!(x, rows(4));
        Ok(())
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let x = rows(3);
        assert_eq!(
            error(TensorDataset::new(&x, [1, 2])),
            "target: expected 3 examples as in the first input, received (2,); \
             select inputs and targets with the same index"
        );
        assert!(error(TensorDataset::new([&x, &rows(4)], ())).starts_with("input 1: expected 3"));
        assert!(error(TensorDataset::new((), [1])).contains("at least one input"));
        assert!(error(TensorDataset::new(1.5, [1])).contains("a single number"));
        let none = x.narrow(0, 0, 0);
        assert_eq!(
            error(TensorDataset::new(&none, ())),
            "x: expected at least one example, received (0, 2); check how the data were selected"
        );
    }

    #[test]
    fn arrays_keep_their_kind_and_a_transposed_one_is_told() -> Result<()> {
        let x = ndarray::Array3::<u8>::ones((4, 2, 3));
        let y = ndarray::Array1::<i64>::zeros(4);
        let batch = TensorDataset::from_arrays(&x, &y)?.batch(2).first()?;
        assert_eq!(batch.inputs[0].size(), [2, 2, 3]);
        assert_eq!(batch.inputs[0].kind(), Kind::Uint8);
        assert_eq!(batch.targets[0].kind(), Kind::Int64);
        let error = error(TensorDataset::from_arrays(x.t(), &y));
        assert!(error.contains("as_standard_layout()"), "{error}");
        Ok(())
    }

    #[test]
    fn weights_are_one_for_each_example() -> Result<()> {
        let weighted = |weight: &Tensor| {
            TensorDataset::new(rows(3), [1, 2, 3]).and_then(|data| data.sample_weight(weight))
        };
        let column = Tensor::from_slice(&[1.0, 2.0, 3.0]).reshape([3, 1]);
        let batch = weighted(&column)?.batch(3).first()?;
        assert_eq!(batch.sample_weight.unwrap(), column.reshape([3]));
        let error = error(weighted(&rows(3)));
        assert!(
            error.starts_with("sample weight: expected shape (3,)"),
            "{error}"
        );
        Ok(())
    }
}
