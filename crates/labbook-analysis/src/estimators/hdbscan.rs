use hdbscan::{Hdbscan as Fit, HdbscanHyperParams};
use tch::no_grad;

use super::training::training_table;
use crate::checks::check_option;
use crate::samples::to_array;
use crate::{AnalysisError, Samples};

/// Clusters of any shape and density, and samples that belong to none (Campello, Moulavi and Sander,
/// 2013).
///
/// Options are those of scikit-learn's `HDBSCAN`; the crate `hdbscan` does it. Its time grows with the
/// square of the number of samples: cluster a map or a part of large tables.
///
/// ```
/// use labbook_analysis::Hdbscan;
/// use ndarray::Array2;
///
/// // Two lines of twenty points, and one point far from both.
/// let samples = Array2::from_shape_fn((41, 2), |(row, column)| match (row, column) {
///     (40, _) => 90.0,
///     (_, 0) => (row % 20) as f64,
///     _ => (row / 20 * 30) as f64,
/// });
/// let labels = Hdbscan::new().fit_predict(&samples)?;
/// assert!(labels[..20].iter().all(|label| *label == labels[0]));
/// assert!(labels[0] != labels[20] && labels[40] == -1);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hdbscan {
    min_cluster_size: usize,
    min_samples: Option<usize>,
    allow_single_cluster: bool,
}

impl Default for Hdbscan {
    fn default() -> Self {
        Self {
            min_cluster_size: 5,
            min_samples: None,
            allow_single_cluster: false,
        }
    }
}

impl Hdbscan {
    /// Clusters of at least five samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many samples make a cluster at least.
    #[must_use]
    pub fn min_cluster_size(mut self, min_cluster_size: usize) -> Self {
        self.min_cluster_size = min_cluster_size;
        self
    }

    /// How many samples, itself among them, a sample's density is measured by; as many as make a
    /// cluster if nothing else is asked for. The more, the more samples belong to no cluster.
    #[must_use]
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.min_samples = Some(min_samples);
        self
    }

    /// Whether all samples may be one cluster.
    #[must_use]
    pub fn allow_single_cluster(mut self, allow: bool) -> Self {
        self.allow_single_cluster = allow;
        self
    }

    /// The cluster of each sample, numbered from 0; -1 for those that belong to none.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::InvalidOption`], [`AnalysisError::NoSamples`],
    /// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::Estimator`] if the crate `hdbscan` refuses, or [`AnalysisError::Tensor`].
    pub fn fit_predict(&self, samples: &impl Samples) -> Result<Vec<i64>, AnalysisError> {
        let table = no_grad(|| to_array::<f64>(&training_table(samples)?))?;
        let rows: Vec<Vec<f64>> = table.rows().into_iter().map(|row| row.to_vec()).collect();
        let min_samples = self.min_samples.unwrap_or(self.min_cluster_size);
        let size = self.min_cluster_size;
        check_option("min_cluster_size", "to be at least 2", size >= 2, size)?;
        let expected = format!("to be from 1 to the {} samples there are", rows.len());
        let sound = (1..=rows.len()).contains(&min_samples);
        check_option("min_samples", &expected, sound, min_samples)?;
        let parameters = HdbscanHyperParams::builder()
            .min_cluster_size(size)
            .min_samples(min_samples)
            .allow_single_cluster(self.allow_single_cluster)
            .build();
        let labels = Fit::new(&rows, parameters).cluster();
        let labels = labels.map_err(|error| AnalysisError::Estimator {
            message: error.to_string(),
        })?;
        Ok(labels.into_iter().map(i64::from).collect())
    }
}
