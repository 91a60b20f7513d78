use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::aligned::aligned;
use super::config::LossConfig;
use super::crossentropy::EPSILON;
use super::loss::{Loss, Output, mean_of_each_example};
use crate::{Error, Result, Shape};

/// Minus the cosine of the angle between truth and prediction: -1 for the same direction, 1
/// for opposite ones, 0 at right angles or where one of the two is zero.
///
/// `-sum(y_true / |y_true| * y_pred / |y_pred|)` along one axis, the last by default; the mean
/// over all other axes. Targets have the output's shape, at least (N, numbers).
///
/// ```
/// use labbook_nn::{CosineSimilarity, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0.0_f64, 1.0, 2.0, 2.0]).reshape([2, 2]);
/// let y_pred = Tensor::from_slice(&[3.0_f64, 0.0, 5.0, 5.0]).reshape([2, 2]);
/// let loss = CosineSimilarity::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - (0.0 - 1.0) / 2.0).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CosineSimilarity {
    axis: i64,
}

impl Default for CosineSimilarity {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

impl CosineSimilarity {
    /// The loss along the last axis.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the axis of the vectors to compare: 1 is the first after the batch axis, -1 the
    /// last.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }
}

impl Loss for CosineSimilarity {
    fn name(&self) -> &str {
        "cosine_similarity"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("CosineSimilarity", self)
    }

    fn check(&self) -> Result<()> {
        match self.axis {
            0 => Err(Error::option(
                "axis",
                "an axis of each example",
                0,
                "0 is the axis of the batch; use 1 for the first axis after it, -1 for the last",
            )),
            _ => Ok(()),
        }
    }

    fn check_output(&self, output: &Shape) -> Result<()> {
        let rank = output.rank() as i64;
        if (1..=rank).contains(&self.axis) || (-rank..0).contains(&self.axis) {
            return Ok(());
        }
        Err(Error::data(
            "model output for cosine_similarity",
            format!("vectors along axis {}", self.axis),
            output.to_string(),
            "end the model with Dense::new(numbers), or choose another .axis(..)",
        ))
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let (y_true, output) = aligned(self.name(), targets, output)?;
        let axis = [self.axis];
        let direction = |values: &Tensor| -> Result<Tensor> {
            let squares = values.f_square()?;
            let squares = squares.f_sum_dim_intlist(axis.as_slice(), true, None::<Kind>)?;
            // Keras's min(1 / norm, 1 / epsilon), but its gradient of a zero is NaN.
            let shortest = EPSILON * EPSILON;
            Ok(values.f_mul(&squares.f_clamp_min(shortest)?.f_rsqrt()?)?)
        };
        let products = direction(&y_true)?.f_mul(&direction(&output.predictions()?)?)?;
        let cosines = products.f_sum_dim_intlist(axis.as_slice(), false, None::<Kind>)?;
        mean_of_each_example(&cosines.f_neg()?)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_does_not_matter_and_swapping_neither() -> Result<()> {
        let a = Tensor::from_slice(&[1.0_f64, 2.0, -0.5, 0.25]).reshape([2, 2]);
        let b = Tensor::from_slice(&[0.5_f64, -1.0, 3.0, 1.0]).reshape([2, 2]);
        let of = |a: &Tensor, b: &Tensor| -> Result<Vec<f64>> {
            let output = Output::Values(b.shallow_clone());
            let losses = CosineSimilarity::new().per_example(a, &output)?;
            Ok(vec![losses.double_value(&[0]), losses.double_value(&[1])])
        };
        let expected = of(&a, &b)?;
        for (a, b) in [(&b, &a), (&(&a * 7.0), &(&b * 0.1))] {
            for (value, expected) in of(a, b)?.iter().zip(&expected) {
                assert!((value - expected).abs() < 1e-12);
            }
        }
        Ok(())
    }

    #[test]
    fn the_axis_has_to_be_one_of_an_example() {
        let loss = CosineSimilarity::new;
        let fits = |axis: i64, shape: &Shape| loss().axis(axis).check_output(shape).is_ok();
        let sequence = Shape::from((4, 3));
        assert!(fits(1, &sequence) && fits(2, &sequence) && fits(-1, &sequence));
        assert!(fits(-2, &sequence) && !fits(-3, &sequence) && !fits(3, &sequence));
        assert!(!fits(-1, &Shape::from([])));
        assert!(loss().axis(0).check().is_err());
    }
}
