use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::crossentropy::EPSILON;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of the squared differences of logarithms: `"msle"`.
///
/// `mean((log(1 + max(y_true, 1e-7)) - log(1 + max(y_pred, 1e-7)))^2)`: for quantities that are
/// not negative and of which the ratio matters. Targets have the output's shape, any from (N,) on.
///
/// ```
/// use labbook_nn::{Loss, MeanSquaredLogarithmicError, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1.0_f64, 7.0]);
/// let y_pred = Tensor::from_slice(&[1.0_f64, 3.0]);
/// let loss = MeanSquaredLogarithmicError::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 2.0_f64.ln().powi(2) / 2.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MeanSquaredLogarithmicError {}

impl MeanSquaredLogarithmicError {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for MeanSquaredLogarithmicError {
    fn name(&self) -> &str {
        "mean_squared_logarithmic_error"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("MeanSquaredLogarithmicError", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            let logarithm = |values: &Tensor| -> Result<Tensor> {
                Ok(values.f_clamp_min(EPSILON)?.f_add_scalar(1.0)?.f_log()?)
            };
            Ok(logarithm(y_pred)?.f_sub(&logarithm(y_true)?)?.f_square()?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
