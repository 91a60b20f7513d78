use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::areas::{Steps, average_precision, interpolated_precision, under_roc};
use super::metric::Metric;
use super::options::{described, name_option};
use super::shapes::{one_hot_like, spread, unsuitable};
use crate::{Error, Result};

/// The area under the receiver operating characteristic, or under the curve of precision over
/// recall: how well predictions order yes before no, whatever the threshold.
///
/// By default the curve is drawn through [`num_thresholds`](Self::num_thresholds) thresholds and
/// summed up as Keras does: by trapezoids for `"ROC"`, with precision interpolated after Davis
/// and Goadrich (2006) for `"PR"`. Predictions are cut to 0 and 1 first, and those between the
/// same two thresholds count as equal. If the truth is all yes or all no, the area is what Keras
/// gives: 0 for `"ROC"`. A prediction that is NaN is no yes at any threshold.
///
/// [`exact`](Self::exact) keeps every prediction instead and gives scikit-learn's
/// `roc_auc_score`, or `average_precision_score` for `"PR"`. That takes 13 bytes for each number, on their device,
/// and the time to sort them; the area under the ROC of a truth that is all yes or all no, and
/// any area with a NaN among the predictions, is NaN.
///
/// All outputs count together unless [`multi_label`](Self::multi_label) asks for the mean of
/// their areas; class numbers are taken for one-hot rows.
///
/// ```
/// use labbook_nn::{AUC, Metric};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let truth = Tensor::from_slice(&[0.0, 0.0, 1.0, 1.0]);
/// let predictions = Tensor::from_slice(&[0.1, 0.4, 0.35, 0.8]);
/// let mut metric = AUC::new().exact();
/// metric.update(&truth, &predictions, None)?;
/// assert_eq!(metric.result()?, 0.75);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AUC {
    name: Option<String>,
    /// `None` keeps every prediction.
    num_thresholds: Option<i64>,
    curve: String,
    multi_label: bool,
    from_logits: bool,
    #[serde(skip)]
    seen: Seen,
}

/// What is known of the predictions.
#[derive(Debug, Default)]
enum Seen {
    #[default]
    Nothing,
    /// Weights of yes and no between thresholds, each of shape (outputs, num_thresholds + 1); the
    /// first column has what lies above no threshold.
    Between { yes: Tensor, no: Tensor },
    /// Batches of predictions, truths and weights, each of shape (N, outputs).
    Each(Vec<[Tensor; 3]>),
}

impl AUC {
    /// The area under the ROC by 200 thresholds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    name_option!("auc");

    /// Sets how many thresholds from 0 to 1 there are; the default is 200.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn num_thresholds(mut self, num_thresholds: i64) -> Self {
        self.num_thresholds = Some(num_thresholds);
        self
    }

    /// Takes every prediction for a threshold.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn exact(mut self) -> Self {
        self.num_thresholds = None;
        self
    }

    /// Sets the curve: `"ROC"`, the default, or `"PR"`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn curve(mut self, curve: impl Into<String>) -> Self {
        self.curve = curve.into();
        self
    }

    /// Says whether the areas of the outputs are measured one by one and averaged; the default
    /// is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn multi_label(mut self, multi_label: bool) -> Self {
        self.multi_label = multi_label;
        self
    }

    /// Says whether the model's output still lacks its sigmoid; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    fn is_roc(&self) -> bool {
        self.curve.eq_ignore_ascii_case(ROC)
    }

    /// The area of one output from what it got between thresholds.
    fn area_between(&self, yes: &[f64], no: &[f64]) -> f64 {
        let steps = Steps::from_buckets(yes, no);
        match self.is_roc() {
            true => under_roc(&steps, 0.0),
            false => interpolated_precision(&steps),
        }
    }

    /// The exact area of one output from its predictions, truths and weights.
    fn area_of_each(&self, batches: &[Tensor; 3]) -> Result<f64> {
        let [scores, truth, weights] = batches;
        let (scores, order) = scores.f_sort(0, true)?;
        let numbers = |tensor: &Tensor| -> Result<Vec<f64>> {
            Ok(Vec::try_from(tensor.f_to_kind(Kind::Double)?)?)
        };
        let in_order = |tensor: &Tensor| numbers(&tensor.f_index_select(0, &order)?);
        let scores = numbers(&scores)?;
        if scores.iter().any(|score| score.is_nan()) {
            return Ok(f64::NAN);
        }
        let steps = Steps::from_scores(&scores, &in_order(truth)?, &in_order(weights)?);
        Ok(match self.is_roc() {
            true => under_roc(&steps, f64::NAN),
            false => average_precision(&steps),
        })
    }
}

