use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::doubles;
use crate::Result;

/// The mean of the squared differences of `log(1 + truth)` and `log(1 + prediction)`; numbers
/// below 1e-7 are taken for it, as in Keras.
///
/// ```
/// use labbook_nn::{Metric, metrics};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0.0, 1.0]);
/// let predictions = Tensor::from_slice(&[0.0, 3.0]);
/// let mut metric = metrics::MeanSquaredLogarithmicError::new();
/// metric.update(&truth, &predictions, None)?;
/// assert!((metric.result()? - 2.0_f64.ln().powi(2) / 2.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanSquaredLogarithmicError {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl MeanSquaredLogarithmicError {
    /// The error under the key `mean_squared_logarithmic_error`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("mean_squared_logarithmic_error");
}

/// Keras's `epsilon()`.
const EPSILON: f64 = 1e-7;

impl Metric for MeanSquaredLogarithmicError {
    described!("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", higher_is_better: false);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth, predictions) = doubles(Metric::name(self), y_true, y_pred)?;
        let logarithm = |numbers: &Tensor| numbers.f_clamp_min(EPSILON)?.f_log1p();
        let errors = logarithm(&truth)?.f_sub(&logarithm(&predictions)?)?;
        self.mean.add(&errors.f_square()?, sample_weight)
    }

    mean_of_examples!();
}
