use ndarray::ArrayView2;

use crate::confusion_matrix::class_index;
use crate::{AnalysisError, ClassLabel};

/// The share of samples whose true class is among the `k` classes with the highest scores.
///
/// `scores` has shape `(n_samples, n_classes)`: probabilities or logits. Of equal scores the
/// class with the higher number ranks first, as in scikit-learn.
///
/// # Errors
///
/// [`AnalysisError::NoSamples`], [`AnalysisError::RowMismatch`],
/// [`AnalysisError::LabelOutOfRange`], [`AnalysisError::NotFinite`] for a NaN, or
/// [`AnalysisError::InvalidOption`] unless `k` is at least 1.
pub fn top_k_accuracy_score<'a, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    scores: ArrayView2<'_, F>,
    k: usize,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64>,
{
    if k == 0 {
        return Err(AnalysisError::InvalidOption {
            option: "k",
            expected: "of at least 1".to_owned(),
            received: "0".to_owned(),
        });
    }
    let labels = labels_of_rows(true_labels, scores, "a row of scores")?;
    let mut hits = 0_usize;
    for (row, (&label, of_sample)) in labels.iter().zip(scores.rows()).enumerate() {
        let own: f64 = of_sample[label].into();
        let mut before = 0_usize;
        for (class, &score) in of_sample.iter().enumerate() {
            let score: f64 = score.into();
            if score.is_nan() {
                return Err(AnalysisError::NotFinite {
                    value: score.to_string(),
                    row,
                    column: class,
                });
            }
            before += usize::from(score > own || (score == own && class > label));
        }
        hits += usize::from(before < k);
    }
    Ok(hits as f64 / labels.len() as f64)
}

/// The labels as column numbers, checked to be one per row of `values`.
pub(crate) fn labels_of_rows<'a, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    values: ArrayView2<'_, F>,
    what: &'static str,
) -> Result<Vec<usize>, AnalysisError>
where
    T: ClassLabel + 'a,
{
    let labels = true_labels
        .into_iter()
        .enumerate()
        .map(|(position, label)| {
            class_index(label.to_i128(), values.ncols(), "true labels", position)
        })
        .collect::<Result<Vec<usize>, AnalysisError>>()?;
    if labels.len() != values.nrows() {
        return Err(AnalysisError::RowMismatch {
            what,
            labels: labels.len(),
            received: values.nrows(),
        });
    }
    if labels.is_empty() {
        return Err(AnalysisError::NoSamples);
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr2};

    use super::*;

    #[test]
    fn the_true_class_must_be_among_the_k_best() {
        let scores = arr2(&[[0.5_f32, 0.3, 0.2], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]]);
        let truth = [0_u8, 1, 0];
        let score = |k| top_k_accuracy_score(&truth, scores.view(), k);
        assert_eq!(score(1), Ok(1.0 / 3.0));
        assert_eq!(score(2), Ok(2.0 / 3.0));
        assert_eq!(score(3), Ok(1.0));
        assert_eq!(score(9), Ok(1.0));
    }

    #[test]
    fn bad_input_is_named() {
        let scores = arr2(&[[0.5_f32, f32::NAN]]);
        let error = top_k_accuracy_score(&[0_u8], scores.view(), 1).unwrap_err();
        assert!(error.to_string().contains("NaN in row 0, column 1"));
        let error = top_k_accuracy_score(&[0_u8, 1], scores.view(), 1).unwrap_err();
        assert!(error.to_string().contains("each of 2 samples. Received: 1"));
        let error = top_k_accuracy_score(&[0_u8], scores.view(), 0).unwrap_err();
        assert!(error.to_string().contains("k of at least 1"));
        let none: [u8; 0] = [];
        let empty = Array2::<f64>::zeros((0, 3));
        assert_eq!(
            top_k_accuracy_score(&none, empty.view(), 1),
            Err(AnalysisError::NoSamples)
        );
    }
}
