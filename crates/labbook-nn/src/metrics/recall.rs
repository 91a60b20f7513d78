use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::confusion::{Confusion, Counts, ratio, rule_options};
use super::metric::Metric;
use super::options::{described, name_option};
use crate::Result;

/// The share of the truth's yeses that a model finds: true positives of all that are positive.
///
/// A prediction is a yes above the threshold (NaN is not above it), or, with
/// [`top_k`](Self::top_k), among the largest of its row. The numbers of all outputs count
/// together unless [`class_id`](Self::class_id) chooses one; class numbers are taken for one-hot
/// rows. Without a yes in the truth it is 0, as in Keras.
/// Several thresholds at once, which Keras allows, would be several figures: use several metrics.
///
/// ```
/// use labbook_nn::{Metric, Recall};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0.0, 1.0, 1.0, 1.0]);
/// let predictions = Tensor::from_slice(&[1.0, 0.2, 0.9, 0.8]);
/// let mut metric = Recall::new();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 2.0 / 3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recall {
    name: Option<String>,
    thresholds: Option<f64>,
    top_k: Option<i64>,
    class_id: Option<i64>,
    #[serde(skip)]
    counts: Confusion,
}

impl Recall {
    /// Recall at a threshold of 0.5.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("recall");

    rule_options!();
}

impl Metric for Recall {
    described!("Recall", "recall", higher_is_better: true);

    fn check(&self) -> Result<()> {
        self.rule().check()
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let (rule, metric) = (self.rule(), self.name.as_deref().unwrap_or("recall"));
        rule.count(metric, &mut self.counts, (y_true, y_pred), sample_weight)
    }

    fn result(&self) -> Result<f64> {
        let counts: Counts = self.counts.read()?.into_iter().sum();
        let are_yes = counts.true_positives + counts.false_negatives;
        Ok(ratio(counts.true_positives, are_yes))
    }

    fn reset(&mut self) {
        self.counts.reset();
    }
}
