use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::neighbors::{Neighbors, nearest_in_rows};
use crate::samples::{dimensions, require_finite, to_array};

/// How far apart two samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// The length of their difference.
    #[default]
    Euclidean,
    /// 1 less the cosine of the angle between them.
    Cosine,
    /// 1 less their correlation: the cosine distance of samples less their own means.
    Correlation,
    /// The samples are distances themselves: a square table, whose entry in row `i` and column
    /// `j` is the distance of sample `j` from sample `i`.
    Precomputed,
}

impl Metric {
    /// The rows whose Euclidean distances have the order of this metric's.
    pub(crate) fn rows(self, table: &Tensor) -> Result<Tensor, AnalysisError> {
        let (what, because) = match self {
            Self::Euclidean | Self::Precomputed => return Ok(table.shallow_clone()),
            Self::Cosine => ("the cosine distance", "a sample is 0 in every feature"),
            Self::Correlation => (
                "the correlation",
                "a sample has the same number in every feature",
            ),
        };
        require_finite(table)?;
        let mut rows = table.f_to_kind(Kind::Double)?;
        // Neither overflows nor vanishes when squared.
        let largest = rows.f_abs()?.f_amax([1], true)?;
        rows = rows.f_div(&largest.f_clamp_min(f64::MIN_POSITIVE)?)?;
        if self == Self::Correlation {
            rows = rows.f_sub(&rows.f_mean_dim(Some(&[1_i64][..]), true, Kind::Double)?)?;
        }
        let lengths = rows
            .f_square()?
            .f_sum_dim_intlist(Some(&[1_i64][..]), true, Kind::Double)?
            .f_sqrt()?;
        if rows.numel() > 0 && f64::try_from(lengths.f_min()?)? < 1e-12 {
            return Err(AnalysisError::Undefined { what, because });
        }
        Ok(rows.f_div_(&lengths)?.f_to_kind(Kind::Float)?)
    }

    /// This metric's distance, squared, from the squared Euclidean distance of [`rows`](Self::rows).
    pub(crate) fn squared(self, squared: f32) -> f32 {
        match self {
            Self::Euclidean | Self::Precomputed => squared,
            Self::Cosine | Self::Correlation => 0.25 * squared * squared,
        }
    }
}

/// The `k` nearest other samples of every sample, from a table of their distances.
pub(crate) fn nearest_by_distance(table: &Tensor, k: usize) -> Result<Neighbors, AnalysisError> {
    let (rows, columns) = dimensions(table);
    if rows != columns {
        return Err(AnalysisError::InvalidOption {
            option: "precomputed distances",
            expected: "of shape (n_samples, n_samples)".to_owned(),
            received: format!("shape ({rows}, {columns})"),
        });
    }
    require_finite(table)?;
    let distances = to_array::<f32>(table)?;
    if let Some(((row, column), value)) = distances
        .indexed_iter()
        .find(|(_, d)| !(0.0..1e19).contains(*d))
    {
        return Err(AnalysisError::InvalidOption {
            option: "precomputed distances",
            expected: "from 0 to less than 1e19".to_owned(),
            received: format!("{value} in row {row}, column {column}"),
        });
    }
    let distances = distances.into_raw_vec_and_offset().0;
    Ok(nearest_in_rows(&distances, columns, k))
}
