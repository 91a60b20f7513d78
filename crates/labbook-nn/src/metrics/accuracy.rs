use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::binary_accuracy::binary_matches;
use super::categorical_accuracy::categorical_matches;
use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::sparse_categorical_accuracy::sparse_categorical_matches;
use crate::Result;

/// The share of predictions that are right, told by the shapes as the name `accuracy` in Keras.
///
/// - One prediction for each example, (N, 1) or (N,): it is above one half where the truth is 1
///   ([`BinaryAccuracy`](super::BinaryAccuracy)).
/// - Rows of predictions and class numbers, (N,) or (N, 1): the most probable class is the right
///   one ([`SparseCategoricalAccuracy`](super::SparseCategoricalAccuracy)).
/// - Rows of predictions and rows of truth: the largest numbers stand at the same place
///   ([`CategoricalAccuracy`](super::CategoricalAccuracy)).
///
/// ```
/// use labbook_nn::{Accuracy, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut accuracy = Accuracy::new();
/// let rows = Tensor::from_slice2(&[[0.9, 0.1], [0.2, 0.8]]);
/// accuracy.update(&Tensor::from_slice(&[0_i64, 0]), &rows, None)?;
/// assert_eq!(accuracy.result()?, 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accuracy {
    name: Option<String>,
    #[serde(skip)]
    mean: Mean,
}

impl Accuracy {
    /// Accuracy under the key `accuracy`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("accuracy");
}

impl Metric for Accuracy {
    described!("Accuracy", "accuracy", higher_is_better: true);

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth, predictions) = (y_true.size(), y_pred.size());
        let is_column = truth.last() == Some(&1);
        let right = match predictions.as_slice() {
            [] | [_] | [.., 1] => binary_matches(Metric::name(self), y_true, y_pred, 0.5)?,
            _ if truth.len() < predictions.len() || is_column => {
                sparse_categorical_matches(Metric::name(self), y_true, y_pred)?
            }
            _ => categorical_matches(Metric::name(self), y_true, y_pred)?,
        };
        self.mean.add(&right, sample_weight)
    }

    mean_of_examples!();
}
