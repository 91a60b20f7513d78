use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::confusion::Confusion;
use super::fbeta_score::{MACRO, average_options, averaged, check, count};
use super::metric::Metric;
use super::options::{described, name_option};
use crate::Result;

/// The harmonic mean of precision and recall.
///
/// What is predicted, how classes are averaged and how that differs from Keras is told for
/// [`FBetaScore`](super::FBetaScore), of which this is the case with a `beta` of 1.
///
/// ```
/// use labbook_nn::{F1Score, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let classes = Tensor::from_slice(&[0_i64, 0, 1]);
/// let predictions = Tensor::from_slice2(&[[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]);
/// let mut metric = F1Score::new().average("macro");
/// metric.update(&classes, &predictions, None)?;
/// assert_eq!(metric.result()?, 2.0 / 3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct F1Score {
    name: Option<String>,
    average: String,
    threshold: Option<f64>,
    #[serde(skip)]
    counts: Confusion,
}

impl F1Score {
    /// The classes' mean score.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("f1_score");
    average_options!();
}

impl Default for F1Score {
    fn default() -> Self {
        Self {
            name: None,
            average: MACRO.to_owned(),
            threshold: None,
            counts: Confusion::default(),
        }
    }
}

impl Metric for F1Score {
    described!("F1Score", "f1_score", higher_is_better: true);

    fn check(&self) -> Result<()> {
        check(&self.average, self.threshold)
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let metric = self.name.as_deref().unwrap_or("f1_score");
        count(
            metric,
            &mut self.counts,
            self.threshold,
            (y_true, y_pred),
            sample_weight,
        )
    }

    fn result(&self) -> Result<f64> {
        Ok(averaged(&self.counts.read()?, 1.0, &self.average))
    }

    fn reset(&mut self) {
        self.counts.reset();
    }
}
