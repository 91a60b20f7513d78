use crate::{AnalysisError, ClassLabel};

/// How the share of positives found and of negatives taken for positives go together, over all
/// thresholds of a score (scikit-learn's `roc_curve`).
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    false_positive_rate: Vec<f64>,
    true_positive_rate: Vec<f64>,
    thresholds: Vec<f64>,
}

impl RocCurve {
    /// Ranks samples by score. A label of 1 is a positive, 0 a negative; the higher the score, the
    /// more likely a positive: probabilities or logits.
    ///
    /// Points on a straight line between others are dropped, as scikit-learn does. The first point
    /// is `(0, 0)` with a threshold of infinity.
    ///
    /// ```
    /// use labbook_analysis::RocCurve;
    ///
    /// let roc = RocCurve::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8])?;
    /// assert_eq!(roc.false_positive_rate(), [0.0, 0.0, 0.5, 0.5, 1.0]);
    /// assert_eq!(roc.true_positive_rate(), [0.0, 0.5, 0.5, 1.0, 1.0]);
    /// assert_eq!(roc.area(), 0.75);
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AnalysisError::RowMismatch`], [`AnalysisError::NoSamples`],
    /// [`AnalysisError::LabelOutOfRange`] for a label that is neither 0 nor 1,
    /// [`AnalysisError::NotFinite`] for a NaN, or [`AnalysisError::Undefined`] unless both classes
    /// occur.
    pub fn new<'a, 'b, T, F>(
        true_labels: impl IntoIterator<Item = &'a T>,
        scores: impl IntoIterator<Item = &'b F>,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        F: Copy + Into<f64> + 'b,
    {
        let ranking = Ranking::new(true_labels, scores)?;
        ranking.require_both("a ROC curve")?;
        let steps = ranking.steps;
        let (negatives, positives) = (ranking.negatives as f64, ranking.positives as f64);
        let mut curve = Self {
            false_positive_rate: vec![0.0],
            true_positive_rate: vec![0.0],
            thresholds: vec![f64::INFINITY],
        };
        for (i, step) in steps.iter().enumerate() {
            let on_a_line = i > 0
                && steps.get(i + 1).is_some_and(|next| {
                    let last = &steps[i - 1];
                    (next.false_positives - step.false_positives
                        == step.false_positives - last.false_positives)
                        && (next.true_positives - step.true_positives
                            == step.true_positives - last.true_positives)
                });
            if !on_a_line {
                curve
                    .false_positive_rate
                    .push(step.false_positives as f64 / negatives);
                curve
                    .true_positive_rate
                    .push(step.true_positives as f64 / positives);
                curve.thresholds.push(step.threshold);
            }
        }
        Ok(curve)
    }

    /// Negatives taken for positives, as a share of all negatives, ascending.
    #[must_use]
    pub fn false_positive_rate(&self) -> &[f64] {
        &self.false_positive_rate
    }

    /// Positives found, as a share of all positives, ascending.
    #[must_use]
    pub fn true_positive_rate(&self) -> &[f64] {
        &self.true_positive_rate
    }

    /// The scores from which on a sample counts as positive, descending.
    #[must_use]
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// The area under the curve, from 0 to 1: the probability that a positive scores higher than a
    /// negative, ties counting half. 0.5 is chance.
    #[must_use]
    pub fn area(&self) -> f64 {
        trapezoids(&self.false_positive_rate, &self.true_positive_rate)
    }
}

/// How precision and recall go together over all thresholds of a score (scikit-learn's
/// `precision_recall_curve`).
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecallCurve {
    precision: Vec<f64>,
    recall: Vec<f64>,
    thresholds: Vec<f64>,
}

impl PrecisionRecallCurve {
    /// Ranks samples by score. A label of 1 is a positive, 0 a negative; the higher the score, the
    /// more likely a positive: probabilities or logits.
    ///
    /// The last point is a precision of 1 and a recall of 0, without a threshold.
    ///
    /// ```
    /// use labbook_analysis::PrecisionRecallCurve;
    ///
    /// let curve = PrecisionRecallCurve::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8])?;
    /// assert_eq!(curve.recall(), [1.0, 1.0, 0.5, 0.5, 0.0]);
    /// assert!((curve.average_precision() - 0.833_333).abs() < 1e-6);
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`RocCurve::new`]; only positives must occur.
    pub fn new<'a, 'b, T, F>(
        true_labels: impl IntoIterator<Item = &'a T>,
        scores: impl IntoIterator<Item = &'b F>,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        F: Copy + Into<f64> + 'b,
    {
        let ranking = Ranking::new(true_labels, scores)?;
        if ranking.positives == 0 {
            return Err(AnalysisError::Undefined {
                what: "a precision-recall curve",
                because: "no sample is a positive (label 1)",
            });
        }
        let positives = ranking.positives as f64;
        let ascending = || ranking.steps.iter().rev();
        let precision = |step: &Step| {
            step.true_positives as f64 / (step.true_positives + step.false_positives) as f64
        };
        Ok(Self {
            precision: ascending().map(precision).chain([1.0]).collect(),
            recall: ascending()
                .map(|step| step.true_positives as f64 / positives)
                .chain([0.0])
                .collect(),
            thresholds: ascending().map(|step| step.threshold).collect(),
        })
    }

    /// Of the samples at or above each threshold, the share that are positives; then 1.
    #[must_use]
    pub fn precision(&self) -> &[f64] {
        &self.precision
    }

    /// Positives at or above each threshold, as a share of all positives, descending; then 0.
    #[must_use]
    pub fn recall(&self) -> &[f64] {
        &self.recall
    }

    /// The thresholds, ascending; one fewer than there are points.
    #[must_use]
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// The mean precision over the thresholds, each weighted by the recall that it adds: the area
    /// as steps, which is not too hopeful as the one between points would be.
    #[must_use]
    pub fn average_precision(&self) -> f64 {
        let drops = self.recall.windows(2).map(|pair| pair[0] - pair[1]);
        drops.zip(&self.precision).map(|(drop, p)| drop * p).sum()
    }
}

