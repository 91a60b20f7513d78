use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::aligned::mean_of;
use super::config::LossConfig;
use super::crossentropy::check_classes;
use super::loss::{Loss, Output};
use crate::{Result, Shape};

/// How far the right class fails to lead by 1, for one-hot rows.
///
/// `max(neg - pos + 1, 0)` with `pos = sum(y_true * y_pred)` and
/// `neg = max((1 - y_true) * y_pred)` over the last axis; the mean over all other axes. Targets
/// have the output's shape (N, .., classes).
///
/// ```
/// use labbook_nn::{CategoricalHinge, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0_i64, 1, 0]).reshape([1, 3]);
/// let y_pred = Tensor::from_slice(&[0.5_f64, 1.0, -1.0]).reshape([1, 3]);
/// let loss = CategoricalHinge::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert_eq!(loss.double_value(&[]), 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CategoricalHinge {}

impl CategoricalHinge {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for CategoricalHinge {
    fn name(&self) -> &str {
        "categorical_hinge"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("CategoricalHinge", self)
    }

    fn check_output(&self, output: &Shape) -> Result<()> {
        check_classes(self.name(), output)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            let of_right = y_true.f_mul(y_pred)?;
            let of_right = of_right.f_sum_dim_intlist([-1_i64].as_slice(), false, None::<Kind>)?;
            let of_others = y_true.f_rsub_scalar(1.0)?.f_mul(y_pred)?;
            let of_others = of_others.f_amax([-1_i64].as_slice(), false)?;
            Ok(of_others
                .f_sub(&of_right)?
                .f_add_scalar(1.0)?
                .f_clamp_min(0.0)?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
