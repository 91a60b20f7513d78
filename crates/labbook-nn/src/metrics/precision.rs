use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::confusion::{Confusion, Counts, ratio, rule_options};
use super::metric::Metric;
use super::options::{described, name_option};
use crate::Result;

/// The share of a model's yeses that are right: true positives of all that were taken for positive.
///
/// A prediction is a yes above the threshold (NaN is not above it), or, with
/// [`top_k`](Self::top_k), among the largest of its row. The numbers of all outputs count
/// together unless [`class_id`](Self::class_id) chooses one; class numbers are taken for one-hot
/// rows. Without a yes it is 0, as in Keras.
/// Several thresholds at once, which Keras allows, would be several figures: use several metrics.
///
/// ```
/// use labbook_nn::{Metric, Precision};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0.0, 1.0, 1.0, 1.0]);
/// let predictions = Tensor::from_slice(&[1.0, 0.2, 0.9, 0.8]);
/// let mut metric = Precision::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 2.0 / 3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Precision {
    name: Option<String>,
    thresholds: Option<f64>,
    top_k: Option<i64>,
    class_id: Option<i64>,
    #[serde(skip)]
    counts: Confusion,
}

impl Precision {
    /// Precision at a threshold of 0.5.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("precision");

    rule_options!();
}

impl Metric for Precision {
    described!("Precision", "precision", higher_is_better: true);

    fn check(&self) -> Result<()> {
        self.rule().check()
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (rule, metric) = (self.rule(), self.name.as_deref().unwrap_or("precision"));
        rule.count(metric, &mut self.counts, (y_true, y_pred), sample_weight)
    }

    fn result(&self) -> Result<f64> {
        let counts: Counts = self.counts.read()?.into_iter().sum();
        let said_yes = counts.true_positives + counts.false_positives;
        Ok(ratio(counts.true_positives, said_yes))
    }

    fn reset(&mut self) {
        self.counts.reset();
    }
}
