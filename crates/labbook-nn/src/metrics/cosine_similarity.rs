use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::mean::Mean;
use super::metric::Metric;
use super::options::{described, mean_of_examples, name_option};
use super::shapes::{doubles, unsuitable};
use crate::{Error, Result};

/// The mean cosine of the angle between truth and prediction: 1 where they point the same way, 0
/// at a right angle, -1 where they are opposed. (The loss of this name is its negative.)
///
/// Vectors shorter than 1e-7 are divided by that, not by their length, as in Keras.
///
/// ```
/// use labbook_nn::{Metric, metrics};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice2(&[[0.0, 1.0], [1.0, 0.0]]);
/// let predictions = Tensor::from_slice2(&[[1.0, 0.0], [2.0, 0.0]]);
/// let mut metric = metrics::CosineSimilarity::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CosineSimilarity {
    name: Option<String>,
    axis: i64,
    #[serde(skip)]
    mean: Mean,
}

impl CosineSimilarity {
    /// The similarity along the last axis.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("cosine_similarity");

    /// Sets the axis along which numbers form a vector; the default is -1, the last one. Axis 0
    /// holds the examples.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }
}

impl Default for CosineSimilarity {
    fn default() -> Self {
        Self {
            name: None,
            axis: -1,
            mean: Mean::default(),
        }
    }
}

/// Keras's `epsilon()`.
const EPSILON: f64 = 1e-7;

/// Vectors of length one along an axis.
fn unit(vectors: &Tensor, axis: i64) -> Result<Tensor> {
    let squares = vectors.f_square()?;
    let length = squares
        .f_sum_dim_intlist([axis].as_slice(), true, Kind::Double)?
        .f_sqrt()?;
    Ok(vectors.f_div(&length.f_clamp_min(EPSILON)?)?)
}

impl Metric for CosineSimilarity {
    described!("CosineSimilarity", "cosine_similarity", higher_is_better: true);

    fn check(&self) -> Result<()> {
        match self.axis {
            0 => Err(Error::option(
                "axis",
                "an axis other than that of the examples",
                0,
                "use -1 for the last axis",
            )),
            _ => Ok(()),
        }
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (truth, predictions) = doubles(Metric::name(self), y_true, y_pred)?;
        // One number for each example is a vector of one.
        let (truth, predictions) = match predictions.dim() {
            0 | 1 => (truth.f_reshape([-1, 1])?, predictions.f_reshape([-1, 1])?),
            _ => (truth, predictions),
        };
        let rank = predictions.dim() as i64;
        let axis = match self.axis {
            axis if axis < 0 => axis.saturating_add(rank),
            axis => axis,
        };
        if !(1..rank).contains(&axis) {
            let expected = format!("predictions with an axis {}", self.axis);
            let advice = "use -1 for the last axis; that of the examples cannot be taken";
            return Err(unsuitable(
                Metric::name(self),
                &expected,
                &predictions.size(),
                advice,
            ));
        }
        let products = unit(&truth, axis)?.f_mul(&unit(&predictions, axis)?)?;
        let cosines = products.f_sum_dim_intlist([axis].as_slice(), false, Kind::Double)?;
        self.mean.add(&cosines, sample_weight)
    }

    mean_of_examples!();
}
