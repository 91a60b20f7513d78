use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::confusion::{Confusion, Counts, ratio};
use super::metric::Metric;
use super::options::{described, name_option};
use super::shapes::{one_hot_like, spread, unsuitable};
use crate::{Error, Result};

/// The weighted harmonic mean of precision and recall; recall counts `beta` times as much.
///
/// A class is predicted where its number is the largest of the row (all of equals, none of
/// zeros), or above the [`threshold`](Self::threshold) if there is one. Targets are one-hot or
/// multi-hot rows, or class numbers. Differences to Keras:
///
/// - Keras's default, a figure for each class, is no figure for a history: here the default
///   average is `"macro"`.
/// - For a single output, whose largest number is always itself, the threshold is 0.5 unless
///   another is set; Keras takes every example for a yes.
/// - Denominators are exact, as in scikit-learn; Keras adds 1e-7.
///
/// A class without a yes in truth and predictions has a score of 0. NaN is no yes, nor is any
/// class of a row with NaN unless there is a threshold.
///
/// ```
/// use labbook_nn::{FBetaScore, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[1.0, 1.0, 0.0, 0.0]);
/// let predictions = Tensor::from_slice(&[0.9, 0.2, 0.1, 0.3]);
/// let mut metric = FBetaScore::new(2.0);
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 5.0 / 9.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FBetaScore {
    name: Option<String>,
    average: String,
    beta: f64,
    threshold: Option<f64>,
    #[serde(skip)]
    counts: Confusion,
}

impl FBetaScore {
    /// The score with this `beta`, the classes' mean; by its name alone, `beta` is 1.
    #[must_use]
    pub fn new(beta: f64) -> Self {
        Self {
            beta,
            ..Self::default()
        }
    }

    name_option!("fbeta_score");
    average_options!();
}

impl Default for FBetaScore {
    fn default() -> Self {
        Self {
            name: None,
            average: MACRO.to_owned(),
            beta: 1.0,
            threshold: None,
            counts: Confusion::default(),
        }
    }
}

impl Metric for FBetaScore {
    described!("FBetaScore", "fbeta_score", higher_is_better: true);

    fn check(&self) -> Result<()> {
        if !(self.beta.is_finite() && self.beta > 0.0) {
            return Err(Error::option(
                "beta",
                "a number above 0",
                self.beta,
                "use 1.0 for the F1 score",
            ));
        }
        check(&self.average, self.threshold)
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let metric = self.name.as_deref().unwrap_or("fbeta_score");
        count(
            metric,
            &mut self.counts,
            self.threshold,
            (y_true, y_pred),
            sample_weight,
        )
    }

    fn result(&self) -> Result<f64> {
        Ok(averaged(&self.counts.read()?, self.beta, &self.average))
    }

    fn reset(&mut self) {
        self.counts.reset();
    }
}

/// The options that `F1Score` has as well.
macro_rules! average_options {
    () => {
        /// Sets how the classes' scores become one: `"macro"`, their mean (the default);
        /// `"weighted"`, their mean by how often a class occurs; `"micro"`, the score of all
        /// classes' counts together.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn average(mut self, average: impl Into<String>) -> Self {
            self.average = average.into();
            self
        }

        /// Sets the number, above 0 and at most 1, that a yes lies above; the default takes the
        /// largest of each row, or 0.5 for a single output.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn threshold(mut self, threshold: f64) -> Self {
            self.threshold = Some(threshold);
            self
        }
    };
}
pub(super) use average_options;

/// The default average.
pub(super) const MACRO: &str = "macro";

/// Checks the options that `F1Score` has as well.
pub(super) fn check(average: &str, threshold: Option<f64>) -> Result<()> {
    if !matches!(average, "micro" | MACRO | "weighted") {
        return Err(Error::option(
            "average",
            "\"micro\", \"macro\" or \"weighted\"",
            average,
            "use \"macro\" for the mean of the classes' scores",
        ));
    }
    match threshold.filter(|&threshold| !(threshold > 0.0 && threshold <= 1.0)) {
        None => Ok(()),
        Some(threshold) => Err(Error::option(
            "threshold",
            "a number above 0 and at most 1",
            threshold,
            "use 0.5 for the output of a sigmoid",
        )),
    }
}

/// Adds a batch, each output a question of its own.
pub(super) fn count(
    metric: &str,
    counts: &mut Confusion,
    threshold: Option<f64>,
    (y_true, y_pred): (&Tensor, &Tensor),
    sample_weight: Option<&Tensor>,
) -> Result<()> {
    let truth = one_hot_like(metric, y_true, y_pred)?;
    let outputs = match *y_pred.size().as_slice() {
        [_] => 1,
        [_, outputs] => outputs,
        _ => {
            let advice = "for the steps of a sequence use Precision and Recall";
            let expected = "predictions of shape (N, classes)";
            return Err(unsuitable(metric, expected, &y_pred.size(), advice));
        }
    };
    let rows = |tensor: &Tensor| tensor.f_reshape([-1, outputs]);
    let (truth, y_pred) = (rows(&truth)?, rows(&y_pred.f_detach()?)?);
    let yes = match threshold {
        Some(threshold) => y_pred.f_gt(threshold)?,
        None if outputs == 1 => y_pred.f_gt(0.5)?,
        None => {
            let largest = y_pred.f_amax([-1_i64].as_slice(), true)?;
            let is_largest = y_pred.f_ge_tensor(&largest)?;
            is_largest.f_logical_and(&y_pred.f_abs()?.f_gt(NO_ZERO)?)?
        }
    };
    let weights = match sample_weight {
        Some(weights) => Some(spread(weights, &truth)?),
        None => None,
    };
    counts.add(&truth, &yes, weights.as_ref())
}

/// What Keras takes for more than zero, so that a row of zeros predicts no class.
const NO_ZERO: f64 = 1e-9;

/// The score of the counts of all classes; 0 if there are none.
pub(super) fn averaged(classes: &[Counts], beta: f64, average: &str) -> f64 {
    let square = beta * beta;
    let score = |counts: Counts| {
        let hits = (1.0 + square) * counts.true_positives;
        ratio(
            hits,
            hits + square * counts.false_negatives + counts.false_positives,
        )
    };
    let scores = classes.iter().map(|&counts| score(counts));
    match average {
        "micro" => score(classes.iter().copied().sum()),
        "weighted" => {
            let occurs = |counts: &Counts| counts.true_positives + counts.false_negatives;
            let weighted = scores
                .zip(classes)
                .map(|(score, counts)| score * occurs(counts));
            ratio(weighted.sum(), classes.iter().map(occurs).sum())
        }
        _ => ratio(scores.sum(), classes.len() as f64),
    }
}
