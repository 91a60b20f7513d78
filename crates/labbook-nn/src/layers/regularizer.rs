use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Result;

/// A penalty `l1 * sum(|w|) + l2 * sum(w^2)` that a layer's kernel adds to the loss.
///
/// Sums, not means, and the squares are not halved, as in Keras. The default is
/// `L1L2::new(0.01, 0.01)`: what Keras 2.4 makes of the string `'l1_l2'`. (Its class has
/// zeros as defaults, and Keras 3 no longer knows the string.)
///
/// ```
/// use labbook_nn::{Dense, Input, L1L2, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(8);
/// let outputs = Dense::new(4).kernel_regularizer(L1L2::new(0.0, 0.001)).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L1L2 {
    /// Factor of the sum of absolute values.
    pub l1: f64,
    /// Factor of the sum of squares.
    pub l2: f64,
}

impl L1L2 {
    /// A penalty with both factors, which have to be finite and not negative.
    #[must_use]
    pub fn new(l1: f64, l2: f64) -> Self {
        Self { l1, l2 }
    }

    pub(crate) fn is_valid(self) -> bool {
        [self.l1, self.l2]
            .iter()
            .all(|f| f.is_finite() && *f >= 0.0)
    }

    /// The penalty of one kernel, as a tensor without axes.
    pub(crate) fn penalty(self, kernel: &Tensor) -> Result<Tensor> {
        let l1 = kernel.f_abs()?.f_sum(None::<Kind>)?.f_mul_scalar(self.l1)?;
        let l2 = kernel
            .f_square()?
            .f_sum(None::<Kind>)?
            .f_mul_scalar(self.l2)?;
        Ok(l1.f_add(&l2)?)
    }
}

impl Default for L1L2 {
    fn default() -> Self {
        Self::new(0.01, 0.01)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_penalty_sums_absolute_values_and_squares() -> Result<()> {
        let kernel = Tensor::from_slice(&[1.0_f64, -2.0, 3.0]);
        let penalty = L1L2::new(0.1, 0.01).penalty(&kernel)?.double_value(&[]);
        assert!((penalty - (0.6 + 0.14)).abs() < 1e-12);
        assert_eq!(L1L2::default(), L1L2 { l1: 0.01, l2: 0.01 });
        Ok(())
    }
}
