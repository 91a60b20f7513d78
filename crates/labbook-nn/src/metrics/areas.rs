//! Areas under curves that a falling threshold draws.

use super::confusion::ratio;

/// How much yes and no is taken for a yes, threshold by threshold from the highest on: sums of
/// weights that only rise.
#[derive(Debug)]
pub(super) struct Steps {
    /// True and false positives at each threshold.
    points: Vec<(f64, f64)>,
    /// Yes and no altogether.
    total: (f64, f64),
}

impl Steps {
    /// From what lies between rising thresholds; the first is what lies above none.
    pub(super) fn from_buckets(yes: &[f64], no: &[f64]) -> Self {
        let mut sum = (0.0, 0.0);
        let mut points = Vec::with_capacity(yes.len());
        for (yes, no) in yes.iter().zip(no).rev() {
            sum = (sum.0 + yes, sum.1 + no);
            points.push(sum);
        }
        // The last sum has what no threshold reaches: it belongs to the total alone.
        let total = points.pop().unwrap_or_default();
        Self { points, total }
    }

    /// From scores that fall, with their truths (0 or 1) and weights; equal scores are one step.
    pub(super) fn from_scores(scores: &[f64], truth: &[f64], weights: &[f64]) -> Self {
        let mut sum = (0.0, 0.0);
        let mut points = vec![sum];
        for (index, ((score, truth), weight)) in scores.iter().zip(truth).zip(weights).enumerate() {
            sum = (sum.0 + weight * truth, sum.1 + weight * (1.0 - truth));
            if scores.get(index + 1) != Some(score) {
                points.push(sum);
            }
        }
        Self { points, total: sum }
    }

    fn pairs(&self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> + '_ {
        self.points.windows(2).map(|pair| (pair[0], pair[1]))
    }
}

/// The area under true positives over false positives, by trapezoids; `undefined` where there is
/// no yes or no no.
pub(super) fn under_roc(steps: &Steps, undefined: f64) -> f64 {
    let (yes, no) = steps.total;
    if yes == 0.0 || no == 0.0 {
        return undefined;
    }
    let area = |((yes, no), (more_yes, more_no)): ((f64, f64), (f64, f64))| {
        (more_no - no) * (yes + more_yes) / 2.0
    };
    steps.pairs().map(area).sum::<f64>() / (yes * no)
}

/// The area under precision over recall, each threshold's precision times what recall gains, as
/// scikit-learn's `average_precision_score`; 0 without a yes.
pub(super) fn average_precision(steps: &Steps) -> f64 {
    let area = |((yes, _), (more_yes, more_no)): ((f64, f64), (f64, f64))| {
        (more_yes - yes) * ratio(more_yes, more_yes + more_no)
    };
    ratio(steps.pairs().map(area).sum(), steps.total.0)
}

/// The area under precision over recall where true and false positives, not precision, change
/// evenly between thresholds: section 4 of Davis and Goadrich, "The relationship between
/// precision-recall and ROC curves" (2006). 0 without a yes.
///
/// With `p` for all positives and `slope` for what of their growth is true, precision is
/// `(intercept + slope * p) / p`, whose integral over recall has the logarithm below.
pub(super) fn interpolated_precision(steps: &Steps) -> f64 {
    let area = |((yes, no), (more_yes, more_no)): ((f64, f64), (f64, f64))| {
        let (positives, more_positives) = (yes + no, more_yes + more_no);
        let slope = ratio(more_yes - yes, (more_positives - positives).max(0.0));
        let intercept = yes - slope * positives;
        let logarithm = match positives > 0.0 && more_positives > 0.0 {
            true => (more_positives / positives).ln(),
            false => 0.0,
        };
        slope * (more_yes - yes + intercept * logarithm)
    };
    ratio(steps.pairs().map(area).sum(), steps.total.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_and_reversed_orders_have_areas_of_one_and_zero() {
        let steps = |truth: &[f64]| Steps::from_scores(&[0.9, 0.8, 0.2, 0.1], truth, &[1.0; 4]);
        let perfect = steps(&[1.0, 1.0, 0.0, 0.0]);
        assert_eq!(under_roc(&perfect, 0.0), 1.0);
        assert_eq!(average_precision(&perfect), 1.0);
        let reversed = steps(&[0.0, 0.0, 1.0, 1.0]);
        assert_eq!(under_roc(&reversed, 0.0), 0.0);
        assert_eq!(average_precision(&reversed), (1.0 / 3.0 + 2.0 / 4.0) / 2.0);
        assert!(under_roc(&steps(&[1.0; 4]), f64::NAN).is_nan());
        assert_eq!(average_precision(&steps(&[0.0; 4])), 0.0);
    }

    #[test]
    fn equal_scores_are_one_step() {
        let steps = Steps::from_scores(&[0.5; 4], &[1.0, 0.0, 1.0, 0.0], &[1.0; 4]);
        assert_eq!(under_roc(&steps, 0.0), 0.5);
        assert_eq!(average_precision(&steps), 0.5);
    }

    #[test]
    fn what_lies_above_no_threshold_counts_in_the_total_only() {
        let steps = Steps::from_buckets(&[1.0, 0.0, 1.0], &[0.0, 1.0, 0.0]);
        assert_eq!(under_roc(&steps, 0.0), 0.5);
    }
}
