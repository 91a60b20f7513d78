use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of `log(cosh(y_pred - y_true))`: half the square of small errors and
/// the size of large ones, less `log(2)`.
///
/// Targets have the output's shape, any from (N,) on.
///
/// ```
/// use labbook_nn::{LogCosh, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0.0_f64, 100.0]);
/// let y_pred = Tensor::from_slice(&[0.0_f64, 0.0]);
/// let loss = LogCosh::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - (100.0 - 2.0_f64.ln()) / 2.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogCosh {}

impl LogCosh {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for LogCosh {
    fn name(&self) -> &str {
        "log_cosh"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("LogCosh", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            // log(cosh(x)) without the overflow of cosh.
            let error = y_pred.f_sub(y_true)?;
            let softplus = error.f_mul_scalar(-2.0)?.f_softplus()?;
            Ok(error.f_add(&softplus)?.f_sub_scalar(LN_2)?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
