use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::config::MetricConfig;
use super::mean::Mean;
use super::metric::Metric;
use crate::Result;

/// The share of predictions that are right, told by the shapes as in Keras.
///
/// - Class numbers: the most probable class is the right one (`sparse_categorical_accuracy`).
/// - Rows of two or more numbers: the largest stands where that of the truth stands
///   (`categorical_accuracy`).
/// - One number for each example: it is above one half where the truth is 1
///   (`binary_accuracy`).
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

    /// Sets the key in the history.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl Metric for Accuracy {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("accuracy")
    }

    fn config(&self) -> Option<MetricConfig> {
        MetricConfig::of("Accuracy", self)
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let classes = y_pred.size().last().copied().unwrap_or(1);
        let right = if y_true.dim() < y_pred.dim() {
            y_pred.f_argmax(-1, false)?.f_eq_tensor(y_true)?
        } else if classes > 1 {
            let truth = y_true.f_argmax(-1, false)?;
            y_pred.f_argmax(-1, false)?.f_eq_tensor(&truth)?
        } else {
            let predicted = y_pred.f_gt(0.5)?.f_to_kind(Kind::Float)?;
            predicted.f_eq_tensor(&y_true.f_to_kind(Kind::Float)?)?
        };
        self.mean.add(&right, sample_weight)
    }

    fn result(&self) -> Result<f64> {
        self.mean.result()
    }

    fn reset(&mut self) {
        self.mean.reset();
    }
}
