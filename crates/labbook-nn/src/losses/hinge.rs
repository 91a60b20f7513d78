use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::mean_of;
use super::config::LossConfig;
use super::hinge_labels::signed;
use super::loss::{Loss, Output};
use crate::Result;

/// The mean of `max(1 - y_true * y_pred, 0)`, for labels -1 and 1.
///
/// Labels 0 and 1 are converted if the batch has no others. Targets have the output's shape, any
/// from (N,) on.
///
/// ```
/// use labbook_nn::{Hinge, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0_i64, 1]);
/// let y_pred = Tensor::from_slice(&[0.5_f64, 2.0]);
/// let loss = Hinge::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert_eq!(loss.double_value(&[]), 0.75);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Hinge {}

impl Hinge {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for Hinge {
    fn name(&self) -> &str {
        "hinge"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("Hinge", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            let margin = signed(y_true)?.f_mul(y_pred)?;
            // At the corner the gradient is that of the slope, as in Keras; a ReLU's is 0.
            Ok(margin.f_rsub_scalar(1.0)?.f_clamp_min(0.0)?)
        })
    }

    /// No: whether labels 0 and 1 are converted depends on all labels of the batch.
    fn is_mean_over_examples(&self) -> bool {
        false
    }
}
