use std::fmt;

use rayon::prelude::*;
use smartcore::ensemble::random_forest_regressor::{
    RandomForestRegressor as Tree, RandomForestRegressorParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;
use tch::no_grad;

use super::forest_options::{ForestOptions, forest_options};
use super::training::{
    columns_of_singles, refused, table_to_predict, target_values, training_table,
};
use crate::samples::dimensions;
use crate::{AnalysisError, Samples};

/// A forest of regression trees whose mean is the prediction (Breiman, 2001).
///
/// The options and their defaults are those of scikit-learn's `RandomForestRegressor`: 100 trees,
/// squared errors, splits sought among all features. Grown as
/// [`RandomForestClassifier`](crate::RandomForestClassifier) is.
///
/// ```
/// use labbook_analysis::RandomForestRegressor;
/// use ndarray::Array2;
///
/// let samples = Array2::from_shape_fn((40, 2), |(row, column)| [row as f64, 0.0][column]);
/// let targets: Vec<f64> = (0..40).map(|row| 2.0 * f64::from(row)).collect();
/// let forest = RandomForestRegressor::new().fit(&samples, &targets)?;
/// let predicted = forest.predict(&samples)?;
/// assert!(predicted.iter().zip(&targets).all(|(p, t)| (p - t).abs() < 5.0));
/// assert_eq!(forest.feature_importances()?, [1.0, 0.0]);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RandomForestRegressor {
    options: ForestOptions,
}

/// A [`RandomForestRegressor`] that was fitted.
pub struct FittedRandomForestRegressor {
    trees: Vec<Tree<f32, f64, DenseMatrix<f32>, Vec<f64>>>,
    n_features: usize,
}

impl RandomForestRegressor {
    /// A forest of 100 trees of any depth.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    forest_options!();

    /// Grows the trees on samples of shape `(n_samples, n_features)` and a value for each.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::RowMismatch`], [`AnalysisError::NoSamples`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], [`AnalysisError::InvalidOption`],
    /// [`AnalysisError::Estimator`] if `smartcore` refuses, or [`AnalysisError::Tensor`].
    pub fn fit<'a, T>(
        &self,
        samples: &impl Samples,
        targets: impl IntoIterator<Item = &'a T>,
    ) -> Result<FittedRandomForestRegressor, AnalysisError>
    where
        T: Copy + Into<f64> + 'a,
    {
        no_grad(|| {
            let table = training_table(samples)?;
            let targets = target_values(targets, &table)?;
            let (_, n_features) = dimensions(&table);
            self.options.check(n_features)?;
            let matrix = columns_of_singles(&table)?;
            let trees = (0..self.options.n_estimators).into_par_iter();
            let trees = trees.map(|tree| {
                Tree::fit(&matrix, &targets, self.parameters(tree, n_features)).map_err(refused)
            });
            Ok(FittedRandomForestRegressor {
                trees: trees.collect::<Result<_, _>>()?,
                n_features,
            })
        })
    }

    /// Those of one tree: a forest of one, so that trees can grow side by side.
    fn parameters(&self, tree: usize, n_features: usize) -> RandomForestRegressorParameters {
        let options = &self.options;
        let mut parameters = RandomForestRegressorParameters::default()
            .with_n_trees(1)
            .with_min_samples_split(options.min_samples_split)
            .with_min_samples_leaf(options.min_samples_leaf)
            .with_m(options.max_features.unwrap_or(n_features))
            .with_seed(options.seed_of(tree));
        parameters.max_depth = options.max_depth;
        parameters
    }
}

impl fmt::Debug for FittedRandomForestRegressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FittedRandomForestRegressor")
            .field("n_estimators", &self.trees.len())
            .field("n_features", &self.n_features)
            .finish_non_exhaustive()
    }
}

impl FittedRandomForestRegressor {
    /// The mean of the trees' values, for each sample.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<f64>, AnalysisError> {
        let matrix = no_grad(|| columns_of_singles(&table_to_predict(samples, self.n_features)?))?;
        let values = self.trees.par_iter();
        let values = values.map(|tree| tree.predict(&matrix).map_err(refused));
        let values: Vec<Vec<f64>> = values.collect::<Result<_, _>>()?;
        Ok(mean_of_rows(&values))
    }

    /// How much of the decrease of squared errors the splits by each feature brought, with a sum of 1.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::Estimator`] if `smartcore` refuses.
    pub fn feature_importances(&self) -> Result<Vec<f64>, AnalysisError> {
        let shares = self.trees.iter();
        let shares = shares.map(|tree| tree.compute_feature_importances().map_err(refused));
        let mean = mean_of_rows(&shares.collect::<Result<Vec<_>, _>>()?);
        let sum: f64 = mean.iter().sum();
        Ok(match sum > 0.0 {
            true => mean.iter().map(|share| share / sum).collect(),
            false => mean,
        })
    }
}

/// The mean of rows of one length.
fn mean_of_rows(rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sums = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums.iter().map(|sum| sum / rows.len() as f64).collect()
}
