use ndarray::Array2;
use smartcore::cluster::kmeans::{KMeans as Fit, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use tch::{Kind, Tensor, no_grad};

use super::training::{refused, rows_of_doubles, table_to_predict, training_table};
use crate::checks::check_option;
use crate::samples::{dimensions, to_array};
use crate::{AnalysisError, Samples};

/// Clusters around means (Lloyd's algorithm, begun by k-means++).
///
/// Options are those of scikit-learn's `KMeans`, with one start and 300 steps if nothing else is asked
/// for; the crate `smartcore` seeks the means.
///
/// ```
/// use labbook_analysis::KMeans;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]);
/// let clusters = KMeans::new(2).fit(&samples)?;
/// let labels = clusters.labels();
/// assert!(labels[0] == labels[1] && labels[2] == labels[3] && labels[0] != labels[2]);
/// assert!((clusters.inertia() - 1.0).abs() < 1e-9);
/// assert_eq!(clusters.predict(&arr2(&[[8.0, 8.0]]))?, [labels[2]]);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KMeans {
    n_clusters: usize,
    n_init: usize,
    max_iter: usize,
    seed: u64,
}

/// A [`KMeans`] that was fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedKMeans {
    centers: Array2<f64>,
    labels: Vec<i64>,
    inertia: f64,
}

impl KMeans {
    /// Asks for so many clusters.
    #[must_use]
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            n_init: 1,
            max_iter: 300,
            seed: 0,
        }
    }

    /// How many starts are tried; the one with the least inertia stays.
    #[must_use]
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// After how many steps a start ends at the latest.
    #[must_use]
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// Where the random numbers begin: 0 if nothing else is asked for.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Finds the clusters of samples of shape `(n_samples, n_features)`.
    ///
    /// Where there are fewer distinct samples than clusters, fewer clusters are found.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::InvalidOption`], [`AnalysisError::NoSamples`],
    /// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::Estimator`] if `smartcore` refuses, or [`AnalysisError::Tensor`].
    pub fn fit(&self, samples: &impl Samples) -> Result<FittedKMeans, AnalysisError> {
        check_option("n_init", "to be at least 1", self.n_init > 0, self.n_init)?;
        check_option(
            "max_iter",
            "to be at least 1",
            self.max_iter > 0,
            self.max_iter,
        )?;
        no_grad(|| {
            let table = training_table(samples)?.f_to_kind(Kind::Double)?;
            let (n_samples, _) = dimensions(&table);
            let expected = format!("to be from 1 to the {n_samples} samples there are");
            let sound = (1..=n_samples).contains(&self.n_clusters);
            check_option("n_clusters", &expected, sound, self.n_clusters)?;
            let matrix = rows_of_doubles(&table)?;
            let mut best = self.start(&table, &matrix, 0)?;
            for start in 1..self.n_init {
                let other = self.start(&table, &matrix, start)?;
                if other.inertia < best.inertia {
                    best = other;
                }
            }
            Ok(best)
        })
    }

    fn start(
        &self,
        table: &Tensor,
        matrix: &DenseMatrix<f64>,
        start: usize,
    ) -> Result<FittedKMeans, AnalysisError> {
        let (n_samples, _) = dimensions(table);
        let places: Vec<u32> = match self.n_clusters {
            1 => vec![0; n_samples],
            n_clusters => {
                let mut parameters = KMeansParameters::default()
                    .with_k(n_clusters)
                    .with_max_iter(self.max_iter);
                parameters.seed = Some(self.seed.wrapping_add(start as u64));
                let fitted = Fit::fit(matrix, parameters).map_err(refused)?;
                fitted.predict(matrix).map_err(refused)?
            }
        };
        let centers = means(table, &places, self.n_clusters)?;
        let (labels, inertia) = nearest(table, &centers)?;
        Ok(FittedKMeans {
            centers,
            labels,
            inertia,
        })
    }
}

impl FittedKMeans {
    /// The mean of each cluster: shape `(n_clusters, n_features)`.
    #[must_use]
    pub fn cluster_centers(&self) -> &Array2<f64> {
        &self.centers
    }

    /// The cluster of each sample of the fit.
    #[must_use]
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// The sum of the samples' squared distances from their clusters' centers.
    #[must_use]
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// The cluster whose center is nearest, for each sample.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<i64>, AnalysisError> {
        no_grad(|| {
            let table = table_to_predict(samples, self.centers.ncols())?;
            Ok(nearest(&table.f_to_kind(Kind::Double)?, &self.centers)?.0)
        })
    }
}

/// The mean of each cluster that has samples.
fn means(table: &Tensor, places: &[u32], n_clusters: usize) -> Result<Array2<f64>, AnalysisError> {
    let samples = to_array::<f64>(table)?;
    let mut sums = Array2::<f64>::zeros((n_clusters, samples.ncols()));
    let mut counts = vec![0_usize; n_clusters];
    for (row, place) in samples.rows().into_iter().zip(places) {
        let mut sum = sums.row_mut(*place as usize);
        sum += &row;
        counts[*place as usize] += 1;
    }
    let filled: Vec<usize> = (0..n_clusters).filter(|place| counts[*place] > 0).collect();
    Ok(Array2::from_shape_fn(
        (filled.len(), samples.ncols()),
        |(row, column)| sums[[filled[row], column]] / counts[filled[row]] as f64,
    ))
}

/// The nearest center of each sample, and the sum of their squared distances.
fn nearest(table: &Tensor, centers: &Array2<f64>) -> Result<(Vec<i64>, f64), AnalysisError> {
    let centers = Tensor::try_from(centers)?;
    // By differences, not by products, which cancel far from the origin.
    let distances = Tensor::f_cdist(table, &centers, 2.0, 2_i64)?;
    let (least, labels) = distances.f_min_dim(1, false)?;
    let inertia = f64::try_from(least.f_square()?.f_sum(Kind::Double)?)?;
    Ok((Vec::<i64>::try_from(labels)?, inertia))
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn equal_samples_make_one_cluster_and_one_cluster_is_the_mean() {
        let equal = arr2(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]);
        let clusters = KMeans::new(2).fit(&equal).unwrap();
        assert_eq!(clusters.cluster_centers(), &arr2(&[[1.0, 2.0]]));
        assert_eq!(clusters.labels(), [0, 0, 0]);
        let one = KMeans::new(1).fit(&arr2(&[[1.0], [3.0]])).unwrap();
        assert_eq!((one.cluster_centers()[[0, 0]], one.inertia()), (2.0, 2.0));
    }

    #[test]
    fn more_clusters_than_samples_are_refused() {
        let error = KMeans::new(3).fit(&arr2(&[[1.0], [3.0]])).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("n_clusters to be from 1 to the 2 samples"),
            "{error}"
        );
    }
}
