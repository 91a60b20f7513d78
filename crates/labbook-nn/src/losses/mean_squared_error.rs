use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of the squared errors, `mean((y_true - y_pred)^2)`: `"mse"`.
///
/// Targets have the output's shape, any from (N,) on.
///
/// ```
/// use labbook_nn::{Loss, MeanSquaredError, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1.0_f64, 2.0]);
/// let y_pred = Tensor::from_slice(&[1.0_f64, 4.0]);
/// let loss = MeanSquaredError::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert_eq!(loss.double_value(&[]), 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MeanSquaredError {}

impl MeanSquaredError {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for MeanSquaredError {
    fn name(&self) -> &str {
        "mean_squared_error"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("MeanSquaredError", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            Ok(y_true.f_sub(y_pred)?.f_square()?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
