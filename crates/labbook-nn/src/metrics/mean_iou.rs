use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::confusion::ratio;
use super::metric::Metric;
use super::options::{described, name_option};
use super::shapes::{first_largest, like_predictions, spread};
use crate::{Error, Result};

/// The mean over classes of intersection over union: of all places where a class is predicted or
/// true, the share where it is both. The usual figure for segmentation.
///
/// Targets are class numbers. Predictions are class numbers of the same shape, as Keras's
/// default has it, or have one more axis with a number for each class, of which the largest
/// counts. Places whose class is not from 0 to `num_classes` - 1 are left out, as are classes
/// that occur neither in truth nor in predictions; without any the figure is 0. Weights count as
/// they are; Keras cuts them to whole numbers by default.
///
/// ```
/// use labbook_nn::{MeanIoU, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0_i64, 0, 1, 1]);
/// let predictions = Tensor::from_slice(&[0_i64, 1, 0, 1]);
/// let mut metric = MeanIoU::new(2);
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 1.0 / 3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanIoU {
    name: Option<String>,
    num_classes: i64,
    ignore_class: Option<i64>,
    /// Weights of each pair of true and predicted class, of shape (classes * classes,).
    #[serde(skip)]
    matrix: Option<Tensor>,
}

/// More classes than that would need a matrix of gigabytes.
const MOST_CLASSES: i64 = 10_000;

impl MeanIoU {
    /// The figure for so many classes.
    #[must_use]
    pub fn new(num_classes: i64) -> Self {
        Self {
            num_classes,
            ..Self::default()
        }
    }

    name_option!("mean_io_u");

    /// Leaves out places whose true class has this number, such as 255 for "void".
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn ignore_class(mut self, class: i64) -> Self {
        self.ignore_class = Some(class);
        self
    }
}

impl Metric for MeanIoU {
    described!("MeanIoU", "mean_io_u", higher_is_better: true);

    fn check(&self) -> Result<()> {
        match self.num_classes {
            1..=MOST_CLASSES => Ok(()),
            other => Err(Error::option(
                "num_classes",
                format!("a number from 1 to {MOST_CLASSES}"),
                other,
                "pass MeanIoU::new(num_classes), not the name alone",
            )),
        }
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth_size, size) = (y_true.size(), y_pred.size());
        let has_class_axis = size.last() == Some(&self.num_classes)
            && (size.len() == truth_size.len() + 1
                || size.len() == truth_size.len() && truth_size.last() == Some(&1))
            && self.num_classes > 1;
        let predicted = match has_class_axis {
            true => first_largest(y_pred)?,
            false => y_pred.f_detach()?,
        };
        let truth = like_predictions(Metric::name(self), y_true, &predicted)?;
        let in_range = |classes: &Tensor| -> Result<Tensor> {
            let from_zero = classes.f_gt(-1.0)?;
            Ok(from_zero.f_logical_and(&classes.f_lt(self.num_classes)?)?)
        };
        let mut counted = in_range(&truth)?.f_logical_and(&in_range(&predicted)?)?;
        if let Some(class) = self.ignore_class {
            counted = counted.f_logical_and(&truth.f_ne(class)?)?;
        }
        let weights = counted.f_to_kind(Kind::Double)?;
        let weights = match sample_weight {
            Some(given) => weights.f_mul(&spread(given, &weights)?)?,
            None => weights,
        };
        // NaN has no class number; what it is made of is not counted.
        let class = |tensor: &Tensor| -> Result<Tensor> {
            let known = tensor.f_where_scalarother(&counted, 0.0)?;
            Ok(known.f_to_kind(Kind::Int64)?.f_reshape([-1])?)
        };
        let pair = class(&truth)?
            .f_mul_scalar(self.num_classes)?
            .f_add(&class(&predicted)?)?;
        let pairs = self.num_classes.saturating_mul(self.num_classes);
        let mut matrix = match &self.matrix {
            Some(matrix) => matrix.shallow_clone(),
            None => Tensor::f_zeros([pairs], (Kind::Double, y_pred.device()))?,
        };
        let _ = matrix.f_index_add_(0, &pair, &weights.f_reshape([-1])?)?;
        self.matrix = Some(matrix);
        Ok(())
    }

    fn result(&self) -> Result<f64> {
        let Some(matrix) = &self.matrix else {
            return Ok(0.0);
        };
        let matrix = matrix.f_reshape([self.num_classes, self.num_classes])?;
        let sums = |axis: i64| -> Result<Vec<f64>> {
            let sums = matrix.f_sum_dim_intlist([axis].as_slice(), false, Kind::Double)?;
            Ok(Vec::try_from(sums)?)
        };
        let both = Vec::<f64>::try_from(matrix.f_diagonal(0, 0, 1)?)?;
        let (predicted, true_) = (sums(0)?, sums(1)?);
        let mut sum = 0.0;
        let mut classes = 0.0;
        for ((both, predicted), true_) in both.iter().zip(predicted).zip(true_) {
            let either = predicted + true_ - both;
            if either > LEAST_WEIGHT {
                sum += both / either;
                classes += 1.0;
            }
        }
        Ok(ratio(sum, classes))
    }

    fn reset(&mut self) {
        self.matrix = None;
    }
}

/// A class of less weight does not occur, as in Keras.
const LEAST_WEIGHT: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_may_have_a_number_for_each_class() -> Result<()> {
        let truth = Tensor::from_slice(&[0_i64, 1, 2, 1]).reshape([2, 2]);
        let rows = Tensor::from_slice(&[0_i64, 2, 2, 1]).reshape([2, 2]);
        let mut of_numbers = MeanIoU::new(3);
        of_numbers.update(&truth, &rows, None)?;
        let mut of_rows = MeanIoU::new(3);
        of_rows.update(&truth, &rows.one_hot(3).to_kind(Kind::Float), None)?;
        assert_eq!(of_numbers.result()?, (1.0 + 0.5 + 0.5) / 3.0);
        assert_eq!(of_numbers.result()?, of_rows.result()?);
        Ok(())
    }

    #[test]
    fn the_number_of_classes_has_to_be_told() {
        let error = MeanIoU::new(0).check().unwrap_err().to_string();
        assert!(error.contains("MeanIoU::new(num_classes)"), "{error}");
        assert!(MeanIoU::new(1 << 40).check().is_err());
        assert!(MeanIoU::new(2).check().is_ok());
    }
}