const ROC: &str = "ROC";

impl Default for AUC {
    fn default() -> Self {
        Self {
            name: None,
            num_thresholds: Some(200),
            curve: ROC.to_owned(),
            multi_label: false,
            from_logits: false,
            seen: Seen::Nothing,
        }
    }
}

impl Metric for AUC {
    described!("AUC", "auc", higher_is_better: true);

    fn check(&self) -> Result<()> {
        if !self.is_roc() && !self.curve.eq_ignore_ascii_case("PR") {
            return Err(Error::option(
                "curve",
                "\"ROC\" or \"PR\"",
                &self.curve,
                "use \"PR\" where yes is rare",
            ));
        }
        match self.num_thresholds.filter(|&count| count < 2) {
            None => Ok(()),
            Some(count) => Err(Error::option(
                "num_thresholds",
                "at least 2",
                count,
                "use 200, or exact()",
            )),
        }
    }

    fn update(
        &mut self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let truth = one_hot_like(Metric::name(self), y_true, y_pred)?.f_ne(0.0)?;
        let weights = match sample_weight {
            Some(weights) => spread(weights, &truth)?,
            None => truth.f_ones_like()?.f_to_kind(Kind::Double)?,
        };
        let outputs = match (self.multi_label, y_pred.size().as_slice()) {
            (false, _) => 1,
            (true, &[_, outputs]) => outputs,
            (true, size) => {
                let advice = "leave multi_label out";
                let expected = "predictions of shape (N, outputs) with multi_label";
                return Err(unsuitable(Metric::name(self), expected, size, advice));
            }
        };
        let rows = |tensor: &Tensor| tensor.f_reshape([-1, outputs]);
        let (scores, truth, weights) = (rows(&y_pred.f_detach()?)?, rows(&truth)?, rows(&weights)?);
        match self.num_thresholds {
            Some(count) => {
                let scores = match self.from_logits {
                    true => scores.f_sigmoid()?,
                    false => scores,
                };
                let yes = weights.f_mul(&truth)?;
                let no = weights.f_sub(&yes)?;
                self.seen.add_between(count, &scores, &yes, &no)
            }
            // A sigmoid keeps the order, but makes equals of what is far out.
            None => {
                self.seen.add_each([scores, truth, weights]);
                Ok(())
            }
        }
    }

    fn result(&self) -> Result<f64> {
        let areas = match &self.seen {
            Seen::Nothing => return Ok(0.0),
            Seen::Between { yes, no } => {
                let (yes, no) = (
                    Vec::<Vec<f64>>::try_from(yes)?,
                    Vec::<Vec<f64>>::try_from(no)?,
                );
                let outputs = yes.iter().zip(&no);
                outputs
                    .map(|(yes, no)| self.area_between(yes, no))
                    .collect()
            }
            Seen::Each(batches) => {
                let [scores, truth, weights] = joined(batches)?;
                let outputs = scores.size().last().copied().unwrap_or(1);
                let area = |output: i64| {
                    self.area_of_each(&[
                        scores.f_select(1, output)?,
                        truth.f_select(1, output)?,
                        weights.f_select(1, output)?,
                    ])
                };
                (0..outputs).map(area).collect::<Result<Vec<f64>>>()?
            }
        };
        Ok(areas.iter().sum::<f64>() / areas.len() as f64)
    }

