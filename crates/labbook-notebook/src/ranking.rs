//! Yes/no questions: how well a network's probabilities rank the samples.

use labbook_analysis::{PrecisionRecallCurve, RocCurve};
use labbook_charts::{Figure, PrecisionRecallPlot, RocPlot};
use tch::Tensor;

use crate::error::NotebookError;
use crate::render::shown_as;
use crate::table::Table;
use crate::tensors::array;

/// The ROC curve of a yes/no question: positives found over negatives taken for positives.
///
/// `labels` are 0 and 1, integers or floats, (N,) or (N, 1); `predictions` are probabilities or
/// logits of class 1, (N,) or (N, 1), or of both classes, (N, 2), as `predict` gives them.
///
/// ```
/// use labbook_notebook::{plot_roc, roc_curve};
/// use tch::Tensor;
///
/// let labels = Tensor::from_slice(&[0_i64, 0, 1, 1]);
/// let predictions = Tensor::from_slice(&[0.1_f32, 0.4, 0.35, 0.8]);
/// let roc = roc_curve(&labels, &predictions)?;
/// assert_eq!(roc.area(), 0.75);
/// let figure = plot_roc(&[("table network", &roc)])?;
/// # assert!(figure.alt().contains("table network"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape or other labels; [`NotebookError::Analysis`] when
/// the lengths differ, a prediction is NaN, or only one of the classes occurs.
pub fn roc_curve(labels: &Tensor, predictions: &Tensor) -> Result<RocCurve, NotebookError> {
    let (labels, scores) = (yes_or_no(labels)?, scores(predictions)?);
    Ok(RocCurve::new(&labels, &scores)?)
}

/// The curve of precision over recall of a yes/no question; arguments as for [`roc_curve`].
///
/// # Errors
/// Those of [`roc_curve`]; only class 1 must occur.
pub fn precision_recall_curve(
    labels: &Tensor,
    predictions: &Tensor,
) -> Result<PrecisionRecallCurve, NotebookError> {
    let (labels, scores) = (yes_or_no(labels)?, scores(predictions)?);
    Ok(PrecisionRecallCurve::new(&labels, &scores)?)
}

/// ROC curves of one or several models, each with its name and area.
///
/// # Errors
/// [`NotebookError::Chart`] without curves.
pub fn plot_roc<N: AsRef<str>>(curves: &[(N, &RocCurve)]) -> Result<Figure, NotebookError> {
    let add = |plot: RocPlot, (name, roc): &(N, &RocCurve)| plot.curve(name.as_ref(), roc);
    Ok(curves.iter().fold(RocPlot::new(), add).figure()?)
}

/// Precision over recall of one or several models, each with its name and average precision.
///
/// # Errors
/// [`NotebookError::Chart`] without curves.
pub fn plot_precision_recall_curve<N: AsRef<str>>(
    curves: &[(N, &PrecisionRecallCurve)],
) -> Result<Figure, NotebookError> {
    let add = |plot: PrecisionRecallPlot, (name, curve): &(N, &PrecisionRecallCurve)| {
        plot.curve(name.as_ref(), curve)
    };
    Ok(curves
        .iter()
        .fold(PrecisionRecallPlot::new(), add)
        .figure()?)
}

shown_as!(RocCurve => roc_table);
shown_as!(PrecisionRecallCurve => precision_recall_table);

/// What the curve gives at round shares of false alarms.
fn roc_table(roc: &RocCurve) -> Table {
    let mut table = Table::new(&["false positive rate", "true positive rate", "threshold"])
        .numeric()
        .caption(format!("Area under the ROC curve {:.4}", roc.area()));
    for limit in [0.01, 0.05, 0.1, 0.2, 0.5] {
        let below = roc
            .false_positive_rate()
            .partition_point(|&rate| rate <= limit);
        let Some(best) = below.checked_sub(1) else {
            continue;
        };
        table.push(&[
            format!("at most {:.0} %", 100.0 * limit),
            format!("{:.1} %", 100.0 * roc.true_positive_rate()[best]),
            format!("{:.4}", roc.thresholds()[best]),
        ]);
    }
    table
}

