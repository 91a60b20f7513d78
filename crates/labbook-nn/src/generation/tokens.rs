use tch::{Kind, Tensor};

use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// What can be a prompt: whole numbers, or a tensor of them with one row.
///
/// ```
/// use labbook_nn::IntoTokens;
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// assert_eq!([3, 1].into_tokens()?, [3, 1]);
/// assert_eq!((&Tensor::from_slice(&[3_i64, 1]).reshape([1, 2])).into_tokens()?, [3, 1]);
/// # Ok(())
/// # }
/// ```
pub trait IntoTokens {
    /// These numbers.
    ///
    /// # Errors
    /// When a tensor holds something else.
    fn into_tokens(self) -> Result<Vec<i64>>;
}

impl IntoTokens for &Tensor {
    fn into_tokens(self) -> Result<Vec<i64>> {
        let size = self.size();
        let one_row = matches!(size[..], [_] | [1, _]);
        let whole = matches!(
            self.f_kind()?,
            Kind::Int64 | Kind::Int | Kind::Int16 | Kind::Int8 | Kind::Uint8
        );
        if !one_row || !whole {
            return Err(Error::data(
                "prompt",
                "whole numbers of shape (steps,) or (1, steps)",
                format!("{:?} of shape {}", self.f_kind()?, tuple(&size)),
                "take one row: &ids.get(0)",
            ));
        }
        Ok(Vec::try_from(
            self.f_to_kind(Kind::Int64)?.f_flatten(0, -1)?,
        )?)
    }
}

impl IntoTokens for Tensor {
    fn into_tokens(self) -> Result<Vec<i64>> {
        (&self).into_tokens()
    }
}

impl IntoTokens for Vec<i64> {
    fn into_tokens(self) -> Result<Vec<i64>> {
        Ok(self)
    }
}

impl IntoTokens for &Vec<i64> {
    fn into_tokens(self) -> Result<Vec<i64>> {
        Ok(self.clone())
    }
}

impl IntoTokens for &[i64] {
    fn into_tokens(self) -> Result<Vec<i64>> {
        Ok(self.to_vec())
    }
}

impl<const N: usize> IntoTokens for [i64; N] {
    fn into_tokens(self) -> Result<Vec<i64>> {
        Ok(self.to_vec())
    }
}

impl<const N: usize> IntoTokens for &[i64; N] {
    fn into_tokens(self) -> Result<Vec<i64>> {
        Ok(self.to_vec())
    }
}
