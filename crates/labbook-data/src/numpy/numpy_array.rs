use std::fmt;

use ndarray::{ArrayD, IxDyn};
use tch::{Kind, Tensor};

use super::numbers::Numbers;
use crate::DataError;

/// An array of NumPy's: numbers, truth values or texts, with their shape.
///
/// [`read_npy`](crate::read_npy) and [`read_npz`](crate::read_npz) give it. Numbers of 16 bits
/// with a fraction are read as those of 32.
///
/// ```
/// use labbook_data::{read_npy, write_npy};
/// use ndarray::array;
///
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.npy");
/// write_npy(&path, &array![[1.5_f32, 2.5], [3.5, 4.5]])?;
/// let x = read_npy(&path)?;
/// assert_eq!((x.shape(), x.kind()), (&[2, 2][..], "float32"));
/// assert_eq!(x.tensor()?.size(), [2, 2]);
/// assert_eq!(x.f64_array()?[[1, 0]], 3.5);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NumpyArray {
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Numbers,
}

impl NumpyArray {
    /// Sizes of the axes; none for a single number.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// NumPy's name of the kind of value: `float32`, `int64`, `bool`, `str`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.numbers.kind()
    }

    /// The numbers as a tensor of their kind. Whole numbers without a sign that libtorch has no
    /// kind for become `i64`.
    ///
    /// # Errors
    /// For texts, and for whole numbers beyond `i64`.
    pub fn tensor(&self) -> Result<Tensor, DataError> {
        let sizes: Vec<i64> = self.shape.iter().map(|&size| size as i64).collect();
        let flat = match &self.numbers {
            Numbers::U16(_) | Numbers::U32(_) | Numbers::U64(_) => {
                Tensor::f_from_slice(&self.whole()?)?
            }
            // tch makes bytes of truth values.
            Numbers::Bool(values) => Tensor::f_from_slice(values)?.f_to_kind(Kind::Bool)?,
            Numbers::U8(values) => Tensor::f_from_slice(values)?,
            Numbers::I8(values) => Tensor::f_from_slice(values)?,
            Numbers::I16(values) => Tensor::f_from_slice(values)?,
            Numbers::I32(values) => Tensor::f_from_slice(values)?,
            Numbers::I64(values) => Tensor::f_from_slice(values)?,
            Numbers::F32(values) => Tensor::f_from_slice(values)?,
            Numbers::F64(values) => Tensor::f_from_slice(values)?,
            Numbers::Text(_) => return Err(self.other("numbers")),
        };
        Ok(flat.f_reshape(sizes)?)
    }

    /// The numbers as an array of `f64`, whatever their kind; truth values as 0 and 1.
    ///
    /// # Errors
    /// For texts, and for whole numbers that an `f64` cannot hold.
    pub fn f64_array(&self) -> Result<ArrayD<f64>, DataError> {
        let values: Vec<f64> = match &self.numbers {
            Numbers::Bool(values) => values
                .iter()
                .map(|&value| f64::from(u8::from(value)))
                .collect(),
            Numbers::U8(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::U16(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::U32(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::I8(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::I16(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::I32(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::F32(values) => values.iter().copied().map(f64::from).collect(),
            Numbers::F64(values) => values.clone(),
            Numbers::I64(_) | Numbers::U64(_) => {
                const EXACT: i64 = 1 << 53;
                let values = self.whole()?;
                if let Some(large) = values.iter().find(|value| value.abs() > EXACT) {
                    return Err(DataError::option(
                        "array",
                        "whole numbers up to 2^53, as f64 holds them",
                        large,
                        "use i64_array()",
                    ));
                }
                values.into_iter().map(|value| value as f64).collect()
            }
            Numbers::Text(_) => return Err(self.other("numbers")),
        };
        self.shaped(values)
    }

    /// The numbers as an array of `f32`, rounded to it.
    ///
    /// # Errors
    /// For texts.
    pub fn f32_array(&self) -> Result<ArrayD<f32>, DataError> {
        match &self.numbers {
            Numbers::F32(values) => self.shaped(values.clone()),
            _ => Ok(self.f64_array()?.mapv(|value| value as f32)),
        }
    }

    /// Whole numbers and truth values as an array of `i64`.
    ///
    /// # Errors
    /// For texts, numbers with a fraction, and whole numbers beyond `i64`.
    pub fn i64_array(&self) -> Result<ArrayD<i64>, DataError> {
        self.shaped(self.whole()?)
    }

    /// The texts, in the order of the axes.
    ///
    /// # Errors
    /// For numbers.
    pub fn texts(&self) -> Result<Vec<String>, DataError> {
        match &self.numbers {
            Numbers::Text(texts) => Ok(texts.clone()),
            _ => Err(self.other("texts")),
        }
    }

    fn whole(&self) -> Result<Vec<i64>, DataError> {
        Ok(match &self.numbers {
            Numbers::Bool(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::U8(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::U16(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::U32(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::I8(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::I16(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::I32(values) => values.iter().copied().map(i64::from).collect(),
            Numbers::I64(values) => values.clone(),
            Numbers::U64(values) => {
                let fits = |&value: &u64| {
                    i64::try_from(value).map_err(|_| {
                        let expected = "whole numbers up to 2^63 - 1, as i64 holds them";
                        DataError::option("array", expected, value, "use smaller numbers")
                    })
                };
                values.iter().map(fits).collect::<Result<_, _>>()?
            }
            Numbers::F32(_) | Numbers::F64(_) | Numbers::Text(_) => {
                return Err(self.other("whole numbers"));
            }
        })
    }

    fn shaped<T>(&self, values: Vec<T>) -> Result<ArrayD<T>, DataError> {
        ArrayD::from_shape_vec(IxDyn(&self.shape), values).map_err(|error| {
            DataError::option(
                "array",
                "as many values as its shape says",
                error,
                "read it anew",
            )
        })
    }

    fn other(&self, expected: &str) -> DataError {
        DataError::option(
            "array",
            expected,
            self.kind(),
            "use the method for its kind",
        )
    }

    /// The axes in the other order, as they are for numbers that lie column by column.
    pub(super) fn transposed(self) -> Self {
        let shape = self.shape;
        fn reordered<T: Clone>(values: &[T], shape: &[usize]) -> Vec<T> {
            // `shape` is the reversed one; the last axis of the result is the slowest of `values`.
            let mut strides = vec![1; shape.len()];
            for axis in 1..shape.len() {
                strides[axis] = strides[axis - 1] * shape[axis - 1];
            }
            let mut at = vec![0; shape.len()];
            let mut from = 0;
            let mut result = Vec::with_capacity(values.len());
            for _ in 0..values.len() {
                result.push(values[from].clone());
                for axis in (0..shape.len()).rev() {
                    at[axis] += 1;
                    from += strides[axis];
                    if at[axis] < shape[axis] {
                        break;
                    }
                    from -= strides[axis] * shape[axis];
                    at[axis] = 0;
                }
            }
            result
        }
        let numbers = match &self.numbers {
            Numbers::Bool(values) => Numbers::Bool(reordered(values, &shape)),
            Numbers::U8(values) => Numbers::U8(reordered(values, &shape)),
            Numbers::U16(values) => Numbers::U16(reordered(values, &shape)),
            Numbers::U32(values) => Numbers::U32(reordered(values, &shape)),
            Numbers::U64(values) => Numbers::U64(reordered(values, &shape)),
            Numbers::I8(values) => Numbers::I8(reordered(values, &shape)),
            Numbers::I16(values) => Numbers::I16(reordered(values, &shape)),
            Numbers::I32(values) => Numbers::I32(reordered(values, &shape)),
            Numbers::I64(values) => Numbers::I64(reordered(values, &shape)),
            Numbers::F32(values) => Numbers::F32(reordered(values, &shape)),
            Numbers::F64(values) => Numbers::F64(reordered(values, &shape)),
            Numbers::Text(values) => Numbers::Text(reordered(values, &shape)),
        };
        Self { shape, numbers }
    }
}

/// Kind and shape, as `float32 (2, 3)`.
impl fmt::Display for NumpyArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let comma = if sizes.len() == 1 { "," } else { "" };
        write!(f, "{} ({}{comma})", self.kind(), sizes.join(", "))
    }
}