    fn reset(&mut self) {
        self.seen = Seen::Nothing;
    }
}

impl Seen {
    /// Adds a batch to what lies between `count` thresholds.
    fn add_between(
        &mut self,
        count: i64,
        scores: &Tensor,
        yes: &Tensor,
        no: &Tensor,
    ) -> Result<()> {
        let outputs = scores.size().last().copied().unwrap_or(1);
        // In the precision of the predictions, as Keras rounds: a prediction belongs to the
        // threshold that it lies above, and even 0 lies above the first one. Column 0 is for NaN.
        let above = scores.f_clamp(0.0, 1.0)?.f_mul_scalar((count - 1) as f64)?;
        let above =
            above
                .f_ceil()?
                .f_clamp_min(1.0)?
                .f_nan_to_num(0.0, None::<f64>, None::<f64>)?;
        let first = Tensor::f_arange(outputs, (Kind::Int64, scores.device()))?;
        let first = first.f_mul_scalar(count + 1)?;
        let place = above
            .f_to_kind(Kind::Int64)?
            .f_add(&first)?
            .f_reshape([-1])?;
        let sums = |weights: &Tensor| -> Result<Tensor> {
            let none = Tensor::f_zeros([outputs * (count + 1)], (Kind::Double, scores.device()))?;
            let sums = none.f_index_add(0, &place, &weights.f_reshape([-1])?)?;
            Ok(sums.f_reshape([outputs, count + 1])?)
        };
        let (more_yes, more_no) = (sums(yes)?, sums(no)?);
        match self {
            Self::Between { yes, no } => {
                let _ = yes.f_add_(&more_yes)?;
                let _ = no.f_add_(&more_no)?;
            }
            _ => {
                *self = Self::Between {
                    yes: more_yes,
                    no: more_no,
                }
            }
        }
        Ok(())
    }

    /// Keeps a batch.
    fn add_each(&mut self, batch: [Tensor; 3]) {
        match self {
            Self::Each(batches) => batches.push(batch),
            _ => *self = Self::Each(vec![batch]),
        }
    }
}

/// All batches as one.
fn joined(batches: &[[Tensor; 3]]) -> Result<[Tensor; 3]> {
    let part = |index: usize| -> Result<Tensor> {
        let parts: Vec<&Tensor> = batches.iter().map(|batch| &batch[index]).collect();
        Ok(Tensor::f_cat(&parts, 0)?)
    };
    Ok([part(0)?, part(1)?, part(2)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_areas_of_logits_tell_apart_what_a_sigmoid_makes_equal() -> Result<()> {
        let truth = Tensor::from_slice(&[0.0, 1.0]);
        let logits = Tensor::from_slice(&[100.0_f32, 200.0]);
        let area = |metric: AUC| -> Result<f64> {
            let mut metric = metric.from_logits(true);
            metric.update(&truth, &logits, None)?;
            metric.result()
        };
        assert_eq!(area(AUC::new().exact())?, 1.0);
        assert_eq!(area(AUC::new())?, 0.5);
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_told() {
        let told = |result: Result<()>| result.unwrap_err().to_string();
        let error = told(AUC::new().curve("PRC").check());
        assert_eq!(
            error,
            "curve: expected \"ROC\" or \"PR\", received PRC; use \"PR\" where yes is rare"
        );
        assert!(told(AUC::new().num_thresholds(1).check()).contains("at least 2"));
        assert!(AUC::new().curve("pr").exact().check().is_ok());
        let ones = Tensor::from_slice(&[1.0, 1.0]);
        let error = told(AUC::new().multi_label(true).update(&ones, &ones, None));
        assert!(error.contains("(N, outputs)"), "{error}");
    }
}
