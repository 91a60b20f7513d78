use std::fmt;

use ndarray::Array2;
use rayon::prelude::*;
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier as Tree, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;
use tch::no_grad;

use super::classes::Classes;
use super::forest_options::{ForestOptions, forest_options};
use super::probabilities::most_probable;
use super::training::{columns_of_singles, refused, table_to_predict, training_table};
use crate::samples::dimensions;
use crate::{AnalysisError, ClassLabel, Samples};

/// A forest of decision trees that vote for a class (Breiman, 2001).
///
/// The options and their defaults are those of scikit-learn's `RandomForestClassifier`: 100 trees,
/// Gini's impurity, splits sought among the square root of the features. The crate `smartcore` grows
/// the trees, several at a time; a seed gives the same forest whatever the number of threads. Each
/// thread needs about 24 bytes of memory for each number of the samples. It goes through all samples
/// for every question of a tree: with more than ten thousand, set [`max_depth`](Self::max_depth).
///
/// ```
/// use labbook_analysis::RandomForestClassifier;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[0.0, 1.0], [0.1, 0.8], [0.9, 0.2], [1.0, 0.1]]);
/// let forest = RandomForestClassifier::new().n_estimators(20).fit(&samples, &[3, 3, 7, 7])?;
/// assert_eq!(forest.predict(&arr2(&[[0.05, 0.9], [0.95, 0.1]]))?, [3, 7]);
/// assert_eq!(forest.predict_proba(&samples)?.dim(), (4, 2));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RandomForestClassifier {
    options: ForestOptions,
}

/// A [`RandomForestClassifier`] that was fitted.
pub struct FittedRandomForestClassifier {
    trees: Vec<Tree<f32, u32, DenseMatrix<f32>, Vec<u32>>>,
    classes: Classes,
    n_features: usize,
}

impl RandomForestClassifier {
    /// A forest of 100 trees of any depth.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    forest_options!();

    /// Grows the trees on samples of shape `(n_samples, n_features)` and a label for each.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::RowMismatch`], [`AnalysisError::NoSamples`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], [`AnalysisError::InvalidOption`],
    /// [`AnalysisError::Estimator`] if `smartcore` refuses, or [`AnalysisError::Tensor`].
    pub fn fit<'a, L>(
        &self,
        samples: &impl Samples,
        labels: impl IntoIterator<Item = &'a L>,
    ) -> Result<FittedRandomForestClassifier, AnalysisError>
    where
        L: ClassLabel + 'a,
    {
        no_grad(|| {
            let table = training_table(samples)?;
            let (classes, places) = Classes::of(labels, &table)?;
            let (_, n_features) = dimensions(&table);
            self.options.check(n_features)?;
            let matrix = columns_of_singles(&table)?;
            let trees = (0..self.options.n_estimators).into_par_iter();
            let trees = trees.map(|tree| {
                Tree::fit(&matrix, &places, self.parameters(tree, n_features)).map_err(refused)
            });
            Ok(FittedRandomForestClassifier {
                trees: trees.collect::<Result<_, _>>()?,
                classes,
                n_features,
            })
        })
    }

    /// Those of one tree: a forest of one, so that trees can grow side by side.
    fn parameters(&self, tree: usize, n_features: usize) -> RandomForestClassifierParameters {
        let options = &self.options;
        let root = (n_features as f64).sqrt() as usize;
        let mut parameters = RandomForestClassifierParameters::default()
            .with_n_trees(1)
            .with_min_samples_split(options.min_samples_split)
            .with_min_samples_leaf(options.min_samples_leaf)
            .with_m(options.max_features.unwrap_or(root))
            .with_seed(options.seed_of(tree));
        parameters.max_depth = options.max_depth;
        parameters
    }
}

impl fmt::Debug for FittedRandomForestClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FittedRandomForestClassifier")
            .field("n_estimators", &self.trees.len())
            .field("n_features", &self.n_features)
            .finish_non_exhaustive()
    }
}

impl FittedRandomForestClassifier {
    /// The classes, in the order of the columns of [`predict_proba`](Self::predict_proba).
    #[must_use]
    pub fn classes(&self) -> &[i64] {
        self.classes.as_slice()
    }

    /// The class that most trees vote for, for each sample.
    ///
    /// # Errors
    ///
    /// Those of [`predict_proba`](Self::predict_proba).
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<i64>, AnalysisError> {
        Ok(most_probable(&self.predict_proba(samples)?, &self.classes))
    }

    /// The share of trees that vote for each class: shape `(n_samples, n_classes)`.
    ///
    /// scikit-learn averages the shares of classes in the leaves instead, which is the same where
    /// leaves are pure.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn predict_proba(&self, samples: &impl Samples) -> Result<Array2<f64>, AnalysisError> {
        let matrix = no_grad(|| {
            let table = table_to_predict(samples, self.n_features)?;
            columns_of_singles(&table).map(|matrix| (matrix, dimensions(&table).0))
        });
        let (matrix, n_samples) = matrix?;
        let votes = self.trees.par_iter();
        let votes = votes.map(|tree| tree.predict(&matrix).map_err(refused));
        let votes: Vec<Vec<u32>> = votes.collect::<Result<_, _>>()?;
        let mut shares = Array2::zeros((n_samples, self.classes.len()));
        let share = 1.0 / votes.len() as f64;
        for (row, place) in votes.iter().flat_map(|votes| votes.iter().enumerate()) {
            shares[[row, *place as usize]] += share;
        }
        Ok(shares)
    }
}
