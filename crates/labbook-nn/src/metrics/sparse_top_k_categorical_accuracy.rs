use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::class_numbers;
use crate::{Error, Result};

/// The share of rows in which fewer than `k` classes are more probable than the right one;
/// targets are class numbers.
///
/// A row with NaN or an infinity counts as wrong, as in Keras.
///
/// ```
/// use labbook_nn::{Metric, SparseTopKCategoricalAccuracy};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[2_i64, 0]);
/// let predictions = Tensor::from_slice2(&[[0.1, 0.6, 0.3], [0.05, 0.9, 0.1]]);
/// let mut metric = SparseTopKCategoricalAccuracy::new(2);
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SparseTopKCategoricalAccuracy {
    name: Option<String>,
    k: i64,
    #[serde(skip)]
    mean: Mean,
}

impl SparseTopKCategoricalAccuracy {
    /// Accuracy among the `k` most probable classes; by its name alone, `k` is 5.
    #[must_use]
    pub fn new(k: i64) -> Self {
        Self {
            k,
            ..Self::default()
        }
    }

    name_option!("sparse_top_k_categorical_accuracy");
}

impl Default for SparseTopKCategoricalAccuracy {
    fn default() -> Self {
        Self {
            name: None,
            k: 5,
            mean: Mean::default(),
        }
    }
}

/// Says that `k` has to be positive.
pub(super) fn check_k(option: &str, k: i64) -> Result<()> {
    match k {
        1.. => Ok(()),
        _ => Err(Error::option(
            option,
            "at least 1",
            k,
            "use 5 for the five most probable classes",
        )),
    }
}

/// Which rows have their class among the `k` most probable ones.
pub(super) fn in_top_k(classes: &Tensor, y_pred: &Tensor, k: i64) -> Result<Tensor> {
    let last = y_pred.size().last().copied().unwrap_or(1) - 1;
    let classes = classes.f_to_kind(Kind::Int64)?;
    let known = classes.f_ge(0_i64)?.f_logical_and(&classes.f_le(last)?)?;
    let index = classes.f_clamp(0, last)?.f_unsqueeze(-1)?;
    let of_the_class = y_pred.f_gather(-1, &index, false)?;
    let above = y_pred.f_gt_tensor(&of_the_class)?.f_sum_dim_intlist(
        [-1_i64].as_slice(),
        false,
        Kind::Int64,
    )?;
    let finite = y_pred.f_isfinite()?.f_all_dim(-1, false)?;
    Ok(above
        .f_lt(k)?
        .f_logical_and(&known)?
        .f_logical_and(&finite)?)
}

impl Metric for SparseTopKCategoricalAccuracy {
    described!(
        "SparseTopKCategoricalAccuracy",
        "sparse_top_k_categorical_accuracy",
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
        let classes = class_numbers(Metric::name(self), y_true, y_pred)?;
        self.mean
            .add(&in_top_k(&classes, y_pred, self.k)?, sample_weight)
    }

    mean_of_examples!();
}
