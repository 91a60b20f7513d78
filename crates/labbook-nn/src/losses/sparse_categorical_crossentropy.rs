use serde::{Deserialize, Serialize};
use tch::{Reduction, Tensor};

use super::config::LossConfig;
use super::crossentropy::{
    EPSILON, check_classes, check_label_smoothing, class_logits, crossentropy_options,
};
use super::loss::{Loss, Output, Targets, mean_of_each_example};
use crate::tensors::shape::tuple;
use crate::{Error, Result, Shape};

/// Minus the logarithm of the probability given to the right class; labels are class numbers.
///
/// `-log(p[y_true])` along the last axis; the mean over all other axes. For an output
/// (N, .., classes) the labels are of shape (N, ..), each from 0 to classes - 1.
///
/// When the model ends with a softmax the loss is computed from the values before it, which
/// stays exact for probabilities too small for an `f32`, as Keras does. Otherwise, and without
/// `from_logits`, `p` is kept within 1e-7 of 0 and 1 and divided by its sum.
///
/// ```
/// use labbook_nn::{Loss, Output, SparseCategoricalCrossentropy};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let y_true = Tensor::from_slice(&[1_i64]);
/// let y_pred = Tensor::from_slice(&[0.25_f64, 0.5, 0.25]).reshape([1, 3]);
/// let loss = SparseCategoricalCrossentropy::new().mean(&y_true, &Output::Values(y_pred))?;
/// assert!((loss.double_value(&[]) - 2.0_f64.ln()).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SparseCategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl SparseCategoricalCrossentropy {
    /// The loss for a model that puts out probabilities.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    crossentropy_options! {
        "softmax",
        /// Sets the share of the truth that is spread evenly over all classes, at least 0 and below
        /// 1; the default is 0. Applies to evaluation as well, as in Keras.
    }
}

impl Loss for SparseCategoricalCrossentropy {
    fn name(&self) -> &str {
        "sparse_categorical_crossentropy"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("SparseCategoricalCrossentropy", self)
    }

    fn check(&self) -> Result<()> {
        check_label_smoothing(self.label_smoothing)
    }

    fn targets(&self) -> Targets {
        Targets::ClassNumbers
    }

    fn check_output(&self, output: &Shape) -> Result<()> {
        check_classes(self.name(), output)
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let losses = self.cross_entropy(targets, output, Reduction::None)?;
        mean_of_each_example(&losses)
    }

    fn mean(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        self.cross_entropy(targets, output, Reduction::Mean)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}

impl SparseCategoricalCrossentropy {
    /// Labels of the shape that libtorch wants; a column (N, 1) is as good as (N,).
    fn class_numbers(&self, targets: &Tensor, logits: &Tensor) -> Result<Tensor> {
        let mut wanted = logits.size();
        let _ = wanted.pop();
        let given = targets.size();
        match given.strip_suffix(&[1]) {
            _ if given == wanted => Ok(targets.shallow_clone()),
            Some(rows) if rows == wanted => Ok(targets.f_squeeze_dim(-1)?),
            _ => Err(Error::data(
                &format!("targets of {}", self.name()),
                format!("class numbers of shape {}", tuple(&wanted)),
                tuple(&given),
                "for one-hot rows use CategoricalCrossentropy",
            )),
        }
    }

    fn cross_entropy(
        &self,
        targets: &Tensor,
        output: &Output,
        reduction: Reduction,
    ) -> Result<Tensor> {
        let logits = match class_logits(output, self.from_logits)? {
            Some(logits) => logits,
            None => output
                .predictions()?
                .f_clamp(EPSILON, 1.0 - EPSILON)?
                .f_log()?,
        };
        let targets = self.class_numbers(targets, &logits)?;
        // libtorch wants the classes second.
        let logits = match logits.dim() {
            0..=2 => logits,
            rank => logits.f_movedim_int(rank as i64 - 1, 1)?,
        };
        Ok(logits.f_cross_entropy_loss(
            &targets,
            None::<Tensor>,
            reduction,
            NO_LABEL_IGNORED,
            self.label_smoothing,
        )?)
    }
}

/// libtorch's default; labels are checked to lie in 0..classes, so none equals it.
const NO_LABEL_IGNORED: i64 = -100;

#[cfg(test)]
mod tests {
    use super::*;

