use crate::AnalysisError;
use crate::random::Normal;

/// Resamples at most: beyond this nothing changes but the time.
const MOST_RESAMPLES: usize = 10_000_000;

/// A figure of a finite sample and the range in which it would fall for other samples of the same
/// size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapInterval {
    /// The figure for the samples as they are.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// The share of resamples inside, such as 0.95.
    pub level: f64,
}

/// The percentile interval of a figure by the bootstrap (Efron, 1979): the samples are drawn anew
/// with replacement, as many as there are, and the figure is computed for each draw.
///
/// `figure` gets the positions of the drawn samples. The same seed gives the same interval on every
/// machine.
///
/// ```
/// use labbook_analysis::bootstrap_interval;
///
/// let right = [true, true, false, true, true, true, false, true, true, true];
/// let accuracy = bootstrap_interval(right.len(), 1_000, 0.95, 0, |rows| {
///     rows.iter().filter(|&&row| right[row]).count() as f64 / rows.len() as f64
/// })?;
/// assert_eq!(accuracy.estimate, 0.8);
/// assert!(accuracy.low < 0.65 && accuracy.high == 1.0);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::NoSamples`], [`AnalysisError::InvalidOption`] unless `resamples` is from 1 to
/// 10,000,000 and `level` lies between 0 and 1, or [`AnalysisError::Undefined`] where the figure is
/// no number.
pub fn bootstrap_interval(
    n_samples: usize,
    resamples: usize,
    level: f64,
    seed: u64,
    figure: impl Fn(&[usize]) -> f64,
) -> Result<BootstrapInterval, AnalysisError> {
    if n_samples == 0 {
        return Err(AnalysisError::NoSamples);
    }
    let invalid = |option, expected: String, received: String| AnalysisError::InvalidOption {
        option,
        expected,
        received,
    };
    if !(1..=MOST_RESAMPLES).contains(&resamples) {
        return Err(invalid(
            "resamples",
            format!("from 1 to {MOST_RESAMPLES}"),
            resamples.to_string(),
        ));
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(invalid(
            "level",
            "between 0 and 1, such as 0.95".to_owned(),
            level.to_string(),
        ));
    }
    let of = |rows: &[usize]| {
        let value = figure(rows);
        if value.is_nan() {
            return Err(AnalysisError::Undefined {
                what: "the figure",
                because: "it is NaN for one of the draws; a draw may lack a class altogether",
            });
        }
        Ok(value)
    };
    let mut rows: Vec<usize> = (0..n_samples).collect();
    let estimate = of(&rows)?;
    let mut random = Normal::new(seed);
    let mut figures = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        for row in &mut rows {
            // Below n_samples: the uniform number is below 1.
            *row = ((random.uniform() * n_samples as f64) as usize).min(n_samples - 1);
        }
        figures.push(of(&rows)?);
    }
    figures.sort_by(f64::total_cmp);
    Ok(BootstrapInterval {
        estimate,
        low: quantile(&figures, (1.0 - level) / 2.0),
        high: quantile(&figures, (1.0 + level) / 2.0),
        level,
    })
}

/// The quantile between the two nearest of sorted values, as numpy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    if sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_theory() {
        let values: Vec<f64> = (0..400).map(f64::from).collect();
        let mean = |rows: &[usize]| rows.iter().map(|&r| values[r]).sum::<f64>() / 400.0;
        let interval = bootstrap_interval(400, 2_000, 0.95, 1, mean).unwrap();
        // Standard error 115.47 / 20 = 5.77; 1.96 of them are 11.3.
        assert_eq!(interval.estimate, 199.5);
        assert!((interval.low - 188.2).abs() < 1.5, "{interval:?}");
        assert!((interval.high - 210.8).abs() < 1.5, "{interval:?}");
        assert_eq!(bootstrap_interval(400, 2_000, 0.95, 1, mean), Ok(interval));
    }

    #[test]
    fn bad_options_and_figures_are_named() {
        assert!(bootstrap_interval(0, 10, 0.9, 0, |_| 1.0).is_err());
        assert!(bootstrap_interval(5, 0, 0.9, 0, |_| 1.0).is_err());
        assert!(bootstrap_interval(5, usize::MAX, 0.9, 0, |_| 1.0).is_err());
        for level in [0.0, 1.0, 95.0, f64::NAN] {
            assert!(bootstrap_interval(5, 10, level, 0, |_| 1.0).is_err());
        }
        let error = bootstrap_interval(5, 10, 0.9, 0, |_| f64::NAN).unwrap_err();
        assert!(error.to_string().contains("NaN"), "{error}");
    }
}
