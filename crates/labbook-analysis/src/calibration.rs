use ndarray::ArrayView2;

use crate::losses::probability;
use crate::top_k::labels_of_rows;
use crate::{AnalysisError, ClassLabel};

/// Bins at most: nobody reads more, and a number typed wrong would take all memory.
const MOST_BINS: usize = 1_000_000;

/// The samples whose confidence falls into one interval of a reliability diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationBin {
    /// Lower end of the interval; it belongs to the bin below, except for the first bin.
    pub lower: f64,
    /// Upper end of the interval; it belongs to this bin.
    pub upper: f64,
    /// Number of samples in the bin.
    pub count: usize,
    /// Their mean confidence; `None` in an empty bin.
    pub mean_confidence: Option<f64>,
    /// The share of them predicted right; `None` in an empty bin.
    pub accuracy: Option<f64>,
}

/// How far a network's confidence can be trusted: the bins of a reliability diagram and the
/// expected calibration error.
///
/// A sample's confidence is the probability of its most probable class (of equal ones, the class
/// with the lowest number). Bins have equal width, as in scikit-learn's
/// `calibration_curve(strategy="uniform")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    bins: Vec<CalibrationBin>,
    total: usize,
}

impl Calibration {
    /// Sorts samples by confidence into `n_bins` bins.
    ///
    /// `probabilities` has shape `(n_samples, n_classes)`, rows summing to 1.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::NoSamples`], [`AnalysisError::RowMismatch`],
    /// [`AnalysisError::LabelOutOfRange`], [`AnalysisError::NotAProbability`], or
    /// [`AnalysisError::InvalidOption`] unless `n_bins` is from 1 to 1,000,000.
    pub fn new<'a, T, F>(
        true_labels: impl IntoIterator<Item = &'a T>,
        probabilities: ArrayView2<'_, F>,
        n_bins: usize,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        F: Copy + Into<f64>,
    {
        if !(1..=MOST_BINS).contains(&n_bins) {
            return Err(AnalysisError::InvalidOption {
                option: "n_bins",
                expected: format!("from 1 to {MOST_BINS}"),
                received: n_bins.to_string(),
            });
        }
        let labels = labels_of_rows(true_labels, probabilities, "a row of probabilities")?;
        let edge = |bin: usize| bin as f64 * (1.0 / n_bins as f64);
        let inner_edges: Vec<f64> = (1..n_bins).map(edge).collect();
        let mut sums = vec![(0_usize, 0.0_f64, 0_usize); n_bins];
        for (row, &label) in labels.iter().enumerate() {
            let (mut predicted, mut confidence) = (0, -1.0);
            for class in 0..probabilities.ncols() {
                let p = probability(probabilities, row, class)?;
                if p > confidence {
                    (predicted, confidence) = (class, p);
                }
            }
            let (count, confidences, hits) =
                &mut sums[inner_edges.partition_point(|&edge| edge < confidence)];
            *count += 1;
            *confidences += confidence;
            *hits += usize::from(predicted == label);
        }
        let bins = sums
            .into_iter()
            .enumerate()
            .map(|(bin, (count, confidences, hits))| {
                let mean = |sum: f64| (count > 0).then(|| sum / count as f64);
                CalibrationBin {
                    lower: edge(bin),
                    upper: edge(bin + 1),
                    count,
                    mean_confidence: mean(confidences),
                    accuracy: mean(hits as f64),
                }
            })
            .collect();
        Ok(Self {
            bins,
            total: labels.len(),
        })
    }

    /// The bins, from low to high confidence; empty ones included.
    pub fn bins(&self) -> &[CalibrationBin] {
        &self.bins
    }

    /// The expected calibration error: the mean distance of accuracy from confidence over the
    /// bins, weighted by their samples (Naeini et al., 2015). From 0, the best, to 1.
    pub fn expected_error(&self) -> f64 {
        self.gaps()
            .map(|(count, gap)| gap * count as f64)
            .sum::<f64>()
            / self.total as f64
    }

    /// The largest distance of accuracy from confidence over the bins, from 0 to 1.
    pub fn maximum_error(&self) -> f64 {
        self.gaps().map(|(_, gap)| gap).fold(0.0, f64::max)
    }

    fn gaps(&self) -> impl Iterator<Item = (usize, f64)> {
        self.bins.iter().filter_map(|bin| {
            let gap = (bin.accuracy? - bin.mean_confidence?).abs();
            Some((bin.count, gap))
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_below_and_empty_bins_hold_no_means() {
        let probabilities = arr2(&[[0.5_f64, 0.5], [0.25, 0.75], [0.9, 0.1]]);
        let calibration = Calibration::new(&[0_u8, 1, 1], probabilities.view(), 2).unwrap();
        let [low, high] = calibration.bins() else {
            panic!("two bins");
        };
        assert_eq!((low.count, high.count), (1, 2));
        assert_eq!(low.accuracy, Some(1.0));
        assert_eq!(high.accuracy, Some(0.5));
        let calibration = Calibration::new(&[0_u8, 1, 1], probabilities.view(), 4).unwrap();
        assert_eq!(calibration.bins()[0].mean_confidence, None);
    }

    #[test]
    fn sure_and_right_has_no_error_and_sure_and_wrong_has_error_1() {
        let sure = arr2(&[[1.0_f32, 0.0], [0.0, 1.0]]);
        let right = Calibration::new(&[0_u8, 1], sure.view(), 10).unwrap();
        assert_eq!(right.expected_error(), 0.0);
        let wrong = Calibration::new(&[1_u8, 0], sure.view(), 10).unwrap();
        assert_eq!(wrong.expected_error(), 1.0);
        assert_eq!(wrong.maximum_error(), 1.0);
    }

    #[test]
    fn no_bins_and_logits_are_refused() {
        let logits = arr2(&[[2.0_f32, -1.0]]);
        assert!(Calibration::new(&[0_u8], logits.view(), 0).is_err());
        let error = Calibration::new(&[0_u8], logits.view(), 10).unwrap_err();
        assert!(error.to_string().contains("softmax"));
    }
}
