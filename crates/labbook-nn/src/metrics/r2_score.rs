use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::metric::Metric;
use super::options::{described, name_option};
use super::shapes::{doubles, spread, unsuitable};
use crate::Result;

/// The coefficient of determination, the share of the truth's variance that is explained: 1 is
/// perfect, 0 no better than the mean, and there is no worst.
///
/// Several outputs count with the mean of their scores, as `"uniform_average"` does. Where the
/// truth is constant the score is 0, or NaN if it is met exactly, as in Keras.
///
/// ```
/// use labbook_nn::{Metric, R2Score};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[1.0, 4.0, 3.0]);
/// let predictions = Tensor::from_slice(&[2.0, 4.0, 4.0]);
/// let mut metric = R2Score::new();
/// metric.update(&truth, &predictions, None)?;
/// assert!((metric.result()? - 4.0 / 7.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct R2Score {
    name: Option<String>,
    #[serde(skip)]
    sums: Option<Sums>,
}

/// Sums over all examples, in double precision.
#[derive(Debug)]
struct Sums {
    /// The first example's truth. Sums of what differs from it lose no digits, and are exactly 0
    /// if nothing does.
    first: Tensor,
    /// Of each output: sum of weights, of weighted differences, of their squares, and of the
    /// squared errors; shape (4, outputs).
    sums: Tensor,
}

impl R2Score {
    /// The score under the key `r2_score`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("r2_score");
}

impl Metric for R2Score {
    described!("R2Score", "r2_score", higher_is_better: true);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let size = y_pred.size();
        let outputs = match *size.as_slice() {
            [_] => 1,
            [_, outputs] => outputs,
            _ => {
                let advice = "for sequences and images use mean_squared_error";
                return Err(unsuitable(
                    Metric::name(self),
                    "predictions of shape (N, outputs)",
                    &size,
                    advice,
                ));
            }
        };
        if size.first() == Some(&0) {
            return Ok(());
        }
        let (truth, predictions) = doubles(Metric::name(self), y_true, y_pred)?;
        let rows = |tensor: &Tensor| tensor.f_reshape([-1, outputs]);
        let (truth, predictions) = (rows(&truth)?, rows(&predictions)?);
        let weights = match sample_weight {
            Some(weights) => spread(weights, &truth)?,
            None => truth.f_ones_like()?,
        };
        let first = match &self.sums {
            Some(sums) => sums.first.shallow_clone(),
            None => truth.f_select(0, 0)?.f_detach_copy()?,
        };
        let from_first = truth.f_sub(&first)?;
        let weighted = from_first.f_mul(&weights)?;
        let errors = truth.f_sub(&predictions)?.f_square()?.f_mul(&weights)?;
        let squares = weighted.f_mul(&from_first)?;
        let sums = Tensor::f_stack(&[weights, weighted, squares, errors], 0)?.f_sum_dim_intlist(
            [1_i64].as_slice(),
            false,
            Kind::Double,
        )?;
        match &mut self.sums {
            Some(all) => drop(all.sums.f_add_(&sums)?),
            None => self.sums = Some(Sums { first, sums }),
        }
        Ok(())
    }

    fn result(&self) -> Result<f64> {
        let Some(Sums { sums, .. }) = &self.sums else {
            return Ok(f64::NAN);
        };
        let outputs = Vec::<Vec<f64>>::try_from(sums.f_tr()?)?;
        let score = |sums: &Vec<f64>| match *sums.as_slice() {
            [count, sum, squares, errors] => {
                let score = 1.0 - errors / (squares - sum * sum / count);
                if score.is_infinite() { 0.0 } else { score }
            }
            _ => f64::NAN,
        };
        Ok(outputs.iter().map(score).sum::<f64>() / outputs.len() as f64)
    }

    fn reset(&mut self) {
        self.sums = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_not_lost_far_from_zero() -> Result<()> {
        let truth = Tensor::from_slice(&[1e9 + 1.0, 1e9 + 4.0, 1e9 + 3.0]);
        let predictions = Tensor::from_slice(&[1e9 + 2.0, 1e9 + 4.0, 1e9 + 4.0]);
        let mut metric = R2Score::new();
        metric.update(&truth, &predictions, None)?;
        assert!((metric.result()? - 4.0 / 7.0).abs() < 1e-9);
        Ok(())
    }
}
