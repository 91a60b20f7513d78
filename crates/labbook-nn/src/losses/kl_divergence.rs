use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::aligned::mean_of;
use super::config::LossConfig;
use super::crossentropy::EPSILON;
use super::loss::{Loss, Output};
use crate::Result;

/// The Kullback-Leibler divergence of predicted from true probabilities: `"kld"`.
///
/// `sum(y_true * log(y_true / y_pred))` over the last axis, both kept within 1e-7 and 1; the mean
/// over all other axes. Targets have the output's shape (N, .., classes).
///
/// ```
/// use labbook_nn::{KLDivergence, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1.0_f64, 1e-7]).reshape([1, 2]);
/// let y_pred = Tensor::from_slice(&[0.5_f64, 0.5]).reshape([1, 2]);
/// let loss = KLDivergence::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 2.0_f64.ln()).abs() < 1e-5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct KLDivergence {}

impl KLDivergence {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Loss for KLDivergence {
    fn name(&self) -> &str {
        "kl_divergence"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("KLDivergence", self)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            let y_true = y_true.f_clamp(EPSILON, 1.0)?;
            let y_pred = y_pred.f_clamp(EPSILON, 1.0)?;
            let divergence = y_true.f_mul(&y_true.f_div(&y_pred)?.f_log()?)?;
            Ok(divergence.f_sum_dim_intlist([-1_i64].as_slice(), false, None::<Kind>)?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