/// The area under the ROC curve of a yes/no question: [`RocCurve::area`].
///
/// ```
/// let area = labbook_analysis::roc_auc_score(&[0, 0, 1, 1], &[0.1_f32, 0.4, 0.35, 0.8])?;
/// assert_eq!(area, 0.75);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// Those of [`RocCurve::new`].
pub fn roc_auc_score<'a, 'b, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    scores: impl IntoIterator<Item = &'b F>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64> + 'b,
{
    Ok(RocCurve::new(true_labels, scores)?.area())
}

/// The average precision of a yes/no question: [`PrecisionRecallCurve::average_precision`].
///
/// # Errors
///
/// Those of [`PrecisionRecallCurve::new`].
pub fn average_precision_score<'a, 'b, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    scores: impl IntoIterator<Item = &'b F>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64> + 'b,
{
    Ok(PrecisionRecallCurve::new(true_labels, scores)?.average_precision())
}

/// The area between the horizontal axis and straight lines from point to point.
fn trapezoids(x: &[f64], y: &[f64]) -> f64 {
    let widths = x.windows(2).map(|pair| pair[1] - pair[0]);
    let heights = y.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
    widths.zip(heights).map(|(w, h)| w * h).sum()
}

/// The samples at or above one threshold.
struct Step {
    threshold: f64,
    true_positives: u64,
    false_positives: u64,
}

/// Samples counted from the highest score down; equal scores make one step.
struct Ranking {
    steps: Vec<Step>,
    positives: u64,
    negatives: u64,
}

impl Ranking {
    fn new<'a, 'b, T, F>(
        true_labels: impl IntoIterator<Item = &'a T>,
        scores: impl IntoIterator<Item = &'b F>,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        F: Copy + Into<f64> + 'b,
    {
        let labels: Vec<i128> = true_labels.into_iter().map(|l| l.to_i128()).collect();
        // Adding 0 makes one zero of the two, which `total_cmp` tells apart.
        let scores: Vec<f64> = scores.into_iter().map(|&s| s.into() + 0.0).collect();
        if labels.len() != scores.len() {
            return Err(AnalysisError::RowMismatch {
                what: "a score",
                labels: labels.len(),
                received: scores.len(),
            });
        }
        if labels.is_empty() {
            return Err(AnalysisError::NoSamples);
        }
        if let Some(position) = labels.iter().position(|label| !(0..=1).contains(label)) {
            return Err(AnalysisError::LabelOutOfRange {
                role: "true labels",
                position,
                label: labels[position],
                n_classes: 2,
            });
        }
        if let Some(row) = scores.iter().position(|score| score.is_nan()) {
            return Err(AnalysisError::NotFinite {
                value: scores[row].to_string(),
                row,
                column: 0,
            });
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let mut ranking = Self {
            steps: Vec::new(),
            positives: 0,
            negatives: 0,
        };
        for (place, &sample) in order.iter().enumerate() {
            let is_positive = u64::from(labels[sample] == 1);
            ranking.positives += is_positive;
            ranking.negatives += 1 - is_positive;
            let next = order.get(place + 1).map(|&next| scores[next]);
            if next != Some(scores[sample]) {
                ranking.steps.push(Step {
                    threshold: scores[sample],
                    true_positives: ranking.positives,
                    false_positives: ranking.negatives,
                });
            }
        }
        Ok(ranking)
    }

    fn require_both(&self, what: &'static str) -> Result<(), AnalysisError> {
        let because = match (self.positives, self.negatives) {
            (0, _) => "no sample is a positive (label 1)",
            (_, 0) => "no sample is a negative (label 0)",
            _ => return Ok(()),
        };
        Err(AnalysisError::Undefined { what, because })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_alone_has_no_curve() {
        let error = roc_auc_score(&[1, 1], &[0.1, 0.2]).unwrap_err();
        assert!(
            error.to_string().contains("no sample is a negative"),
            "{error}"
        );
        assert!(average_precision_score(&[0, 0], &[0.1, 0.2]).is_err());
        assert_eq!(average_precision_score(&[1, 1], &[0.1, 0.2]), Ok(1.0));
    }

    #[test]
    fn equal_scores_are_chance() {
        assert_eq!(roc_auc_score(&[0, 1, 1, 0], &[0.5; 4]), Ok(0.5));
        // The two zeros are equal scores, too.
        assert_eq!(roc_auc_score(&[0, 1], &[0.0, -0.0]), Ok(0.5));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(roc_auc_score(&[0, 2], &[0.1, 0.2]).is_err());
        assert!(roc_auc_score(&[0, 1], &[0.1]).is_err());
        let error = roc_auc_score(&[0, 1], &[0.1, f64::NAN]).unwrap_err();
        assert!(error.to_string().contains("NaN in row 1"), "{error}");
    }
}
