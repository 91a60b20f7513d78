use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::crossentropy::EPSILON;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of `y_pred - y_true * log(y_pred + 1e-7)`: for counts and the rates that predict them.
///
/// It is smallest, but not 0, where rates equal counts. Targets have the output's shape, any from
/// (N,) on; end the model with an activation that gives positive numbers, such as `Softplus`.
///
/// ```
/// use labbook_nn::{Loss, Output, Poisson};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[3.0_f64, 0.0]);
/// let y_pred = Tensor::from_slice(&[1.0_f64, 2.0]);
/// let loss = Poisson::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 1.5).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Poisson {}

impl Poisson {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for Poisson {
    fn name(&self) -> &str {
        "poisson"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("Poisson", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            let logarithm = y_pred.f_add_scalar(EPSILON)?.f_log()?;
            Ok(y_pred.f_sub(&y_true.f_mul(&logarithm)?)?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
