use std::fmt;

use crate::scores::paired;
use crate::{AnalysisError, ClassLabel};

/// How often samples of one class were taken for another; see
/// [`ConfusionMatrix::most_confused`](crate::ConfusionMatrix::most_confused).
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusedPair {
    /// Number of the true class.
    pub true_class: usize,
    /// Number of the class that was predicted instead.
    pub predicted_class: usize,
    /// Name of the true class.
    pub true_name: String,
    /// Name of the class that was predicted instead.
    pub predicted_name: String,
    /// How many samples.
    pub count: u64,
    /// Which share of the true class's samples that is, from 0 to 1.
    pub share: f64,
}

/// `cat taken for dog: 203 (20.3 %)`.
impl fmt::Display for ConfusedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} taken for {}: {} ({:.1} %)",
            self.true_name,
            self.predicted_name,
            self.count,
            100.0 * self.share
        )
    }
}

/// Where samples of class `true_class` stand that were predicted to be `predicted_class`.
///
/// Positions count from 0 and ascend; they pick the images to show for a [`ConfusedPair`].
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], or [`AnalysisError::NoSamples`] for empty input.
pub fn confused_indices<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
    true_class: usize,
    predicted_class: usize,
) -> Result<Vec<usize>, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let (true_labels, predicted) = paired(true_labels, predicted)?;
    let wanted = (true_class.to_i128(), predicted_class.to_i128());
    Ok(true_labels
        .into_iter()
        .zip(predicted)
        .enumerate()
        .filter(|&(_, pair)| pair == wanted)
        .map(|(position, _)| position)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_of_a_pair_are_found() {
        let truth = [3_u8, 5, 3, 3];
        let predicted = [5_i64, 5, 3, 5];
        assert_eq!(confused_indices(&truth, &predicted, 3, 5), Ok(vec![0, 3]));
        assert_eq!(confused_indices(&truth, &predicted, 5, 3), Ok(vec![]));
    }
}
