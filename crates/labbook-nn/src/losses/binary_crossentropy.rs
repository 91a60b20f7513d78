use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::aligned::aligned;
use super::config::LossConfig;
use super::crossentropy::{binary, check_label_smoothing, crossentropy_options, smoothed_labels};
use super::loss::{Loss, Output, mean_of_each_example};
use crate::Result;

/// Minus the logarithm of the probability given to the right answer to a yes or no.
///
/// The mean of `-(y_true * log(p) + (1 - y_true) * log(1 - p))`. Targets are 0, 1 or between,
/// in the output's shape: (N,) or (N, 1) for one question, (N, questions) for several that have
/// nothing to do with each other, (N, height, width, 1) for a mask.
///
/// When the model ends with a sigmoid, or `from_logits` is set, it is computed from the logits,
/// exact for probabilities too small for an `f32`. Otherwise, also after a softmax, `p` is
/// kept within 1e-7 of 0 and 1. (Keras on TensorFlow takes the sigmoid of a softmax's logits,
/// which is no loss of what `predict` gives; on its other backends it does as here.)
///
/// ```
/// use labbook_nn::{BinaryCrossentropy, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1_i64, 0]);
/// let logits = Tensor::from_slice(&[0.0_f64, 100.0]).reshape([2, 1]);
/// let loss = BinaryCrossentropy::new().from_logits(true);
/// let losses = loss.per_example(&y_true, &Output::Values(logits))?;
/// assert!((losses.double_value(&[0]) - 2.0_f64.ln()).abs() < 1e-9);
/// assert_eq!(losses.double_value(&[1]), 100.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl BinaryCrossentropy {
    /// The loss for a model that puts out probabilities.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    crossentropy_options! {
        "sigmoid",
        /// Draws the labels towards one half by this share, at least 0 and below 1: with 0.1 they
        /// are 0.05 and 0.95. The default is 0.
    }
}

impl Loss for BinaryCrossentropy {
    fn name(&self) -> &str {
        "binary_crossentropy"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("BinaryCrossentropy", self)
    }

    fn check(&self) -> Result<()> {
        check_label_smoothing(self.label_smoothing)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let (y_true, output) = aligned(self.name(), targets, output)?;
        let y_true = smoothed_labels(y_true, self.label_smoothing)?;
        mean_of_each_example(&binary(&y_true, &output, self.from_logits)?)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_logits_keep_an_exact_loss_and_a_gradient() -> Result<()> {
        let logits = Tensor::from_slice(&[100.0_f32, -100.0, 100.0, -100.0]);
        let logits = logits.set_requires_grad(true);
        let y_true = Tensor::from_slice(&[1_i64, 0, 0, 1]);
        let output = Output::BinaryLogits(logits.shallow_clone());
        let losses = BinaryCrossentropy::new().per_example(&y_true, &output)?;
        losses.sum(tch::Kind::Float).backward();
        for (i, (loss, gradient)) in [(0.0, 0.0), (0.0, 0.0), (100.0, 1.0), (100.0, -1.0)]
            .into_iter()
            .enumerate()
        {
            let i = i as i64;
            assert!((losses.double_value(&[i]) - loss).abs() < 1e-30);
            assert!((logits.grad().double_value(&[i]) - gradient).abs() < 1e-30);
        }
        Ok(())
    }

    #[test]
    fn yes_and_no_may_be_swapped() -> Result<()> {
        let y_true = Tensor::from_slice(&[1.0_f64, 0.0, 0.3]);
        let logits = Tensor::from_slice(&[0.4_f64, 2.0, -3.0]);
        let loss = BinaryCrossentropy::new().label_smoothing(0.2);
        let straight = loss.mean(&y_true, &Output::BinaryLogits(logits.shallow_clone()))?;
        let swapped = loss.mean(&(1.0 - y_true), &Output::BinaryLogits(-logits))?;
        let difference = straight.double_value(&[]) - swapped.double_value(&[]);
        assert!(difference.abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn a_softmax_of_two_classes_counts_by_its_probabilities() -> Result<()> {
        let rows = Tensor::from_slice(&[0_i64, 1]).reshape([1, 2]);
        let output = Output::Logits(Tensor::from_slice(&[1.0_f64, -1.0]).reshape([1, 2]));
        let value = BinaryCrossentropy::new().mean(&rows, &output)?;
        let p = 1.0 / (1.0 + 2.0_f64.exp());
        assert!((value.double_value(&[]) + p.ln()).abs() < 1e-12);
        Ok(())
    }
}
