use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::{first_largest, like_predictions};
use crate::Result;

/// The share of rows whose largest prediction stands where the largest number of a one-hot row
/// stands. Of equal numbers the first counts, NaN as the least.
///
/// ```
/// use labbook_nn::{CategoricalAccuracy, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice2(&[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]);
/// let predictions = Tensor::from_slice2(&[[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]]);
/// let mut metric = CategoricalAccuracy::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoricalAccuracy {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl CategoricalAccuracy {
    /// Accuracy under the key `categorical_accuracy`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("categorical_accuracy");
}

/// Which rows are right.
pub(super) fn categorical_matches(
    metric: &str,
    y_true: &Tensor,
    y_pred: &Tensor,
) -> Result<Tensor> {
    let truth = like_predictions(metric, y_true, y_pred)?;
    Ok(first_largest(y_pred)?.f_eq_tensor(&first_largest(&truth)?)?)
}

impl Metric for CategoricalAccuracy {
    described!("CategoricalAccuracy", "categorical_accuracy", higher_is_better: true);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let right = categorical_matches(Metric::name(self), y_true, y_pred)?;
        self.mean.add(&right, sample_weight)
    }

    mean_of_examples!();
}
