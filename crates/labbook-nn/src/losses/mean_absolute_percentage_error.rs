use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::crossentropy::EPSILON;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of the absolute errors in percent of the truth: `"mape"`.
///
/// `100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7))`, so a truth of 0 weighs ten million times
/// as much as one of 1. Targets have the output's shape, any from (N,) on.
///
/// ```
/// use labbook_nn::{Loss, MeanAbsolutePercentageError, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[10.0_f64, 4.0]);
/// let y_pred = Tensor::from_slice(&[9.0_f64, 5.0]);
/// let loss = MeanAbsolutePercentageError::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 17.5).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MeanAbsolutePercentageError {}

impl MeanAbsolutePercentageError {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for MeanAbsolutePercentageError {
    fn name(&self) -> &str {
        "mean_absolute_percentage_error"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("MeanAbsolutePercentageError", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            let scale = y_true.f_abs()?.f_clamp_min(EPSILON)?;
            let share = y_true.f_sub(y_pred)?.f_div(&scale)?.f_abs()?;
            Ok(share.f_mul_scalar(100.0)?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
