use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::{class_numbers, first_largest};
use crate::Result;

/// The share of rows whose largest prediction is that of the right class; targets are class
/// numbers. Of equal numbers the first counts, NaN as the least.
///
/// ```
/// use labbook_nn::{Metric, SparseCategoricalAccuracy};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[2_i64, 1]);
/// let predictions = Tensor::from_slice2(&[[0.1, 0.6, 0.3], [0.05, 0.95, 0.0]]);
/// let mut metric = SparseCategoricalAccuracy::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SparseCategoricalAccuracy {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl SparseCategoricalAccuracy {
    /// Accuracy under the key `sparse_categorical_accuracy`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("sparse_categorical_accuracy");
}

/// Which rows are right.
pub(super) fn sparse_categorical_matches(
    metric: &str,
    y_true: &Tensor,
    y_pred: &Tensor,
) -> Result<Tensor> {
    let truth = class_numbers(metric, y_true, y_pred)?;
    Ok(first_largest(y_pred)?.f_eq_tensor(&truth)?)
}

impl Metric for SparseCategoricalAccuracy {
    described!(
        "SparseCategoricalAccuracy",
        "sparse_categorical_accuracy",
        higher_is_better: true
    );

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let right = sparse_categorical_matches(Metric::name(self), y_true, y_pred)?;
        self.mean.add(&right, sample_weight)
    }

    mean_of_examples!();
}
