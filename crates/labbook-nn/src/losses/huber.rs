use serde::{Deserialize, Serialize};
use tch::{Reduction, Tensor};

use super::aligned::mean_of;
use super::config::LossConfig;
use super::loss::{Loss, Output};
use crate::{Error, Result};

/// Half the square of small errors, and of large ones what follows with the same slope.
///
/// `0.5 * error^2` where `|error| <= delta`, else `delta * |error| - 0.5 * delta^2`, and the
/// mean of these. Targets have the output's shape, any from (N,) on.
///
/// ```
/// use labbook_nn::{Huber, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0.0_f64, 0.0]);
/// let y_pred = Tensor::from_slice(&[1.0_f64, 10.0]);
/// let loss = Huber::new().delta(2.0).mean(&y_true, &Output::Values(y_pred))?;
/// assert_eq!(loss.double_value(&[]), (0.5 + 18.0) / 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Huber {
    delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Huber {
    /// The loss with a delta of 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the size of error, in the units of the targets, above which the loss grows in
    /// proportion to it; more than 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn delta(mut self, delta: f64) -> Self {
        self.delta = delta;
        self
    }
}

impl Loss for Huber {
    /// Keras's class has this name; `compile` takes `"huber"`.
    fn name(&self) -> &str {
        "huber_loss"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("Huber", self)
    }

    fn check(&self) -> Result<()> {
        if self.delta.is_finite() && self.delta > 0.0 {
            return Ok(());
        }
        Err(Error::option(
            "delta",
            "a finite number above 0",
            self.delta,
            "use 1.0, or the error from which targets count as outliers",
        ))
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        mean_of(self.name(), targets, output, |y_true, y_pred| {
            Ok(y_pred.f_huber_loss(y_true, Reduction::None, self.delta)?)
        })
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delta_has_to_be_a_positive_number() {
        assert!(Huber::new().check().is_ok());
        for delta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Huber::new().delta(delta).check().is_err(), "{delta}");
        }
    }
}