    fn logits() -> Tensor {
        Tensor::from_slice(&[1.0_f64, 2.0, 3.0, -1.0, 0.0, 0.5]).reshape([2, 3])
    }

    #[test]
    fn the_loss_is_the_mean_negative_log_probability() -> Result<()> {
        let labels = Tensor::from_slice(&[2_i64, 0]);
        let by_hand = |row: [f64; 3], label: usize| {
            row.iter().map(|z| z.exp()).sum::<f64>().ln() - row[label]
        };
        let expected = (by_hand([1.0, 2.0, 3.0], 2) + by_hand([-1.0, 0.0, 0.5], 0)) / 2.0;
        let check = |loss: SparseCategoricalCrossentropy, output: &Output| -> Result<()> {
            let value = loss.mean(&labels, output)?.double_value(&[]);
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
            Ok(())
        };
        let loss = SparseCategoricalCrossentropy::new;
        check(loss(), &Output::Logits(logits()))?;
        check(loss().from_logits(true), &Output::Values(logits()))?;
        let probabilities = Output::Logits(logits()).predictions()?;
        check(loss(), &Output::Values(probabilities))
    }

    #[test]
    fn smoothed_labels_give_every_class_a_share() -> Result<()> {
        let labels = Tensor::from_slice(&[2_i64, 0]);
        let loss = SparseCategoricalCrossentropy::new().label_smoothing(0.3);
        loss.check()?;
        let computed = loss
            .mean(&labels, &Output::Logits(logits()))?
            .double_value(&[]);
        let truth = Tensor::from_slice(&[0.1, 0.1, 0.8, 0.8, 0.1, 0.1]).reshape([2, 3]);
        let by_hand = (logits().log_softmax(-1, None::<tch::Kind>) * truth).sum(None::<tch::Kind>);
        assert!((computed + by_hand.double_value(&[]) / 2.0).abs() < 1e-12);
        assert!(loss.label_smoothing(1.0).check().is_err());
        Ok(())
    }

    #[test]
    fn a_hopeless_prediction_keeps_its_exact_loss() -> Result<()> {
        let output = Output::Logits(Tensor::from_slice(&[0.0_f32, 500.0]).reshape([1, 2]));
        let loss =
            SparseCategoricalCrossentropy::new().mean(&Tensor::from_slice(&[0_i64]), &output);
        assert_eq!(loss?.double_value(&[]), 500.0);
        Ok(())
    }

    #[test]
    fn every_step_of_a_sequence_has_a_class() -> Result<()> {
        let logits = Tensor::from_slice(&[1.0_f64, 2.0, 3.0, -1.0, 0.0, 0.5]).reshape([1, 2, 3]);
        let labels = Tensor::from_slice(&[2_i64, 0]).reshape([1, 2]);
        let loss = SparseCategoricalCrossentropy::new();
        let of_example = loss.per_example(&labels, &Output::Logits(logits.shallow_clone()))?;
        assert_eq!(of_example.size(), [1]);
        let flat = Output::Logits(logits.reshape([2, 3]));
        let expected = loss.mean(&labels.reshape([2]), &flat)?;
        let difference = of_example.double_value(&[0]) - expected.double_value(&[]);
        assert!(difference.abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn a_pending_softmax_is_taken_once_whatever_from_logits_says() -> Result<()> {
        let labels = Tensor::from_slice(&[2_i64, 0]);
        let of = |from_logits: bool| -> Result<f64> {
            let loss = SparseCategoricalCrossentropy::new().from_logits(from_logits);
            let mean = loss.mean(&labels, &Output::Logits(logits()))?;
            Ok(mean.double_value(&[]))
        };
        assert_eq!(of(true)?, of(false)?);
        Ok(())
    }

    #[test]
    fn labels_may_stand_in_a_column_and_one_hot_rows_are_refused() -> Result<()> {
        let labels = Tensor::from_slice(&[2_i64, 0]);
        let loss = SparseCategoricalCrossentropy::new();
        let output = Output::Logits(logits());
        let column = loss.per_example(&labels.reshape([2, 1]), &output)?;
        assert_eq!(column, loss.per_example(&labels, &output)?);
        let error = loss.mean(&labels.one_hot(3), &output).unwrap_err();
        assert_eq!(
            error.to_string(),
            "targets of sparse_categorical_crossentropy: expected class numbers of shape (2,), \
             received (2, 3); for one-hot rows use CategoricalCrossentropy"
        );
        Ok(())
    }
}
