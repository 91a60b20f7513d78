use tch::Tensor;

use super::batch::Batch;
use crate::{Error, Result};

/// What can be the inputs, the targets or the weights of an element.
///
/// A tensor or several of them; numbers, vectors and arrays of numbers, which become one tensor
/// of their kind; `()` for none.
///
/// ```
/// use labbook_nn::IntoTensors;
/// use tch::{Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let age = Tensor::from(30.0_f32);
/// let photo = Tensor::zeros([32, 32, 3], (Kind::Uint8, tch::Device::Cpu));
/// assert_eq!([&age, &photo].into_tensors()?.len(), 2);
/// assert_eq!(7_i64.into_tensors()?[0].size(), [0_i64; 0]);
/// assert_eq!([1.5, 2.5].into_tensors()?[0].size(), [2]);
/// assert!(().into_tensors()?.is_empty());
/// # Ok(())
/// # }
/// ```
pub trait IntoTensors {
    /// These tensors.
    ///
    /// # Errors
    /// When libtorch has no memory for them, or this is an error itself.
    fn into_tensors(self) -> Result<Vec<Tensor>>;
}

/// What can be an element of a data set: a [`Batch`], `x`, `(x, y)`, `(x, y, sample_weight)`, or
/// a `Result` of one of them.
///
/// `x` without the others is a tensor; in the tuples all that is [`IntoTensors`] may stand.
///
/// ```
/// use labbook_nn::IntoElement;
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let element = (Tensor::from_slice(&[1.0, 2.0]), 3_i64).into_element()?;
/// assert_eq!((element.inputs.len(), element.targets.len()), (1, 1));
/// let weighted = ([1.0, 2.0], [0.0, 1.0], 0.5).into_element()?;
/// assert!(weighted.sample_weight.is_some());
/// # Ok(())
/// # }
/// ```
pub trait IntoElement {
    /// This element.
    ///
    /// # Errors
    /// When it has no inputs or several weights, or is an error itself.
    fn into_element(self) -> Result<Batch>;
}

impl IntoTensors for Tensor {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(vec![self])
    }
}

impl IntoTensors for &Tensor {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(vec![self.shallow_clone()])
    }
}

impl IntoTensors for () {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(Vec::new())
    }
}

impl IntoTensors for Vec<Tensor> {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(self)
    }
}

impl IntoTensors for &[Tensor] {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(self.iter().map(Tensor::shallow_clone).collect())
    }
}

impl IntoTensors for &Vec<Tensor> {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        self.as_slice().into_tensors()
    }
}

impl<const N: usize> IntoTensors for [Tensor; N] {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(self.into())
    }
}

impl<const N: usize> IntoTensors for [&Tensor; N] {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        Ok(self.iter().map(|tensor| tensor.shallow_clone()).collect())
    }
}

impl<T: IntoTensors> IntoTensors for Result<T> {
    fn into_tensors(self) -> Result<Vec<Tensor>> {
        self?.into_tensors()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl IntoTensors for $number {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                Ok(vec![Tensor::f_from_slice(&[self])?.f_reshape([0_i64; 0])?])
            }
        }

        impl IntoTensors for &[$number] {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                Ok(vec![Tensor::f_from_slice(self)?])
            }
        }

        impl IntoTensors for Vec<$number> {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                self.as_slice().into_tensors()
            }
        }

        impl IntoTensors for &Vec<$number> {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                self.as_slice().into_tensors()
            }
        }

        impl<const N: usize> IntoTensors for [$number; N] {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                self.as_slice().into_tensors()
            }
        }

        impl<const M: usize> IntoTensors for &[[$number; M]] {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                let shape = [self.len() as i64, M as i64];
                Ok(vec![Tensor::f_from_slice(self.as_flattened())?.f_reshape(shape)?])
            }
        }

        impl<const M: usize> IntoTensors for Vec<[$number; M]> {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                self.as_slice().into_tensors()
            }
        }

        impl<const M: usize, const N: usize> IntoTensors for [[$number; M]; N] {
            fn into_tensors(self) -> Result<Vec<Tensor>> {
                self.as_slice().into_tensors()
            }
        }
    )*};
}

numbers!(f32, f64, i64, i32, u8, bool);

impl IntoElement for Batch {
    fn into_element(self) -> Result<Batch> {
        match self.inputs.is_empty() {
            false => Ok(self),
            true => Err(Error::data(
                "element",
                "at least one input",
                "none",
                "give (x, y), or x alone for predict",
            )),
        }
    }
}

impl IntoElement for Tensor {
    fn into_element(self) -> Result<Batch> {
        (self, ()).into_element()
    }
}

impl<X: IntoTensors, Y: IntoTensors> IntoElement for (X, Y) {
    fn into_element(self) -> Result<Batch> {
        (self.0, self.1, ()).into_element()
    }
}

impl<X: IntoTensors, Y: IntoTensors, W: IntoTensors> IntoElement for (X, Y, W) {
    fn into_element(self) -> Result<Batch> {
        let batch = Batch {
            inputs: self.0.into_tensors()?,
            targets: self.1.into_tensors()?,
            sample_weight: one_weight(self.2.into_tensors()?)?,
        };
        batch.into_element()
    }
}

impl<T: IntoElement> IntoElement for Result<T> {
    fn into_element(self) -> Result<Batch> {
        self?.into_element()
    }
}

/// The weight of an element, if there is one.
pub(crate) fn one_weight(mut weights: Vec<Tensor>) -> Result<Option<Tensor>> {
    match weights.len() {
        0 | 1 => Ok(weights.pop()),
        several => Err(Error::data(
            "sample weight",
            "one tensor",
            format!("{several} tensors"),
            "weights of several outputs are loss_weights",
        )),
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn numbers_keep_their_kind_and_shape() -> Result<()> {
        let tensor = |tensors: Result<Vec<Tensor>>| {
            let tensor = tensors?.remove(0);
            Ok::<_, Error>((tensor.kind(), tensor.size()))
        };
        assert_eq!(tensor(2_i64.into_tensors())?, (Kind::Int64, vec![]));
        assert_eq!(tensor([1_u8, 2].into_tensors())?, (Kind::Uint8, vec![2]));
        assert_eq!(tensor(vec![true].into_tensors())?, (Kind::Bool, vec![1]));
        let rows = vec![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(tensor(rows.into_tensors())?, (Kind::Float, vec![2, 3]));
        let none: [[i64; 2]; 0] = [];
        assert_eq!(tensor(none.into_tensors())?, (Kind::Int64, vec![0, 2]));
        Ok(())
    }

    #[test]
    fn elements_need_an_input_and_at_most_one_weight() {
        let error = ((), 3).into_element().unwrap_err().to_string();
        assert!(error.contains("at least one input"), "{error}");
        let weights = [Tensor::from(1.0), Tensor::from(2.0)];
        let error = (1.0, 3, weights).into_element().unwrap_err().to_string();
        assert!(error.contains("loss_weights"), "{error}");
    }
}
