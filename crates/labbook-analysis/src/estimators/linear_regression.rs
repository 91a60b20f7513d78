use ndarray::Array1;
use tch::{Kind, Tensor, no_grad};

use super::training::{table_to_predict, target_values, training_table};
use crate::samples::to_array;
use crate::{AnalysisError, Samples};

/// Least squares with an intercept, as scikit-learn's `LinearRegression`.
///
/// Where features depend on one another, the shortest of the coefficients that fit best are given
/// (LAPACK's `gelsd` on the centred samples).
///
/// ```
/// use labbook_analysis::LinearRegression;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]]);
/// let fitted = LinearRegression::new().fit(&samples, &[4.0, 3.0, 11.0, 10.0])?;
/// assert!((fitted.coefficients()[0] - 2.0).abs() < 1e-9);
/// assert!((fitted.intercept() - 1.0).abs() < 1e-9);
/// assert!((fitted.predict(&arr2(&[[10.0, 0.0]]))?[0] - 21.0).abs() < 1e-9);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinearRegression;

/// A [`LinearRegression`] that was fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLinearRegression {
    coefficients: Array1<f64>,
    intercept: f64,
}

impl LinearRegression {
    /// There is nothing to choose.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Fits samples of shape `(n_samples, n_features)` and a value for each.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::RowMismatch`], [`AnalysisError::NoSamples`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn fit<'a, T>(
        &self,
        samples: &impl Samples,
        targets: impl IntoIterator<Item = &'a T>,
    ) -> Result<FittedLinearRegression, AnalysisError>
    where
        T: Copy + Into<f64> + 'a,
    {
        no_grad(|| {
            let table = training_table(samples)?.f_to_kind(Kind::Double)?;
            let targets = target_values(targets, &table)?;
            let target_mean = targets.iter().sum::<f64>() / targets.len() as f64;
            let targets = Tensor::f_from_slice(&targets)?.f_sub_scalar(target_mean)?;
            let means = table.f_mean_dim(Some(&[0_i64][..]), true, Kind::Double)?;
            let (solution, ..) =
                table
                    .f_sub(&means)?
                    .f_linalg_lstsq(&targets.f_unsqueeze(1)?, None, "gelsd")?;
            let coefficients = to_array::<f64>(&solution)?.remove_axis(ndarray::Axis(1));
            let means = to_array::<f64>(&means)?.remove_axis(ndarray::Axis(0));
            Ok(FittedLinearRegression {
                intercept: target_mean - means.dot(&coefficients),
                coefficients,
            })
        })
    }
}

impl FittedLinearRegression {
    /// By how much the value changes with each feature.
    #[must_use]
    pub fn coefficients(&self) -> &Array1<f64> {
        &self.coefficients
    }

    /// The value where all features are 0.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The value on the line, for each sample.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn predict(&self, samples: &impl Samples) -> Result<Vec<f64>, AnalysisError> {
        let table = no_grad(|| table_to_predict(samples, self.coefficients.len()))?;
        let sums = to_array::<f64>(&table)?.dot(&self.coefficients);
        Ok(sums.iter().map(|sum| sum + self.intercept).collect())
    }
}
