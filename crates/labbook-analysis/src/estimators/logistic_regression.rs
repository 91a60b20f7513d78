use ndarray::{Array1, Array2, Axis};
use smartcore::linalg::basic::arrays::Array as _;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{
    LogisticRegression as Fit, LogisticRegressionParameters,
};
use tch::no_grad;

use super::classes::Classes;
use super::probabilities::most_probable;
use super::training::{refused, rows_of_doubles, table_to_predict, training_table};
use crate::checks::check_option;
use crate::samples::to_array;
use crate::{AnalysisError, ClassLabel, Samples};

/// Logistic regression, multinomial where there are more than two classes, with an L2 penalty.
///
/// The sum of all samples' cross-entropies plus `1 / (2 C)` times the sum of squared coefficients is
/// made least, as in scikit-learn's `LogisticRegression`; the intercepts are free. The crate
/// `smartcore` does it, by L-BFGS. Scale the features first.
///
/// ```
/// use labbook_analysis::LogisticRegression;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[-2.0], [-1.0], [-0.5], [0.5], [1.0], [2.0]]);
/// let fitted = LogisticRegression::new().fit(&samples, &[0, 0, 0, 1, 1, 1])?;
/// assert_eq!(fitted.predict(&arr2(&[[-3.0], [3.0]]))?, [0, 1]);
/// assert!((fitted.predict_proba(&arr2(&[[0.0]]))?[[0, 1]] - 0.5).abs() < 1e-6);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticRegression {
    c: f64,
}

/// A [`LogisticRegression`] that was fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLogisticRegression {
    coefficients: Array2<f64>,
    intercepts: Array1<f64>,
    classes: Classes,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { c: 1.0 }
    }
}

impl LogisticRegression {
    /// A regression with a `C` of 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// scikit-learn's `C`: the smaller, the smaller the coefficients are kept.
    #[must_use]
    pub fn c(mut self, c: f64) -> Self {
        self.c = c;
        self
    }

    /// Fits samples of shape `(n_samples, n_features)` and a label for each.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::RowMismatch`], [`AnalysisError::NoSamples`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], [`AnalysisError::InvalidOption`] (also for labels of one class
    /// only), [`AnalysisError::Undefined`] if no coefficients are found,
    /// [`AnalysisError::Estimator`] if `smartcore` refuses, or [`AnalysisError::Tensor`].
    pub fn fit<'a, L>(
        &self,
        samples: &impl Samples,
        labels: impl IntoIterator<Item = &'a L>,
    ) -> Result<FittedLogisticRegression, AnalysisError>
    where
        L: ClassLabel + 'a,
    {
        let sound = self.c.is_finite() && self.c > 0.0;
        check_option("c", "to be finite and above 0", sound, self.c)?;
        no_grad(|| {
            let table = training_table(samples)?;
            let (classes, places) = Classes::of(labels, &table)?;
            classes.require_two()?;
            let parameters = LogisticRegressionParameters::default().with_alpha(1.0 / self.c);
            let fitted = Fit::fit(&rows_of_doubles(&table)?, &places, parameters);
            let fitted = fitted.map_err(refused)?;
            let found = FittedLogisticRegression {
                coefficients: array(fitted.coefficients()),
                intercepts: array(fitted.intercept()).remove_axis(Axis(1)),
                classes,
            };
            match found.coefficients.iter().all(|weight| weight.is_finite()) {
                true => Ok(found),
                false => Err(AnalysisError::Undefined {
                    what: "a logistic regression",
                    because: "the search for its coefficients left the range of numbers; scale \
                              the features first",
                }),
            }
        })
    }
}

impl FittedLogisticRegression {
    /// The classes, in the order of the columns of [`predict_proba`](Self::predict_proba).
    #[must_use]
    pub fn classes(&self) -> &[i64] {
        self.classes.as_slice()
    }

    /// The weight of each feature, one row per class; of two classes the second has the only row.
    #[must_use]
    pub fn coefficients(&self) -> &Array2<f64> {
        &self.coefficients
    }

    /// What is added to each row's sum.
    #[must_use]
    pub fn intercepts(&self) -> &Array1<f64> {
        &self.intercepts
    }

    /// The most probable class of each sample.
    ///
    /// # Errors
    ///
    /// Those of [`predict_proba`](Self::predict_proba).
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<i64>, AnalysisError> {
        Ok(most_probable(&self.predict_proba(samples)?, &self.classes))
    }

    /// The probability of each class: shape `(n_samples, n_classes)`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn predict_proba(&self, samples: &impl Samples) -> Result<Array2<f64>, AnalysisError> {
        let table = no_grad(|| table_to_predict(samples, self.coefficients.ncols()))?;
        let logits = to_array::<f64>(&table)?.dot(&self.coefficients.t()) + &self.intercepts;
        let mut logits = match self.classes.len() {
            // One row of weights says by how much the second class leads.
            2 => Array2::from_shape_fn((logits.nrows(), 2), |(row, class)| match class {
                0 => 0.0,
                _ => logits[[row, 0]],
            }),
            _ => logits,
        };
        for mut row in logits.rows_mut() {
            let largest = row.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            row.mapv_inplace(|logit| (logit - largest).exp());
            let sum = row.sum();
            row /= sum;
        }
        Ok(logits)
    }
}

fn array(matrix: &DenseMatrix<f64>) -> Array2<f64> {
    Array2::from_shape_fn(matrix.shape(), |place| *matrix.get(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_one_class_and_a_bad_c_are_refused() {
        let samples = ndarray::arr2(&[[0.0], [1.0]]);
        let error = LogisticRegression::new()
            .fit(&samples, &[4, 4])
            .unwrap_err();
        assert!(error.to_string().contains("only [4]"), "{error}");
        let error = LogisticRegression::new().c(0.0).fit(&samples, &[0, 1]);
        assert!(error.unwrap_err().to_string().contains("c to be finite"));
    }
}
