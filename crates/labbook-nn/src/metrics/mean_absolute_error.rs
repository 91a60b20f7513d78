use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::doubles;
use crate::Result;

/// The mean of the absolute errors.
///
/// ```
/// use labbook_nn::{Metric, metrics};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0.0, 1.0, 2.0, 3.0]);
/// let predictions = Tensor::from_slice(&[1.0, 1.0, 2.0, 5.0]);
/// let mut metric = metrics::MeanAbsoluteError::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.75);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanAbsoluteError {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl MeanAbsoluteError {
    /// The error under the key `mean_absolute_error`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("mean_absolute_error");
}

impl Metric for MeanAbsoluteError {
    described!("MeanAbsoluteError", "mean_absolute_error", higher_is_better: false);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth, predictions) = doubles(Metric::name(self), y_true, y_pred)?;
        let errors = truth.f_sub(&predictions)?.f_abs()?;
        self.mean.add(&errors, sample_weight)
    }

    mean_of_examples!();
}