/// What the curve gives at round shares of positives found.
fn precision_recall_table(curve: &PrecisionRecallCurve) -> Table {
    let average = curve.average_precision();
    let mut table = Table::new(&["recall", "precision", "threshold"])
        .numeric()
        .caption(format!("Average precision {average:.4}"));
    for limit in [0.5, 0.8, 0.9, 0.95, 0.99] {
        // The last point has no threshold and a recall of 0.
        let enough = curve.recall().partition_point(|&recall| recall >= limit);
        let Some(last) = enough.checked_sub(1) else {
            continue;
        };
        table.push(&[
            format!("at least {:.0} %", 100.0 * limit),
            format!("{:.1} %", 100.0 * curve.precision()[last]),
            format!("{:.4}", curve.thresholds()[last]),
        ]);
    }
    table
}

/// Zeros and ones, whatever their kind.
fn yes_or_no(labels: &Tensor) -> Result<Vec<i64>, NotebookError> {
    let refused = || NotebookError::Tensor {
        what: "labels",
        expected: "0 for no and 1 for yes, shaped [N] or [N, 1]".to_owned(),
        received: format!("{:?} shaped {:?}", labels.kind(), labels.size()),
    };
    if !matches!(labels.size().as_slice(), [_] | [_, 1]) {
        return Err(refused());
    }
    let values = array(labels, "labels")?;
    let class = |value: &f32| match *value {
        0.0 => Ok(0),
        1.0 => Ok(1),
        _ => Err(refused()),
    };
    values.iter().map(class).collect()
}

/// One score a sample, the higher the more likely a yes.
fn scores(predictions: &Tensor) -> Result<Vec<f32>, NotebookError> {
    let size = predictions.size();
    let column = match size.as_slice() {
        [_] | [_, 1] => predictions.f_flatten(0, -1)?,
        [_, 2] => predictions.f_select(1, 1)?,
        _ => {
            return Err(NotebookError::Tensor {
                what: "predictions",
                expected: "scores of class 1 shaped [N] or [N, 1], or of both classes, [N, 2]"
                    .to_owned(),
                received: format!("{:?} shaped {size:?}", predictions.kind()),
            });
        }
    };
    Ok(array(&column, "predictions")?.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Render;

    fn labels() -> Tensor {
        Tensor::from_slice(&[0.0_f32, 0.0, 1.0, 1.0])
    }

    #[test]
    fn two_columns_and_one_give_the_same_curves() {
        let one = Tensor::from_slice(&[0.1_f32, 0.4, 0.35, 0.8]);
        let two = Tensor::stack(&[&one.neg(), &one], 1);
        let roc = roc_curve(&labels(), &one).unwrap();
        assert_eq!(roc, roc_curve(&labels().unsqueeze(1), &two).unwrap());
        assert!(roc.to_plain().contains("0.7500"), "{}", roc.to_plain());
        let curve = precision_recall_curve(&labels(), &two).unwrap();
        assert!(curve.to_plain().contains("0.8333"), "{}", curve.to_plain());
        let figure = plot_precision_recall_curve(&[("mine", &curve)]).unwrap();
        assert!(figure.alt().contains("mine: AP 0.833"));
        assert!(plot_roc(&[(String::from("mine"), &roc)]).is_ok());
    }

    #[test]
    fn other_labels_and_shapes_are_refused() {
        let scores = Tensor::from_slice(&[0.1_f32, 0.4, 0.35, 0.8]);
        assert!(roc_curve(&(labels() * 2), &scores).is_err());
        let error = roc_curve(&labels(), &Tensor::zeros([4, 3], tch::kind::FLOAT_CPU));
        assert!(error.unwrap_err().to_string().contains("[N, 2]"));
        assert!(roc_curve(&labels(), &scores.slice(0, 0, 2, 1)).is_err());
        assert!(roc_curve(&labels().ones_like(), &scores).is_err());
    }
}
