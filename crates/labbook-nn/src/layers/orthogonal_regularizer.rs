use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::{Error, Result};

/// A penalty that is 0 where the rows of a matrix are at right angles to each other:
/// `factor` times the mean, over all pairs of rows, of the absolute cosine between them.
///
/// As in Keras the factor is 0.01 unless told otherwise. For kernels of dense layers, which are
/// (inputs, units): the filters are the [columns](Self::columns).
///
/// ```
/// use labbook_nn::{Dense, OrthogonalRegularizer};
///
/// let layer = Dense::new(4).kernel_regularizer(OrthogonalRegularizer::new(0.1).columns());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrthogonalRegularizer {
    /// What the mean is multiplied by.
    pub factor: f64,
    /// Whether columns are compared in place of rows.
    pub columns: bool,
}

/// No sum of squares is taken for less: Keras's `normalize` has its root as a bound.
const LEAST_SQUARE: f64 = 1e-12;

impl OrthogonalRegularizer {
    /// A penalty on rows; the factor has to be finite and not negative.
    #[must_use]
    pub fn new(factor: f64) -> Self {
        Self {
            factor,
            columns: false,
        }
    }

    /// The same for columns.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn columns(mut self) -> Self {
        self.columns = true;
        self
    }

    /// The penalty of a matrix, as a tensor without axes.
    pub(crate) fn penalty(self, matrix: &Tensor) -> Result<Tensor> {
        let rows = match (matrix.dim(), self.columns) {
            (2, true) => matrix.f_tr()?,
            (2, false) => matrix.shallow_clone(),
            (rank, _) => {
                return Err(Error::data(
                    "an OrthogonalRegularizer",
                    "a matrix",
                    format!("a tensor of {rank} axes"),
                    "use L1L2 for it",
                ));
            }
        };
        let count = rows.size()[0] as f64;
        let squares = rows
            .f_square()?
            .f_sum_dim_intlist(1_i64, true, None::<Kind>)?;
        let rows = rows.f_mul(&squares.f_clamp_min(LEAST_SQUARE)?.f_rsqrt()?)?;
        let cosines = rows.f_mm(&rows.f_tr()?)?.f_abs()?;
        // Each pair stands there twice, and every row with itself.
        let off = cosines.f_sum(None::<Kind>)?.f_sub(&cosines.f_trace()?)?;
        let pairs = (count * (count - 1.0)).max(1.0);
        Ok(off.f_mul_scalar(self.factor / pairs)?)
    }
}

impl Default for OrthogonalRegularizer {
    fn default() -> Self {
        Self::new(0.01)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_at_right_angles_cost_nothing_and_parallel_ones_the_factor() -> Result<()> {
        let matrix = |numbers: &[f64]| Tensor::from_slice(numbers).reshape([2, 2]);
        let rows = OrthogonalRegularizer::new(0.5);
        let cost = |matrix: Tensor| rows.penalty(&matrix).map(|cost| cost.double_value(&[]));
        assert!(cost(matrix(&[1.0, 1.0, 2.0, -2.0]))?.abs() < 1e-12);
        assert!((cost(matrix(&[1.0, 2.0, -2.0, -4.0]))? - 0.5).abs() < 1e-12);
        let columns = rows.columns().penalty(&matrix(&[1.0, 0.0, 1.0, 1.0]))?;
        assert!((columns.double_value(&[]) - 0.5 / 2.0_f64.sqrt()).abs() < 1e-12);
        assert!(rows.penalty(&Tensor::from_slice(&[1.0])).is_err());
        Ok(())
    }
}
