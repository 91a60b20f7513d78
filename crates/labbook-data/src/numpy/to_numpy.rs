use ndarray::{Array, Dimension};
use tch::{Device, Kind, Tensor};

use super::numbers::Numbers;
use super::numpy_array::NumpyArray;
use crate::DataError;

/// What can be written as an array of NumPy's: tensors, arrays, vectors of numbers or texts.
///
/// ```
/// use labbook_data::ToNumpy;
/// use tch::Tensor;
///
/// let tensor = Tensor::from_slice(&[1_i64, 2, 3]);
/// assert_eq!(tensor.to_numpy()?.to_string(), "int64 (3,)");
/// assert_eq!(vec!["cat", "dog"].to_numpy()?.kind(), "str");
/// # Ok::<(), labbook_data::DataError>(())
/// ```
pub trait ToNumpy {
    /// A copy of the values, with their shape.
    ///
    /// # Errors
    /// For a tensor of a kind that NumPy does not have.
    fn to_numpy(&self) -> Result<NumpyArray, DataError>;
}

impl ToNumpy for NumpyArray {
    fn to_numpy(&self) -> Result<NumpyArray, DataError> {
        Ok(self.clone())
    }
}

impl<T: ToNumpy + ?Sized> ToNumpy for &T {
    fn to_numpy(&self) -> Result<NumpyArray, DataError> {
        (**self).to_numpy()
    }
}

impl ToNumpy for Tensor {
    /// Numbers of 16 bits become those of 32.
    fn to_numpy(&self) -> Result<NumpyArray, DataError> {
        let shape = self
            .size()
            .iter()
            .map(|&size| size.max(0) as usize)
            .collect();
        let flat = self.f_detach()?.f_to_device(Device::Cpu)?.f_reshape([-1])?;
        let numbers = match flat.f_kind()? {
            Kind::Bool => {
                let bytes = Vec::<u8>::try_from(flat.f_to_kind(Kind::Uint8)?)?;
                Numbers::Bool(bytes.into_iter().map(|byte| byte != 0).collect())
            }
            Kind::Uint8 => Numbers::U8(Vec::try_from(flat)?),
            Kind::Int8 => Numbers::I8(Vec::try_from(flat)?),
            Kind::Int16 => Numbers::I16(Vec::try_from(flat)?),
            Kind::Int => Numbers::I32(Vec::try_from(flat)?),
            Kind::Int64 => Numbers::I64(Vec::try_from(flat)?),
            Kind::Half | Kind::BFloat16 => {
                Numbers::F32(Vec::try_from(flat.f_to_kind(Kind::Float)?)?)
            }
            Kind::Float => Numbers::F32(Vec::try_from(flat)?),
            Kind::Double => Numbers::F64(Vec::try_from(flat)?),
            other => {
                return Err(DataError::option(
                    "tensor",
                    "real numbers or truth values",
                    format!("{other:?}"),
                    "convert it with to_kind(..)",
                ));
            }
        };
        Ok(NumpyArray { shape, numbers })
    }
}

macro_rules! arrays_of {
    ($($kind:ident $number:ty),*) => {$(
        impl<D: Dimension> ToNumpy for Array<$number, D> {
            fn to_numpy(&self) -> Result<NumpyArray, DataError> {
                Ok(NumpyArray {
                    shape: self.shape().to_vec(),
                    numbers: Numbers::$kind(self.iter().cloned().collect()),
                })
            }
        }

        impl ToNumpy for [$number] {
            fn to_numpy(&self) -> Result<NumpyArray, DataError> {
                Ok(NumpyArray {
                    shape: vec![self.len()],
                    numbers: Numbers::$kind(self.to_vec()),
                })
            }
        }

        impl ToNumpy for Vec<$number> {
            fn to_numpy(&self) -> Result<NumpyArray, DataError> {
                self[..].to_numpy()
            }
        }
    )*};
}

arrays_of!(
    Bool bool, U8 u8, U16 u16, U32 u32, U64 u64, I8 i8, I16 i16, I32 i32, I64 i64, F32 f32, F64 f64,
    Text String
);

impl ToNumpy for Vec<&str> {
    fn to_numpy(&self) -> Result<NumpyArray, DataError> {
        let texts = self.iter().map(|&text| text.to_owned()).collect();
        Ok(NumpyArray {
            shape: vec![self.len()],
            numbers: Numbers::Text(texts),
        })
    }
}
