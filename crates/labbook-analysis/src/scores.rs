use std::collections::BTreeSet;

use crate::{AnalysisError, Average, ClassLabel, ConfusionMatrix};

/// The share of predictions that equal the true label, from 0 to 1.
///
/// Labels may be any integers; they need not be numbered from 0.
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], or [`AnalysisError::NoSamples`] for empty input.
pub fn accuracy_score<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let (true_labels, predicted) = paired(true_labels, predicted)?;
    let hits = true_labels
        .iter()
        .zip(&predicted)
        .filter(|(t, p)| t == p)
        .count();
    Ok(hits as f64 / true_labels.len() as f64)
}

/// The share of a class's predictions that are right, averaged over the classes.
///
/// As in scikit-learn, the classes are the labels that occur among the true labels or the
/// predictions, and a class that was never predicted counts as 0. To average over a fixed
/// number of classes, present or not, use [`ConfusionMatrix::precision`].
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], or [`AnalysisError::NoSamples`] for empty input.
pub fn precision_score<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
    average: Average,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    Ok(matrix_of_present(true_labels, predicted)?.precision(average))
}

/// The share of a class's samples that were found, averaged over the classes.
///
/// As in scikit-learn, the classes are the labels that occur among the true labels or the
/// predictions, and a class without samples counts as 0. To average over a fixed number of
/// classes, present or not, use [`ConfusionMatrix::recall`].
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], or [`AnalysisError::NoSamples`] for empty input.
pub fn recall_score<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
    average: Average,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    Ok(matrix_of_present(true_labels, predicted)?.recall(average))
}

/// The harmonic mean of a class's precision and recall, averaged over the classes.
///
/// As in scikit-learn, the classes are the labels that occur among the true labels or the
/// predictions. To average over a fixed number of classes, present or not, use
/// [`ConfusionMatrix::f1`].
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], or [`AnalysisError::NoSamples`] for empty input.
pub fn f1_score<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
    average: Average,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    Ok(matrix_of_present(true_labels, predicted)?.f1(average))
}

/// Counts over the labels that occur on either side, renumbered from 0 in ascending order.
pub(crate) fn matrix_of_present<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<ConfusionMatrix, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let (true_labels, predicted) = paired(true_labels, predicted)?;
    let present: BTreeSet<i128> = true_labels.iter().chain(&predicted).copied().collect();
    let classes: Vec<i128> = present.into_iter().collect();
    let number = |labels: &[i128]| -> Vec<usize> {
        labels
            .iter()
            .map(|label| classes.partition_point(|class| class < label))
            .collect()
    };
    ConfusionMatrix::new(&number(&true_labels), &number(&predicted), classes.len())
}

/// Both sides as wide integers, checked to be non-empty and of equal length.
pub(crate) fn paired<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<(Vec<i128>, Vec<i128>), AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let true_labels: Vec<i128> = true_labels.into_iter().map(|l| l.to_i128()).collect();
    let predicted: Vec<i128> = predicted.into_iter().map(|l| l.to_i128()).collect();
    if true_labels.len() != predicted.len() {
        return Err(AnalysisError::LengthMismatch {
            true_labels: true_labels.len(),
            predicted: predicted.len(),
        });
    }
    if true_labels.is_empty() {
        return Err(AnalysisError::NoSamples);
    }
    Ok((true_labels, predicted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_agree() {
        assert_eq!(
            accuracy_score(&[1_i64, 2], &[1_i64]),
            Err(AnalysisError::LengthMismatch {
                true_labels: 2,
                predicted: 1
            })
        );
    }

    #[test]
    fn no_samples_is_an_error_not_nan() {
        let none: [i64; 0] = [];
        assert_eq!(accuracy_score(&none, &none), Err(AnalysisError::NoSamples));
        for score in [
            precision_score(&none, &none, Average::Macro),
            recall_score(&none, &none, Average::Micro),
            f1_score(&none, &none, Average::Weighted),
        ] {
            assert_eq!(score, Err(AnalysisError::NoSamples));
        }
    }

    #[test]
    fn precision_averages_over_the_labels_that_occur() {
        // Classes 3 and 7 only: 3 is right in 1 of 2 predictions, 7 in 1 of 1.
        let truth = [3_u8, 7, 7];
        let predicted = [3_i64, 3, 7];
        let macro_precision = precision_score(&truth, &predicted, Average::Macro);
        assert_eq!(macro_precision, Ok(0.75));
    }
}
