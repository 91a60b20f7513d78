use std::fmt;

use crate::{AnalysisError, Average, ClassLabel, ConfusionMatrix};

/// Precision, recall and F1 of one class, or their averages over the classes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    /// Name of the class or of the average.
    pub name: String,
    /// Precision, from 0 to 1.
    pub precision: f64,
    /// Recall, from 0 to 1.
    pub recall: f64,
    /// Harmonic mean of precision and recall, from 0 to 1.
    pub f1: f64,
    /// Number of true samples.
    pub support: u64,
}

/// Precision, recall, F1 and support of every class and their averages.
///
/// `Display` gives the text of scikit-learn's `classification_report`, to the letter, except that
/// the support stays a whole number where no prediction is right (there scikit-learn prints "2.0").
///
/// ```
/// use labbook_analysis::classification_report;
///
/// let report = classification_report(&[0_u8, 1, 1], &[0_i64, 1, 0], &["cat", "dog"])?;
/// assert_eq!(report.rows()[1].recall, 0.5);
/// assert!(report.to_string().contains("macro avg"));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationReport {
    rows: Vec<ReportRow>,
    accuracy: f64,
    macro_avg: ReportRow,
    weighted_avg: ReportRow,
    digits: usize,
}

impl ClassificationReport {
    /// Reads the report off a confusion matrix; all its classes are listed, present or not.
    pub fn new(matrix: &ConfusionMatrix) -> Self {
        let (precision, recall) = (matrix.per_class_precision(), matrix.per_class_recall());
        let (f1, support) = (matrix.per_class_f1(), matrix.support());
        let rows = matrix
            .class_names()
            .iter()
            .enumerate()
            .map(|(class, name)| ReportRow {
                name: name.clone(),
                precision: precision[class],
                recall: recall[class],
                f1: f1[class],
                support: support[class],
            })
            .collect();
        let averaged = |name: &str, average| ReportRow {
            name: name.to_owned(),
            precision: matrix.precision(average),
            recall: matrix.recall(average),
            f1: matrix.f1(average),
            support: matrix.total(),
        };
        Self {
            rows,
            accuracy: matrix.accuracy(),
            macro_avg: averaged("macro avg", Average::Macro),
            weighted_avg: averaged("weighted avg", Average::Weighted),
            digits: 2,
        }
    }

    /// Sets how many decimals `Display` shows (2 unless set, as in scikit-learn).
    #[must_use]
    pub fn with_digits(mut self, digits: usize) -> Self {
        self.digits = digits;
        self
    }

    /// One row per class, in the order of the class numbers.
    pub fn rows(&self) -> &[ReportRow] {
        &self.rows
    }

    /// Share of the samples that were predicted right, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Plain means over the classes.
    pub fn macro_avg(&self) -> &ReportRow {
        &self.macro_avg
    }

    /// Means over the classes, weighted by their support.
    pub fn weighted_avg(&self) -> &ReportRow {
        &self.weighted_avg
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits;
        let averages = [&self.macro_avg, &self.weighted_avg];
        let width = self
            .rows
            .iter()
            .chain(averages)
            .map(|row| row.name.chars().count())
            .fold(digits, usize::max);
        let write_row = |f: &mut fmt::Formatter<'_>, row: &ReportRow| {
            writeln!(
                f,
                "{:>width$}  {:>9.digits$} {:>9.digits$} {:>9.digits$} {:>9}",
                row.name, row.precision, row.recall, row.f1, row.support
            )
        };

        let [precision, recall, f1, support] = ["precision", "recall", "f1-score", "support"];
        writeln!(
            f,
            "{:>width$}  {precision:>9} {recall:>9} {f1:>9} {support:>9}\n",
            ""
        )?;
        for row in &self.rows {
            write_row(f, row)?;
        }
        writeln!(
            f,
            "\n{:>width$}  {:>9} {:>9} {:>9.digits$} {:>9}",
            "accuracy", "", "", self.accuracy, self.macro_avg.support
        )?;
        averages.into_iter().try_for_each(|row| write_row(f, row))
    }
}

/// The [`ClassificationReport`] of labels from 0 to `class_names.len() - 1`.
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], [`AnalysisError::NoSamples`] or
/// [`AnalysisError::LabelOutOfRange`].
pub fn classification_report<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
    class_names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ClassificationReport, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let class_names: Vec<String> = class_names
        .into_iter()
        .map(|n| n.as_ref().to_owned())
        .collect();
    let matrix = ConfusionMatrix::new(true_labels, predicted, class_names.len())?;
    Ok(matrix
        .with_class_names(class_names)?
        .classification_report())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_digits_can_be_set() {
        let report = classification_report(&[0_u8, 0, 1], &[0_u8, 1, 1], &["a", "b"]).unwrap();
        let text = report.with_digits(4).to_string();
        assert!(text.contains("0.6667"), "{text}");
    }
}
