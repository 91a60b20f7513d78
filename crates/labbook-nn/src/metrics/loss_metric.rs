use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::config::MetricConfig;
use super::mean::Mean;
use super::metric::Metric;
use super::options::mean_of_examples;
use super::shapes::{class_numbers, like_predictions};
use crate::losses::{LossConfig, registry};
use crate::{Error, Loss, Output, Result, Shape, Targets};

/// A loss as a figure beside the loss: its mean over all examples.
///
/// `compile` makes one of every name of a loss among its metrics, such as `"binary_crossentropy"`
/// or `"huber"`. It is computed from what `predict` would give, so that a cross-entropy sees
/// probabilities kept 1e-7 from 0 and 1, where the loss itself may see what lies before them.
///
/// ```
/// use labbook_nn::{LossMetric, Metric, SparseCategoricalCrossentropy};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let loss = SparseCategoricalCrossentropy::new();
/// let mut metric = LossMetric::new(loss).name("surprise");
/// let predictions = Tensor::from_slice2(&[[0.25, 0.75], [0.5, 0.5]]);
/// metric.update(&Tensor::from_slice(&[0_i64, 1]), &predictions, None)?;
/// assert!((metric.result()? - 1.5 * 2.0_f64.ln()).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Deserialize)]
#[serde(try_from = "Options")]
pub struct LossMetric {
    name: Option<String>,
    loss: Box<dyn Loss>,
    mean: Mean,
}

/// What a saved model keeps of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    name: Option<String>,
    loss: LossConfig,
}

impl LossMetric {
    /// A metric under the name of its loss.
    #[must_use]
    pub fn new(loss: impl Loss + 'static) -> Self {
        Self::of(Box::new(loss))
    }

    pub(super) fn of(loss: Box<dyn Loss>) -> Self {
        Self {
            name: None,
            loss,
            mean: Mean::default(),
        }
    }

    /// Sets the key in the history; the default is the loss's name.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl TryFrom<Options> for LossMetric {
    type Error = Error;

    fn try_from(options: Options) -> Result<Self> {
        let mut metric = Self::of(registry::from_config(&options.loss)?);
        metric.name = options.name;
        Ok(metric)
    }
}

impl Metric for LossMetric {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.loss.name())
    }

    fn config(&self) -> Option<MetricConfig> {
        let options = Options {
            name: self.name.clone(),
            loss: self.loss.config()?,
        };
        MetricConfig::of("LossMetric", &options)
    }

    fn check(&self) -> Result<()> {
        self.loss.check()
    }

    fn higher_is_better(&self) -> Option<bool> {
        Some(false)
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let size = y_pred.size();
        self.loss
            .check_output(&Shape::from(size.get(1..).unwrap_or_default()))?;
        let targets = match self.loss.targets() {
            Targets::ClassNumbers => {
                class_numbers(Metric::name(self), y_true, y_pred)?.f_to_kind(Kind::Int64)?
            }
            Targets::LikeOutput => {
                like_predictions(Metric::name(self), y_true, y_pred)?.f_to_kind(y_pred.f_kind()?)?
            }
            Targets::Any => y_true.f_detach()?,
        };
        let predictions = Output::Values(y_pred.f_detach()?);
        let losses = self.loss.per_example(&targets, &predictions)?;
        self.mean.add(&losses, sample_weight)
    }

    mean_of_examples!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LossFn, SparseCategoricalCrossentropy};

    #[test]
    fn a_saved_one_is_made_again_unless_the_loss_is_a_closure() -> Result<()> {
        let loss = SparseCategoricalCrossentropy::new().label_smoothing(0.5);
        let metric = LossMetric::new(loss).name("smooth");
        let config = metric.config().unwrap();
        assert_eq!(config.class_name, "LossMetric");
        let again: LossMetric = serde_json::from_value(config.config.clone()).unwrap();
        assert_eq!(again.config(), Some(config));
        assert_eq!(Metric::name(&again), "smooth");
        let own = LossMetric::new(LossFn::new("own", |y_true, y_pred| y_true - y_pred));
        assert_eq!((Metric::name(&own), own.config()), ("own", None));
        Ok(())
    }

    #[test]
    fn targets_have_to_suit_the_loss() {
        let mut metric = LossMetric::new(SparseCategoricalCrossentropy::new());
        let rows = Tensor::from_slice2(&[[0.0_f32, 1.0], [1.0, 0.0]]);
        let error = metric.update(&rows, &rows, None).unwrap_err().to_string();
        assert!(error.contains("one-hot"), "{error}");
        assert!(metric.result().unwrap() == 0.0);
    }
}
