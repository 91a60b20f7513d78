use ndarray::{Array, Axis, Dimension, RemoveAxis};
use polars::frame::DataFrame;
use polars::prelude::{IdxCa, IdxSize, NewChunkedArray};
use tch::Tensor;

use crate::{DataError, ImageSet};

/// Examples that lie one after another and can be picked by their numbers: images, tensors,
/// arrays, vectors, frames.
pub trait Rows: Sized {
    /// How many there are.
    fn count(&self) -> usize;

    /// A copy of those with these numbers, in this order.
    ///
    /// # Errors
    /// For a number past the end.
    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError>;
}

/// The first number that is past the end, as an error.
fn checked(numbers: &[usize], len: usize) -> Result<(), DataError> {
    match numbers.iter().find(|&&number| number >= len) {
        Some(&index) => Err(DataError::NoSuchRow { index, len }),
        None => Ok(()),
    }
}

impl Rows for ImageSet {
    fn count(&self) -> usize {
        self.len()
    }

    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError> {
        self.select(numbers)
    }
}

impl Rows for Tensor {
    fn count(&self) -> usize {
        let first = self.size().first().copied().unwrap_or_default();
        usize::try_from(first).unwrap_or_default()
    }

    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError> {
        checked(numbers, self.count())?;
        let numbers: Vec<i64> = numbers.iter().map(|&n| n as i64).collect();
        let numbers = Tensor::f_from_slice(&numbers)?.f_to_device(self.device())?;
        Ok(self.f_index_select(0, &numbers)?)
    }
}

impl<T: Clone, D: Dimension + RemoveAxis> Rows for Array<T, D> {
    fn count(&self) -> usize {
        self.len_of(Axis(0))
    }

    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError> {
        checked(numbers, self.count())?;
        Ok(self.select(Axis(0), numbers))
    }
}

impl<T: Clone> Rows for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError> {
        checked(numbers, self.len())?;
        Ok(numbers.iter().map(|&number| self[number].clone()).collect())
    }
}

impl Rows for DataFrame {
    fn count(&self) -> usize {
        self.height()
    }

    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError> {
        checked(numbers, self.height())?;
        let numbers = numbers.iter().map(|&number| number as IdxSize);
        Ok(self.take(&IdxCa::from_iter_values("".into(), numbers))?)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn every_sort_of_rows_is_picked_alike() {
        let array = arr2(&[[1_i64, 2], [3, 4], [5, 6]]);
        let tensor = Tensor::try_from(&array).unwrap();
        assert_eq!(array.pick(&[2, 0]).unwrap(), arr2(&[[5, 6], [1, 2]]));
        let picked = tensor.pick(&[2, 0]).unwrap();
        assert_eq!(
            Vec::<i64>::try_from(picked.reshape([-1])).unwrap(),
            [5, 6, 1, 2]
        );
        assert_eq!(vec!["a", "b", "c"].pick(&[1, 1]).unwrap(), ["b", "b"]);
        let frame = polars::df!("a" => [1_i64, 2, 3])
            .unwrap()
            .pick(&[2, 0])
            .unwrap();
        let values = frame.column("a").unwrap().i64().unwrap().to_vec();
        assert_eq!(values, [Some(3), Some(1)]);
        for error in [
            array.pick(&[3]).map(|_| ()),
            tensor.pick(&[3]).map(|_| ()),
            polars::df!("a" => [1, 2, 3])
                .unwrap()
                .pick(&[3])
                .map(|_| ()),
            vec![0; 3].pick(&[3]).map(|_| ()),
        ] {
            assert!(error.unwrap_err().to_string().contains("3 rows"));
        }
    }
}
