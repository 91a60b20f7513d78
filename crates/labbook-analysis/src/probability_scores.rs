use ndarray::{ArrayView1, ArrayView2};

use crate::losses::probability;
use crate::top_k::labels_of_rows;
use crate::{AnalysisError, ClassLabel};

/// The mean cross-entropy of predicted probabilities, natural logarithm; 0 at best.
///
/// `probabilities` has shape `(n_samples, n_classes)`, or `(n_samples, 1)` with the probability of
/// class 1, as a sigmoid gives it. As in scikit-learn, probabilities are kept away from 0 and 1 by
/// the precision of their type.
///
/// ```
/// use ndarray::arr2;
///
/// let yes = arr2(&[[0.1], [0.9], [0.8], [0.35]]);
/// let loss = labbook_analysis::log_loss(&[0, 1, 1, 0], yes.view())?;
/// assert!((loss - 0.216_162).abs() < 1e-6);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::NoSamples`], [`AnalysisError::RowMismatch`],
/// [`AnalysisError::LabelOutOfRange`] or [`AnalysisError::NotAProbability`].
pub fn log_loss<'a, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    probabilities: ArrayView2<'_, F>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64>,
{
    let epsilon = if size_of::<F>() > 4 {
        f64::EPSILON
    } else {
        f64::from(f32::EPSILON)
    };
    mean_over_rows(true_labels, probabilities, |row, label| {
        -row[label].clamp(epsilon, 1.0 - epsilon).ln()
    })
}

/// The mean squared difference of predicted probabilities from what happened (Brier, 1950); 0 at
/// best.
///
/// `probabilities` has shape `(n_samples, n_classes)`, or `(n_samples, 1)` with the probability of
/// class 1. As in scikit-learn, differences are added over the classes, and halved where there are
/// two, so that the score lies from 0 to 1 for a yes/no question and from 0 to 2 for others.
///
/// ```
/// use ndarray::arr2;
///
/// let yes = arr2(&[[0.1], [0.9], [0.8], [0.3]]);
/// let score = labbook_analysis::brier_score_loss(&[0, 1, 1, 0], yes.view())?;
/// assert!((score - 0.0375).abs() < 1e-12);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// Those of [`log_loss`].
pub fn brier_score_loss<'a, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    probabilities: ArrayView2<'_, F>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64>,
{
    mean_over_rows(true_labels, probabilities, |row, label| {
        let squares = row.iter().enumerate().map(|(class, p)| {
            let happened = f64::from(u8::from(class == label));
            (p - happened) * (p - happened)
        });
        let sum: f64 = squares.sum();
        if row.len() == 2 { sum / 2.0 } else { sum }
    })
}

/// The mean of a number for each sample's probabilities and true class.
fn mean_over_rows<'a, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    probabilities: ArrayView2<'_, F>,
    of: impl Fn(ArrayView1<'_, f64>, usize) -> f64,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64>,
{
    let (rows, columns) = probabilities.dim();
    let mut checked = ndarray::Array2::<f64>::zeros((rows, columns.max(2)));
    for row in 0..rows {
        for column in 0..columns {
            checked[[row, column]] = probability(probabilities, row, column)?;
        }
        if columns == 1 {
            checked.swap([row, 0], [row, 1]);
            checked[[row, 0]] = 1.0 - checked[[row, 1]];
        }
    }
    let labels = labels_of_rows(true_labels, checked.view(), "a row of probabilities")?;
    let rows = checked.rows().into_iter().zip(&labels);
    let sum: f64 = rows.map(|(row, &label)| of(row, label)).sum();
    Ok(sum / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn one_column_is_the_probability_of_class_one() {
        let one = arr2(&[[0.25_f32], [0.5]]);
        let two = arr2(&[[0.75_f32, 0.25], [0.5, 0.5]]);
        for score in [log_loss, brier_score_loss] {
            assert_eq!(
                score([1_u8, 0].iter(), one.view()),
                score([1_u8, 0].iter(), two.view())
            );
        }
    }

    #[test]
    fn logits_and_strange_labels_are_refused() {
        let error = log_loss(&[0], arr2(&[[4.0, -1.0]]).view()).unwrap_err();
        assert!(error.to_string().contains("softmax"), "{error}");
        assert!(brier_score_loss(&[2], arr2(&[[0.5, 0.5]]).view()).is_err());
        assert!(log_loss(&[0, 1], arr2(&[[0.5]]).view()).is_err());
    }
}
