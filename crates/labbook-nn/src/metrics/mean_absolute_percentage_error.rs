use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::doubles;
use crate::Result;

/// The mean of the absolute errors in percent of the truth, which is taken for at least 1e-7 in
/// size, as in Keras.
///
/// ```
/// use labbook_nn::{Metric, metrics};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[2.0, 4.0]);
/// let predictions = Tensor::from_slice(&[1.0, 5.0]);
/// let mut metric = metrics::MeanAbsolutePercentageError::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 37.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanAbsolutePercentageError {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl MeanAbsolutePercentageError {
    /// The error under the key `mean_absolute_percentage_error`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("mean_absolute_percentage_error");
}

/// Keras's `epsilon()`.
const EPSILON: f64 = 1e-7;

impl Metric for MeanAbsolutePercentageError {
    described!("MeanAbsolutePercentageError", "mean_absolute_percentage_error", higher_is_better: false);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth, predictions) = doubles(Metric::name(self), y_true, y_pred)?;
        let errors = truth.f_sub(&predictions)?.f_abs()?;
        let shares = errors.f_div(&truth.f_abs()?.f_clamp_min(EPSILON)?)?;
        let percent = shares.f_mul_scalar(100.0)?;
        self.mean.add(&percent, sample_weight)
    }

    mean_of_examples!();
}
