use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::like_predictions;
use crate::{Error, Result};

/// The share of yes-or-no predictions that are right: above the threshold where the truth is 1,
/// not above it where the truth is 0. NaN is not above it.
///
/// An example of several numbers counts with the share of them that are right.
///
/// ```
/// use labbook_nn::{BinaryAccuracy, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[1.0, 1.0, 0.0, 0.0]);
/// let predictions = Tensor::from_slice(&[0.98, 1.0, 0.0, 0.6]);
/// let mut metric = BinaryAccuracy::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.75);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryAccuracy {
    name: Option<String>,
    threshold: f64,
    #[serde(skip)]
    mean: Mean,
}

impl BinaryAccuracy {
    /// Accuracy with a threshold of 0.5.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("binary_accuracy");

    /// Sets the number that a yes lies above; the default is 0.5, for predictions before a
    /// sigmoid it would be 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

impl Default for BinaryAccuracy {
    fn default() -> Self {
        Self {
            name: None,
            threshold: 0.5,
            mean: Mean::default(),
        }
    }
}

/// Which predictions are right.
pub(super) fn binary_matches(
    metric: &str,
    y_true: &Tensor,
    y_pred: &Tensor,
    threshold: f64,
) -> Result<Tensor> {
    let truth = like_predictions(metric, y_true, y_pred)?.f_to_kind(Kind::Double)?;
    let yes = y_pred.f_gt(threshold)?.f_to_kind(Kind::Double)?;
    Ok(yes.f_eq_tensor(&truth)?)
}

impl Metric for BinaryAccuracy {
    described!("BinaryAccuracy", "binary_accuracy", higher_is_better: true);

    fn check(&self) -> Result<()> {
        match self.threshold.is_finite() {
            true => Ok(()),
            false => Err(Error::option(
                "threshold",
                "a finite number",
                self.threshold,
                "use 0.5 for the output of a sigmoid",
            )),
        }
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let right = binary_matches(Metric::name(self), y_true, y_pred, self.threshold)?;
        self.mean.add(&right, sample_weight)
    }

    mean_of_examples!();
}
