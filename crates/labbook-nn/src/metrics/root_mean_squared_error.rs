use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, name_option};
use super::shapes::doubles;
use crate::Result;

/// The root of the mean of the squared errors, over all batches together.
///
/// ```
/// use labbook_nn::{Metric, RootMeanSquaredError};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0.0, 1.0, 2.0, 3.0]);
/// let predictions = Tensor::from_slice(&[1.0, 1.0, 2.0, 5.0]);
/// let mut metric = RootMeanSquaredError::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 1.25_f64.sqrt());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RootMeanSquaredError {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl RootMeanSquaredError {
    /// The error under the key `root_mean_squared_error`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("root_mean_squared_error");
}

impl Metric for RootMeanSquaredError {
    described!("RootMeanSquaredError", "root_mean_squared_error", higher_is_better: false);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth, predictions) = doubles(Metric::name(self), y_true, y_pred)?;
        let errors = truth.f_sub(&predictions)?.f_square()?;
        self.mean.add(&errors, sample_weight)
    }

    fn result(&self) -> Result<f64> {
        Ok(self.mean.result()?.sqrt())
    }

    fn reset(&mut self) {
        self.mean.reset();
    }
}
