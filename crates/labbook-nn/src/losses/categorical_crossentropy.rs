use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::aligned::aligned;
use super::config::LossConfig;
use super::crossentropy::{
    check_classes, check_label_smoothing, class_logits, clipped_probabilities,
    crossentropy_options, smoothed_classes,
};
use super::loss::{Loss, Output, mean_of_each_example};
use crate::{Result, Shape};

/// Minus the logarithm of the probability given to the right class; labels are one-hot rows.
///
/// `-sum(y_true * log(p))` over the last axis; the mean over all other axes. Targets have the
/// output's shape (N, .., classes); rows may also spread their 1 over several classes.
///
/// When the model ends with a softmax, or `from_logits` is set, `log(p)` is computed from the
/// logits, exact for probabilities too small for an `f32`. Otherwise `p` is divided by its sum
/// and kept within 1e-7 of 0 and 1, as Keras does.
///
/// ```
/// use labbook_nn::{CategoricalCrossentropy, Loss, Output};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[0_i64, 1, 0]).reshape([1, 3]);
/// let y_pred = Tensor::from_slice(&[0.25_f64, 0.5, 0.25]).reshape([1, 3]);
/// let loss = CategoricalCrossentropy::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 2.0_f64.ln()).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl CategoricalCrossentropy {
    /// The loss for a model that puts out probabilities.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    crossentropy_options! {
        "softmax",
        /// Sets the share of the truth that is spread evenly over all classes, at least 0 and below
        /// 1; the default is 0.
    }
}

impl Loss for CategoricalCrossentropy {
    fn name(&self) -> &str {
        "categorical_crossentropy"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("CategoricalCrossentropy", self)
    }

    fn check(&self) -> Result<()> {
        check_label_smoothing(self.label_smoothing)
    }

    fn check_output(&self, output: &Shape) -> Result<()> {
        check_classes(self.name(), output)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let (y_true, output) = aligned(self.name(), targets, output)?;
        let y_true = smoothed_classes(y_true, self.label_smoothing)?;
        let logarithms = match class_logits(&output, self.from_logits)? {
            Some(logits) => logits.f_log_softmax(-1, None::<Kind>)?,
            None => clipped_probabilities(&output.predictions()?)?.f_log()?,
        };
        let sums = y_true.f_mul(&logarithms)?.f_sum_dim_intlist(
            [-1_i64].as_slice(),
            false,
            None::<Kind>,
        )?;
        mean_of_each_example(&sums.f_neg()?)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SparseCategoricalCrossentropy;

    #[test]
    fn one_hot_rows_give_what_class_numbers_give() -> Result<()> {
        let logits = Tensor::from_slice(&[1.0_f64, 2.0, 3.0, -1.0, 0.0, 0.5]).reshape([2, 3]);
        let numbers = Tensor::from_slice(&[2_i64, 0]);
        let rows = numbers.one_hot(3);
        for (label_smoothing, output) in [
            (0.0, Output::Logits(logits.shallow_clone())),
            (0.3, Output::Logits(logits.shallow_clone())),
            (0.3, Output::Values(logits.softmax(-1, None::<Kind>))),
        ] {
            let of_rows = CategoricalCrossentropy::new().label_smoothing(label_smoothing);
            let of_numbers = SparseCategoricalCrossentropy::new().label_smoothing(label_smoothing);
            let difference =
                of_rows.per_example(&rows, &output)? - of_numbers.per_example(&numbers, &output)?;
            assert!(difference.abs().max().double_value(&[]) < 1e-9);
        }
        Ok(())
    }

    #[test]
    fn a_hopeless_prediction_keeps_its_exact_loss_and_a_gradient() -> Result<()> {
        let logits = Tensor::from_slice(&[100.0_f32, -100.0]).reshape([1, 2]);
        let logits = logits.set_requires_grad(true);
        let y_true = Tensor::from_slice(&[0_i64, 1]).reshape([1, 2]);
        let output = Output::Logits(logits.shallow_clone());
        let loss = CategoricalCrossentropy::new().mean(&y_true, &output)?;
        assert_eq!(loss.double_value(&[]), 200.0);
        loss.backward();
        assert_eq!(logits.grad().double_value(&[0, 0]), 1.0);
        assert_eq!(logits.grad().double_value(&[0, 1]), -1.0);
        Ok(())
    }

    #[test]
    fn one_unit_is_no_choice_between_classes() {
        let loss = CategoricalCrossentropy::new();
        assert!(loss.check_output(&Shape::from(2)).is_ok());
        let error = loss.check_output(&Shape::from(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "model output for categorical_crossentropy: expected at least two classes on the \
             last axis, shape (None, classes), received (None, 1); end the model with \
             Dense::new(classes), or use BinaryCrossentropy for one yes or no"
        );
    }
}
