use labbook_analysis::{Calibration, ClassificationReport};
use labbook_charts::{BarChart, Figure, ReliabilityDiagram};
use tch::Tensor;

use crate::error::NotebookError;
use crate::matrix::classes;
use crate::numbers::percent;
use crate::render::shown_as;
use crate::table::Table;
use crate::tensors::table;

/// How far the probabilities can be trusted, in ten bins of confidence, as scikit-learn's function of
/// this name sorts them.
///
/// `labels` are integers, (N,) or (N, 1); `predictions` are probabilities, (N, classes), as
/// `predict` gives them.
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape or kind; [`NotebookError::Analysis`] when the
/// lengths differ or the numbers are no probabilities.
pub fn calibration_curve(
    labels: &Tensor,
    predictions: &Tensor,
) -> Result<Calibration, NotebookError> {
    let labels = classes(labels, "labels")?;
    let predictions = table(predictions, "predictions")?;
    Ok(Calibration::new(&labels, predictions.view(), 10)?)
}

/// The reliability diagram: accuracy within each bin of confidence, the gap between the two, the
/// number of predictions, and the expected calibration error.
///
/// # Errors
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn plot_calibration(calibration: &Calibration) -> Result<Figure, NotebookError> {
    Ok(ReliabilityDiagram::new(calibration).figure()?)
}

/// Precision and recall of every class as bars.
///
/// # Errors
/// [`NotebookError::Chart`] when the figure cannot be drawn.
pub fn plot_precision_recall(report: &ClassificationReport) -> Result<Figure, NotebookError> {
    let rows = report.rows();
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let precision: Vec<f64> = rows.iter().map(|row| row.precision).collect();
    let recall: Vec<f64> = rows.iter().map(|row| row.recall).collect();
    let chart = BarChart::new("Precision and recall per class")
        .names(&names)
        .series("precision", &precision)
        .series("recall", &recall)
        .percent();
    Ok(chart.figure()?)
}

shown_as!(Calibration => bins);

/// One row for each bin that holds predictions.
fn bins(calibration: &Calibration) -> Table {
    let error = percent(Some(calibration.expected_error()));
    let mut table = Table::new(&["confidence", "predictions", "mean confidence", "accuracy"])
        .numeric()
        .header_column()
        .caption(format!("Expected calibration error {error}"));
    for bin in calibration.bins().iter().filter(|bin| bin.count > 0) {
        table.push(&[
            format!("{:.0} to {:.0} %", 100.0 * bin.lower, 100.0 * bin.upper),
            bin.count.to_string(),
            percent(bin.mean_confidence),
            percent(bin.accuracy),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Render;

    #[test]
    fn probabilities_become_a_diagram() {
        let labels = Tensor::from_slice(&[0_i64, 1]).reshape([2, 1]);
        let predictions = Tensor::from_slice(&[0.9_f32, 0.1, 0.4, 0.6]).reshape([2, 2]);
        let calibration = calibration_curve(&labels, &predictions).unwrap();
        let figure = plot_calibration(&calibration).unwrap();
        assert!(figure.alt().contains("error 25.00 %"), "{}", figure.alt());
        let text = calibration.to_plain();
        assert!(text.contains("80 to 90 %"), "{text}");
        assert!(!text.contains("10 to 20 %"), "{text}");
        let logits = predictions * 10.0;
        let error = calibration_curve(&labels, &logits).unwrap_err();
        assert!(error.to_string().contains("softmax"), "{error}");
    }

    #[test]
    fn a_report_becomes_bars_and_text() {
        let names = ["cat", "dog"];
        let report =
            labbook_analysis::classification_report(&[0_u8, 0, 1], &[0_u8, 1, 1], &names).unwrap();
        let figure = plot_precision_recall(&report).unwrap();
        assert!(figure.alt().contains("recall: cat 50.0 %, dog 100.0 %"));
        assert!(report.to_html().contains("macro avg"));
    }
}
