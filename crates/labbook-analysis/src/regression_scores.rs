use crate::AnalysisError;

/// The mean distance of a prediction from the true value, in the values' unit.
///
/// ```
/// let error = labbook_analysis::mean_absolute_error(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0])?;
/// assert_eq!(error, 0.5);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], [`AnalysisError::NoSamples`] or
/// [`AnalysisError::NotFinite`].
pub fn mean_absolute_error<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    let (truth, predicted) = pairs(true_values, predicted)?;
    Ok(mean_of(&truth, &predicted, |t, p| (t - p).abs()))
}

/// The mean squared difference of predictions and true values, in the unit's square.
///
/// # Errors
///
/// Those of [`mean_absolute_error`].
pub fn mean_squared_error<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    let (truth, predicted) = pairs(true_values, predicted)?;
    Ok(mean_of(&truth, &predicted, |t, p| (t - p) * (t - p)))
}

/// The square root of the [mean squared error](mean_squared_error), in the values' unit.
///
/// # Errors
///
/// Those of [`mean_absolute_error`].
pub fn root_mean_squared_error<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    Ok(mean_squared_error(true_values, predicted)?.sqrt())
}

/// The mean of `|true - predicted| / |true|`, as a share: 0.1 is ten percent.
///
/// As in scikit-learn, a true value of 0 counts as 2.2e-16, which makes the result huge but finite.
///
/// # Errors
///
/// Those of [`mean_absolute_error`].
pub fn mean_absolute_percentage_error<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    let (truth, predicted) = pairs(true_values, predicted)?;
    Ok(mean_of(&truth, &predicted, |t, p| {
        (t - p).abs() / t.abs().max(f64::EPSILON)
    }))
}

/// The share of the true values' variance that the predictions explain: 1 at best, 0 for a
/// constant prediction of the mean, below 0 for worse.
///
/// `1 - sum((true - predicted)^2) / sum((true - mean)^2)`. As in scikit-learn, true values that are
/// all equal give 1 for perfect predictions and 0 for others.
///
/// ```
/// let r2 = labbook_analysis::r2_score(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0])?;
/// assert!((r2 - 0.948_608).abs() < 1e-6);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// Those of [`mean_absolute_error`], or [`AnalysisError::TooFewSamples`] for one sample.
pub fn r2_score<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    let (truth, predicted) = pairs(true_values, predicted)?;
    if truth.len() < 2 {
        return Err(AnalysisError::TooFewSamples {
            expected: 2,
            purpose: "R2, which compares with the spread of the true values",
            received: truth.len(),
        });
    }
    let residual = mean_of(&truth, &predicted, |t, p| (t - p) * (t - p));
    Ok(explained(residual, variance(&truth)))
}

/// As [`r2_score`], but a constant offset of all predictions is forgiven.
///
/// `1 - variance(true - predicted) / variance(true)`.
///
/// # Errors
///
/// Those of [`mean_absolute_error`].
pub fn explained_variance_score<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    let (truth, predicted) = pairs(true_values, predicted)?;
    let differences: Vec<f64> = truth.iter().zip(&predicted).map(|(t, p)| t - p).collect();
    Ok(explained(variance(&differences), variance(&truth)))
}

fn explained(unexplained: f64, whole: f64) -> f64 {
    match (unexplained == 0.0, whole == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - unexplained / whole,
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
}

fn mean_of(truth: &[f64], predicted: &[f64], of: impl Fn(f64, f64) -> f64) -> f64 {
    let sum: f64 = truth.iter().zip(predicted).map(|(&t, &p)| of(t, p)).sum();
    sum / truth.len() as f64
}

/// Both sides, checked to be finite, of equal length and not empty.
fn pairs<'a, 'b, T, P>(
    true_values: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<(Vec<f64>, Vec<f64>), AnalysisError>
where
    T: Copy + Into<f64> + 'a,
    P: Copy + Into<f64> + 'b,
{
    let truth: Vec<f64> = true_values.into_iter().map(|&v| v.into()).collect();
    let predicted: Vec<f64> = predicted.into_iter().map(|&v| v.into()).collect();
    if truth.len() != predicted.len() {
        return Err(AnalysisError::LengthMismatch {
            true_labels: truth.len(),
            predicted: predicted.len(),
        });
    }
    if truth.is_empty() {
        return Err(AnalysisError::NoSamples);
    }
    for (column, values) in [&truth, &predicted].into_iter().enumerate() {
        if let Some(row) = values.iter().position(|v| !v.is_finite()) {
            return Err(AnalysisError::NotFinite {
                value: values[row].to_string(),
                row,
                column,
            });
        }
    }
    Ok((truth, predicted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_named() {
        let error = r2_score(&[1.0_f32], &[1.0_f64]).unwrap_err();
        assert!(error.to_string().contains("at least 2 samples"), "{error}");
        let error = mean_squared_error(&[1.0, 2.0], &[1.0, f64::NAN]).unwrap_err();
        assert!(
            error.to_string().contains("NaN in row 1, column 1"),
            "{error}"
        );
        assert!(mean_absolute_error(&[1.0], &[1.0, 2.0]).is_err());
        let none: [f64; 0] = [];
        assert_eq!(
            explained_variance_score(&none, &none),
            Err(AnalysisError::NoSamples)
        );
    }
}
