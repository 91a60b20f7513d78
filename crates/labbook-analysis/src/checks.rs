//! What maps of samples and estimators check.

use std::fmt::Display;

use crate::AnalysisError;

/// Fewer samples than this have no map worth drawing.
const FEWEST_SAMPLES: usize = 4;

/// A coordinate beyond this has nothing to do with the samples any more.
pub(crate) const LARGEST_COORDINATE: f32 = 1e15;

/// Whether so many samples of so many features can be mapped by a method.
pub(crate) fn check_samples(
    n_samples: usize,
    n_features: usize,
    method: &'static str,
) -> Result<(), AnalysisError> {
    if n_samples < FEWEST_SAMPLES {
        return Err(AnalysisError::TooFewSamples {
            expected: FEWEST_SAMPLES,
            purpose: method,
            received: n_samples,
        });
    }
    match n_features {
        0 => Err(AnalysisError::NotATable {
            shape: vec![n_samples as i64, 0],
        }),
        _ => Ok(()),
    }
}

/// Whether an option is `sound`, as a test of the caller says.
pub(crate) fn check_option(
    option: &'static str,
    expected: &str,
    sound: bool,
    received: impl Display,
) -> Result<(), AnalysisError> {
    match sound {
        true => Ok(()),
        false => Err(AnalysisError::InvalidOption {
            option,
            expected: expected.to_owned(),
            received: received.to_string(),
        }),
    }
}

/// Whether points are still where a map can be, after an iteration.
pub(crate) fn check_points(points: &[[f32; 2]], iteration: usize) -> Result<(), AnalysisError> {
    let sound = |x: &f32| x.abs() < LARGEST_COORDINATE;
    match points.as_flattened().iter().all(sound) {
        true => Ok(()),
        false => Err(AnalysisError::Diverged { iteration }),
    }
}
