use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of the absolute errors, `mean(|y_true - y_pred|)`: `"mae"`.
///
/// Targets have the output's shape, any from (N,) on.
///
/// ```
/// use labbook_nn::{Loss, MeanAbsoluteError, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1.0_f64, 2.0]);
/// let y_pred = Tensor::from_slice(&[1.0_f64, 4.0]);
/// let loss = MeanAbsoluteError::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert_eq!(loss.double_value(&[]), 1.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MeanAbsoluteError {}

impl MeanAbsoluteError {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for MeanAbsoluteError {
    fn name(&self) -> &str {
        "mean_absolute_error"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("MeanAbsoluteError", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            Ok(y_true.f_sub(y_pred)?.f_abs()?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
