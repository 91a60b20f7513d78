use ndarray::Array2;
use tch::no_grad;

use super::classes::Classes;
use super::probabilities::most_probable;
use super::training::{target_values, training_table};
use crate::checks::check_option;
use crate::neighbors::{NeighborIndex, Neighbors};
use crate::{AnalysisError, ClassLabel, Metric, Samples};

/// Classifies samples by the classes of those nearest to them, as scikit-learn's
/// `KNeighborsClassifier` with uniform weights.
///
/// ```
/// use labbook_analysis::KNeighborsClassifier;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[0.0], [1.0], [2.0], [10.0], [11.0]]);
/// let fitted = KNeighborsClassifier::new(3).fit(&samples, &[5, 5, 5, 8, 8])?;
/// assert_eq!(fitted.predict(&arr2(&[[1.5], [10.4]]))?, [5, 8]);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KNeighborsClassifier {
    options: Options,
}

/// A [`KNeighborsClassifier`] that was fitted.
#[derive(Debug)]
pub struct FittedKNeighborsClassifier {
    search: Search,
    classes: Classes,
    places: Vec<u32>,
}

/// Predicts the mean of the values of the samples nearest to a sample, as scikit-learn's
/// `KNeighborsRegressor` with uniform weights.
///
/// ```
/// use labbook_analysis::KNeighborsRegressor;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[0.0], [1.0], [10.0], [12.0]]);
/// let fitted = KNeighborsRegressor::new(2).fit(&samples, &[1.0, 3.0, 7.0, 9.0])?;
/// assert_eq!(fitted.predict(&arr2(&[[0.2], [11.0]]))?, [2.0, 8.0]);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KNeighborsRegressor {
    options: Options,
}

/// A [`KNeighborsRegressor`] that was fitted.
#[derive(Debug)]
pub struct FittedKNeighborsRegressor {
    search: Search,
    targets: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    n_neighbors: usize,
    metric: Metric,
}

/// What both kinds of models seek.
#[derive(Debug)]
struct Search {
    index: NeighborIndex,
    n_neighbors: usize,
}

/// How both kinds of models are made.
macro_rules! neighbor_options {
    () => {
        /// Asks for the `n_neighbors` nearest samples, by Euclid's distance.
        #[must_use]
        pub fn new(n_neighbors: usize) -> Self {
            Self {
                options: Options {
                    n_neighbors,
                    metric: Metric::Euclidean,
                },
            }
        }

        /// What is near.
        #[must_use]
        pub fn metric(mut self, metric: Metric) -> Self {
            self.options.metric = metric;
            self
        }
    };
}

impl KNeighborsClassifier {
    neighbor_options!();

    /// Keeps samples of shape `(n_samples, n_features)` and a label for each.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::RowMismatch`], [`AnalysisError::InvalidOption`],
    /// [`AnalysisError::NoSamples`], [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::Undefined`] where the metric is, or [`AnalysisError::Tensor`].
    pub fn fit<'a, L>(
        &self,
        samples: &impl Samples,
        labels: impl IntoIterator<Item = &'a L>,
    ) -> Result<FittedKNeighborsClassifier, AnalysisError>
    where
        L: ClassLabel + 'a,
    {
        no_grad(|| {
            let table = training_table(samples)?;
            let (classes, places) = Classes::of(labels, &table)?;
            let search = self.options.search(&table)?;
            Ok(FittedKNeighborsClassifier {
                search,
                classes,
                places,
            })
        })
    }
}

impl FittedKNeighborsClassifier {
    /// The classes, in the order of the columns of [`predict_proba`](Self::predict_proba).
    #[must_use]
    pub fn classes(&self) -> &[i64] {
        self.classes.as_slice()
    }

    /// The class that most neighbours have; the smallest of equal ones.
    ///
    /// # Errors
    ///
    /// Those of [`predict_proba`](Self::predict_proba).
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<i64>, AnalysisError> {
        Ok(most_probable(&self.predict_proba(samples)?, &self.classes))
    }

    /// The share of neighbours that have each class: shape `(n_samples, n_classes)`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], [`AnalysisError::Undefined`] where the metric is, or
    /// [`AnalysisError::Tensor`].
    pub fn predict_proba(&self, samples: &impl Samples) -> Result<Array2<f64>, AnalysisError> {
        let found = self.search.neighbors_of(samples)?;
        let n_samples = found.indices.len() / found.k;
        let mut shares = Array2::zeros((n_samples, self.classes.len()));
        let each = 1.0 / found.k as f64;
        for (row, neighbors) in found.indices.chunks(found.k).enumerate() {
            for &neighbor in neighbors {
                shares[[row, self.places[neighbor as usize] as usize]] += each;
            }
        }
        Ok(shares)
    }
}

impl KNeighborsRegressor {
    neighbor_options!();

    /// Keeps samples of shape `(n_samples, n_features)` and a value for each.
    ///
    /// # Errors
    ///
    /// Those of [`KNeighborsClassifier::fit`].
    pub fn fit<'a, T>(
        &self,
        samples: &impl Samples,
        targets: impl IntoIterator<Item = &'a T>,
    ) -> Result<FittedKNeighborsRegressor, AnalysisError>
    where
        T: Copy + Into<f64> + 'a,
    {
        no_grad(|| {
            let table = training_table(samples)?;
            let targets = target_values(targets, &table)?;
            let search = self.options.search(&table)?;
            Ok(FittedKNeighborsRegressor { search, targets })
        })
    }
}

impl FittedKNeighborsRegressor {
    /// The mean of the neighbours' values, for each sample.
    ///
    /// # Errors
    ///
    /// Those of [`FittedKNeighborsClassifier::predict_proba`].
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<f64>, AnalysisError> {
        let found = self.search.neighbors_of(samples)?;
        let mean = |neighbors: &[u32]| {
            let values = neighbors.iter().map(|&place| self.targets[place as usize]);
            values.sum::<f64>() / neighbors.len() as f64
        };
        Ok(found.indices.chunks(found.k).map(mean).collect())
    }
}

impl Options {
    fn search(self, table: &tch::Tensor) -> Result<Search, AnalysisError> {
        if self.metric == Metric::Precomputed {
            return Err(AnalysisError::no_samples_to_compare());
        }
        let index = NeighborIndex::new(table, self.metric)?;
        let expected = format!("to be from 1 to the {} samples there are", index.len());
        let sound = (1..=index.len()).contains(&self.n_neighbors);
        check_option("n_neighbors", &expected, sound, self.n_neighbors)?;
        Ok(Search {
            index,
            n_neighbors: self.n_neighbors,
        })
    }
}

impl Search {
    fn neighbors_of(&self, samples: &impl Samples) -> Result<Neighbors, AnalysisError> {
        no_grad(|| {
            let queries = self.index.prepare(&samples.to_table()?)?;
            self.index.neighbors_of(&queries, self.n_neighbors)
        })
    }
}
