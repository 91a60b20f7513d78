use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::{first_largest, like_predictions};
use super::sparse_top_k_categorical_accuracy::{check_k, in_top_k};
use crate::Result;

/// The share of rows in which fewer than `k` classes are more probable than the right one;
/// targets are one-hot rows.
///
/// A row with NaN or an infinity counts as wrong, as in Keras.
///
/// ```
/// use labbook_nn::{Metric, TopKCategoricalAccuracy};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice2(&[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);
/// let predictions = Tensor::from_slice2(&[[0.1, 0.6, 0.3], [0.05, 0.9, 0.1]]);
/// let mut metric = TopKCategoricalAccuracy::new(2);
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopKCategoricalAccuracy {
    name: Option<String>,
    k: i64,
    #[serde(skip)]
    mean: Mean,
}

impl TopKCategoricalAccuracy {
    /// Accuracy among the `k` most probable classes; by its name alone, `k` is 5.
    #[must_use]
    pub fn new(k: i64) -> Self {
        Self {
            k,
            ..Self::default()
        }
    }

    name_option!("top_k_categorical_accuracy");
}

impl Default for TopKCategoricalAccuracy {
    fn default() -> Self {
        Self {
            name: None,
            k: 5,
            mean: Mean::default(),
        }
    }
}

impl Metric for TopKCategoricalAccuracy {
    described!(
        "TopKCategoricalAccuracy",
        "top_k_categorical_accuracy",
        higher_is_better: true
    );

    fn check(&self) -> Result<()> {
        check_k("k", self.k)
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let classes = first_largest(&like_predictions(Metric::name(self), y_true, y_pred)?)?;
        self.mean
            .add(&in_top_k(&classes, y_pred, self.k)?, sample_weight)
    }

    mean_of_examples!();
}
