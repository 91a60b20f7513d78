use std::cmp::Ordering;

use ndarray::{Array1, ArrayView2};

use crate::top_k::labels_of_rows;
use crate::{AnalysisError, ClassLabel};

/// Keras's `epsilon()`: probabilities are clipped to at least this before the logarithm.
const EPSILON: f64 = 1e-7;

/// The cross-entropy of every sample: minus the natural logarithm of the probability that its
/// true class was given.
///
/// `probabilities` has shape `(n_samples, n_classes)`, rows summing to 1. As in Keras,
/// probabilities are clipped to 1e-7 and 1 - 1e-7 first, so every loss is finite.
///
/// # Errors
///
/// [`AnalysisError::NoSamples`], [`AnalysisError::RowMismatch`],
/// [`AnalysisError::LabelOutOfRange`] or [`AnalysisError::NotAProbability`].
pub fn sample_losses<'a, T, F>(
    true_labels: impl IntoIterator<Item = &'a T>,
    probabilities: ArrayView2<'_, F>,
) -> Result<Array1<f64>, AnalysisError>
where
    T: ClassLabel + 'a,
    F: Copy + Into<f64>,
{
    labels_of_rows(true_labels, probabilities, "a row of probabilities")?
        .into_iter()
        .enumerate()
        .map(|(row, label)| {
            let p = probability(probabilities, row, label)?;
            Ok(-p.clamp(EPSILON, 1.0 - EPSILON).ln())
        })
        .collect()
}

/// Where the largest losses stand, largest first; at most `limit` positions.
///
/// Equal losses keep their order. NaN counts as larger than any number, so that a broken sample
/// is seen first.
pub fn largest_loss_indices<'a, F>(
    losses: impl IntoIterator<Item = &'a F>,
    limit: usize,
) -> Vec<usize>
where
    F: Copy + Into<f64> + 'a,
{
    let losses: Vec<f64> = losses.into_iter().map(|&loss| loss.into()).collect();
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| match (losses[a].is_nan(), losses[b].is_nan()) {
        (false, false) => losses[b].total_cmp(&losses[a]),
        (true, true) => Ordering::Equal,
        (a_is_nan, _) => {
            if a_is_nan {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    });
    order.truncate(limit);
    order
}

/// One probability, checked to lie from 0 to 1 (a float's rounding above 1 is forgiven).
pub(crate) fn probability<F: Copy + Into<f64>>(
    probabilities: ArrayView2<'_, F>,
    row: usize,
    column: usize,
) -> Result<f64, AnalysisError> {
    let p: f64 = probabilities[[row, column]].into();
    if (0.0..=1.0 + 1e-5).contains(&p) {
        Ok(p.min(1.0))
    } else {
        Err(AnalysisError::NotAProbability {
            value: p.to_string(),
            row,
            column,
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn the_largest_losses_come_first_and_nan_before_them() {
        let losses = [0.1_f32, 2.0, 0.5, 2.0, f32::NAN];
        assert_eq!(largest_loss_indices(&losses, 4), [4, 1, 3, 2]);
        assert_eq!(largest_loss_indices(&losses, 99).len(), 5);
    }

    #[test]
    fn a_sure_mistake_has_a_large_but_finite_loss() {
        let losses = sample_losses(&[0_u8, 1], arr2(&[[0.0_f32, 1.0], [0.5, 0.5]]).view()).unwrap();
        assert!((losses[0] - 16.118).abs() < 1e-3);
        assert!((losses[1] - 2.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn logits_are_refused() {
        let error = sample_losses(&[0_u8], arr2(&[[3.5_f32, -1.0]]).view()).unwrap_err();
        assert!(error.to_string().contains("Received: 3.5 in row 0"));
    }
}
