use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::aligned::aligned;
use super::config::LossConfig;
use super::crossentropy::{
    check_classes, check_gamma, check_label_smoothing, class_logits, clipped_probabilities,
    crossentropy_options, smoothed_classes,
};
use super::focal_alpha::FocalAlpha;
use super::loss::{Loss, Output, mean_of_each_example};
use crate::{Error, Result, Shape};

/// The categorical cross-entropy with little weight for examples that are right already.
///
/// `sum(alpha * (1 - p)^gamma * -y_true * log(p))` over the last axis; the mean over all other
/// axes. `p` is divided by its sum and kept within 1e-7 of 0 and 1, with logits as well: that
/// is Keras's definition, so a class given less than 1e-7 has no gradient. Shapes and
/// `from_logits` are those of [`CategoricalCrossentropy`](crate::CategoricalCrossentropy). From
/// Lin et al., Focal Loss for Dense Object Detection, 2017.
///
/// ```
/// use labbook_nn::{CategoricalFocalCrossentropy, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0_i64, 1, 0]).reshape([1, 3]);
/// let y_pred = Tensor::from_slice(&[0.25_f64, 0.5, 0.25]).reshape([1, 3]);
/// let loss = CategoricalFocalCrossentropy::new().alpha([1.0, 2.0, 1.0]);
/// let loss = loss.mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 2.0 * 0.25 * 2.0_f64.ln()).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoricalFocalCrossentropy {
    alpha: FocalAlpha,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
}

impl Default for CategoricalFocalCrossentropy {
    fn default() -> Self {
        Self {
            alpha: FocalAlpha::Same(0.25),
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
        }
    }
}

impl CategoricalFocalCrossentropy {
    /// The loss with an alpha of 0.25 and a gamma of 2.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight of all classes or of each, not negative; the default is 0.25.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alpha(mut self, alpha: impl Into<FocalAlpha>) -> Self {
        self.alpha = alpha.into();
        self
    }

    /// Sets how little examples that are right weigh, at least 0; 0 gives the plain
    /// cross-entropy times alpha. The default is 2.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    crossentropy_options! {
        "softmax",
        /// Sets the share of the truth that is spread evenly over all classes, at least 0 and below
        /// 1; the default is 0.
    }

    /// Values with a last axis of classes, times alpha.
    fn weighted(&self, values: &Tensor) -> Result<Tensor> {
        match &self.alpha {
            FocalAlpha::Same(weight) => Ok(values.f_mul_scalar(*weight)?),
            FocalAlpha::PerClass(weights) => {
                let weights = Tensor::f_from_slice(weights)?.f_to_device(values.device())?;
                Ok(values.f_mul(&weights.f_to_kind(values.kind())?)?)
            }
        }
    }
}

impl Loss for CategoricalFocalCrossentropy {
    fn name(&self) -> &str {
        "categorical_focal_crossentropy"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("CategoricalFocalCrossentropy", self)
    }

    fn check(&self) -> Result<()> {
        check_gamma(self.gamma)?;
        check_label_smoothing(self.label_smoothing)?;
        match self
            .alpha
            .weights()
            .iter()
            .find(|weight| !(weight.is_finite() && **weight >= 0.0))
        {
            None => Ok(()),
            Some(weight) => Err(Error::option(
                "alpha",
                "finite numbers of at least 0",
                weight,
                "use 0.25, or a weight for each class",
            )),
        }
    }

    fn check_output(&self, output: &Shape) -> Result<()> {
        check_classes(self.name(), output)?;
        let FocalAlpha::PerClass(weights) = &self.alpha else {
            return Ok(());
        };
        match output.dims().last() {
            Some(&classes) if classes == weights.len() as i64 => Ok(()),
            _ => Err(Error::data(
                "model output for categorical_focal_crossentropy",
                format!("{} classes, as many as alpha has weights", weights.len()),
                output.to_string(),
                "give a weight for each class, or one number for all",
            )),
        }
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let (y_true, output) = aligned(self.name(), targets, output)?;
        let y_true = smoothed_classes(y_true, self.label_smoothing)?;
        let p = match class_logits(&output, self.from_logits)? {
            Some(logits) => logits.f_softmax(-1, None::<Kind>)?,
            None => output.predictions()?,
        };
        let p = clipped_probabilities(&p)?;
        let losses = y_true.f_mul(&p.f_log()?)?.f_neg()?;
        let factors = p.f_rsub_scalar(1.0)?.f_pow_tensor_scalar(self.gamma)?;
        let losses = self.weighted(&factors.f_mul(&losses)?)?;
        let sums = losses.f_sum_dim_intlist([-1_i64].as_slice(), false, None::<Kind>)?;
        mean_of_each_example(&sums)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_logits_give_finite_gradients() -> Result<()> {
        for gamma in [0.0, 0.5, 2.0] {
            let logits = Tensor::from_slice(&[100.0_f32, -100.0, -100.0, 100.0]).reshape([2, 2]);
            let logits = logits.set_requires_grad(true);
            let y_true = Tensor::from_slice(&[0_i64, 1, 0, 1]).reshape([2, 2]);
            let loss = CategoricalFocalCrossentropy::new().gamma(gamma);
            let output = Output::Logits(logits.shallow_clone());
            loss.mean(&y_true, &output)?.backward();
            assert!(bool::try_from(logits.grad().isfinite().all())?);
        }
        Ok(())
    }

    #[test]
    fn alpha_needs_a_weight_for_each_class() {
        let loss = CategoricalFocalCrossentropy::new().alpha([0.2, 0.3, 0.5]);
        assert!(loss.check_output(&Shape::from(3)).is_ok());
        let error = loss.check_output(&Shape::from(4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "model output for categorical_focal_crossentropy: expected 3 classes, as many as \
             alpha has weights, received (None, 4); give a weight for each class, or one number \
             for all"
        );
        assert!(loss.alpha(vec![1.0, -1.0]).check().is_err());
    }

    #[test]
    fn a_saved_alpha_is_a_number_or_a_list() -> Result<(), serde_json::Error> {
        let read = |text: &str| serde_json::from_str::<CategoricalFocalCrossentropy>(text);
        let loss = CategoricalFocalCrossentropy::new();
        assert_eq!(read(r#"{"alpha": 0.5}"#)?, loss.clone().alpha(0.5));
        assert_eq!(read(r#"{"alpha": [1, 2]}"#)?, loss.alpha([1.0, 2.0]));
        Ok(())
    }
}
