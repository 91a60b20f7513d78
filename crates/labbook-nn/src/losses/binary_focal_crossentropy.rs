use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::aligned;
use super::config::LossConfig;
use super::crossentropy::{
    binary, binary_logits, check_gamma, check_label_smoothing, crossentropy_options,
    smoothed_labels,
};
use super::loss::{Loss, Output, mean_of_each_example};
use crate::{Error, Result};

/// The binary cross-entropy with little weight for answers that are right already.
///
/// The mean of `(1 - p_t)^gamma` times the binary cross-entropy, where `p_t` is the probability
/// given to the right answer. With `apply_class_balancing` each is multiplied by `alpha` where
/// the truth is 1 and by `1 - alpha` where it is 0. Shapes and `from_logits` are those of
/// [`BinaryCrossentropy`](crate::BinaryCrossentropy). From Lin et al., Focal Loss for Dense
/// Object Detection, 2017.
///
/// ```
/// use labbook_nn::{BinaryFocalCrossentropy, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1_i64, 0]);
/// let y_pred = Tensor::from_slice(&[0.5_f64, 0.75]);
/// let loss = BinaryFocalCrossentropy::new().gamma(1.0);
/// let losses = loss.per_example(&y_true, &Output::Values(y_pred))?;
/// assert!((losses.double_value(&[0]) - 0.5 * 2.0_f64.ln()).abs() < 1e-9);
/// assert!((losses.double_value(&[1]) - 0.75 * 4.0_f64.ln()).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryFocalCrossentropy {
    apply_class_balancing: bool,
    alpha: f64,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
}

impl Default for BinaryFocalCrossentropy {
    fn default() -> Self {
        Self {
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
        }
    }
}

impl BinaryFocalCrossentropy {
    /// The loss with a gamma of 2 and without class balancing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether the two answers weigh differently, see [`alpha`](Self::alpha); the default
    /// is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn apply_class_balancing(mut self, apply_class_balancing: bool) -> Self {
        self.apply_class_balancing = apply_class_balancing;
        self
    }

    /// Sets the weight of a true yes, from 0 to 1; that of a no is what is left to 1. The
    /// default is 0.25. Without [`apply_class_balancing`](Self::apply_class_balancing) it
    /// changes nothing.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets how little answers that are right weigh, at least 0; 0 gives the plain
    /// cross-entropy. The default is 2.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    crossentropy_options! {
        "sigmoid",
        /// Draws the labels towards one half by this share, at least 0 and below 1; the default is
        /// 0.
    }

    /// `1 - p_t`, to the power of gamma.
    fn focal_factor(&self, y_true: &Tensor, output: &Output) -> Result<Tensor> {
        let (yes, no) = match binary_logits(output, self.from_logits)? {
            // 1 - sigmoid(x) would round to 0 for a sure yes.
            Some(logits) => (logits.f_sigmoid()?, logits.f_neg()?.f_sigmoid()?),
            None => {
                let yes = output.predictions()?;
                let no = yes.f_rsub_scalar(1.0)?;
                (yes, no)
            }
        };
        let missed = y_true.f_mul(&no)?;
        let missed = missed.f_add(&y_true.f_rsub_scalar(1.0)?.f_mul(&yes)?)?;
        let missed = match self.gamma < 1.0 {
            // The slope of such a power at 0 is infinite.
            true => missed.f_clamp_min(f64::from(f32::MIN_POSITIVE))?,
            false => missed,
        };
        Ok(missed.f_pow_tensor_scalar(self.gamma)?)
    }
}

impl Loss for BinaryFocalCrossentropy {
    fn name(&self) -> &str {
        "binary_focal_crossentropy"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("BinaryFocalCrossentropy", self)
    }

    fn check(&self) -> Result<()> {
        check_gamma(self.gamma)?;
        check_label_smoothing(self.label_smoothing)?;
        match (0.0..=1.0).contains(&self.alpha) {
            true => Ok(()),
            false => Err(Error::option(
                "alpha",
                "a share from 0 to 1",
                self.alpha,
                "use the share of weight that a yes shall have, such as 0.25",
            )),
        }
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let (y_true, output) = aligned(self.name(), targets, output)?;
        let y_true = smoothed_labels(y_true, self.label_smoothing)?;
        let losses = binary(&y_true, &output, self.from_logits)?;
        let losses = self.focal_factor(&y_true, &output)?.f_mul(&losses)?;
        if !self.apply_class_balancing {
            return mean_of_each_example(&losses);
        }
        // alpha for a yes, 1 - alpha for a no, and between for what is between.
        let weights = y_true
            .f_mul_scalar(2.0 * self.alpha - 1.0)?
            .f_add_scalar(1.0 - self.alpha)?;
        mean_of_each_example(&weights.f_mul(&losses)?)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BinaryCrossentropy;
    use tch::Kind;

    fn gradient(loss: &BinaryFocalCrossentropy, labels: &[f32], logits: &[f32]) -> Result<Tensor> {
        let logits = Tensor::from_slice(logits).set_requires_grad(true);
        let output = Output::BinaryLogits(logits.shallow_clone());
        loss.per_example(&Tensor::from_slice(labels), &output)?
            .sum(Kind::Float)
            .backward();
        Ok(logits.grad())
    }

    #[test]
    fn gradients_stay_finite_far_out_for_every_gamma() -> Result<()> {
        for gamma in [0.0, 0.5, 1.0, 2.0, 5.0] {
            let loss = BinaryFocalCrossentropy::new().gamma(gamma);
            let far = [100.0, -100.0, 100.0, -100.0, 1e4, -1e4];
            let gradient = gradient(&loss, &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], &far)?;
            assert!(bool::try_from(gradient.isfinite().all())?, "gamma {gamma}");
            assert!((gradient.double_value(&[2]) - 1.0).abs() < 1e-5);
            assert!((gradient.double_value(&[3]) + 1.0).abs() < 1e-5);
        }
        Ok(())
    }

    #[test]
    fn a_gamma_of_zero_gives_the_plain_cross_entropy() -> Result<()> {
        let y_true = Tensor::from_slice(&[1.0_f64, 0.0, 1.0]);
        let output = Output::BinaryLogits(Tensor::from_slice(&[0.3_f64, -2.0, -1.0]));
        let focal = BinaryFocalCrossentropy::new().gamma(0.0);
        let difference = focal.per_example(&y_true, &output)?
            - BinaryCrossentropy::new().per_example(&y_true, &output)?;
        assert!(difference.abs().max().double_value(&[]) < 1e-12);
        Ok(())
    }

    #[test]
    fn options_outside_their_range_are_refused() {
        let loss = BinaryFocalCrossentropy::new;
        assert!(loss().check().is_ok());
        assert!(loss().alpha(1.5).check().is_err());
        assert!(loss().gamma(-1.0).check().is_err());
        assert!(loss().gamma(f64::NAN).check().is_err());
        assert!(loss().label_smoothing(1.0).check().is_err());
    }
}
