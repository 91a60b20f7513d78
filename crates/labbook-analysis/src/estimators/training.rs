//! Samples and targets as the estimators take them.

use smartcore::error::Failed;
use smartcore::linalg::basic::matrix::DenseMatrix;
use tch::{Kind, Tensor};

use crate::samples::{dimensions, require_finite};
use crate::{AnalysisError, Samples};

/// A table that something can be learned from: rows and columns, all finite.
pub(super) fn training_table(samples: &impl Samples) -> Result<Tensor, AnalysisError> {
    let table = samples.to_table()?;
    match dimensions(&table) {
        (0, _) => Err(AnalysisError::NoSamples),
        (_, 0) => Err(AnalysisError::NotATable {
            shape: table.size(),
        }),
        _ => {
            require_finite(&table)?;
            Ok(table)
        }
    }
}

/// A table whose rows are to be predicted by what was fitted to so many features.
pub(super) fn table_to_predict(
    samples: &impl Samples,
    expected: usize,
) -> Result<Tensor, AnalysisError> {
    let table = samples.to_table()?;
    let (_, received) = dimensions(&table);
    if received != expected {
        return Err(AnalysisError::FeatureMismatch { expected, received });
    }
    require_finite(&table)?;
    Ok(table)
}

/// Whether there is one target for each row.
pub(super) fn require_paired(
    what: &'static str,
    table: &Tensor,
    targets: usize,
) -> Result<(), AnalysisError> {
    let (rows, _) = dimensions(table);
    match rows == targets {
        true => Ok(()),
        false => Err(AnalysisError::RowMismatch {
            what,
            labels: targets,
            received: rows,
        }),
    }
}

/// Target values, finite, one for each row of a table.
pub(super) fn target_values<'a, T>(
    values: impl IntoIterator<Item = &'a T>,
    table: &Tensor,
) -> Result<Vec<f64>, AnalysisError>
where
    T: Copy + Into<f64> + 'a,
{
    let values: Vec<f64> = values.into_iter().map(|&value| value.into()).collect();
    require_paired("a row of samples", table, values.len())?;
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(row) => Err(AnalysisError::NotFinite {
            value: values[row].to_string(),
            row,
            column: 0,
        }),
    }
}

/// Singles, column after column, as trees read them.
pub(super) fn columns_of_singles(table: &Tensor) -> Result<DenseMatrix<f32>, AnalysisError> {
    let (rows, columns) = dimensions(table);
    let mut values = vec![0.0_f32; rows * columns];
    let length = values.len();
    let turned = table.f_to_kind(Kind::Float)?.f_tr()?.f_contiguous()?;
    turned.f_copy_data(&mut values, length)?;
    DenseMatrix::new(rows, columns, values, true).map_err(refused)
}

/// Doubles, row after row.
pub(super) fn rows_of_doubles(table: &Tensor) -> Result<DenseMatrix<f64>, AnalysisError> {
    let (rows, columns) = dimensions(table);
    let mut values = vec![0.0_f64; rows * columns];
    let length = values.len();
    table
        .f_to_kind(Kind::Double)?
        .f_copy_data(&mut values, length)?;
    DenseMatrix::new(rows, columns, values, false).map_err(refused)
}

/// What the crate behind an estimator says when it cannot go on.
pub(super) fn refused(failed: Failed) -> AnalysisError {
    AnalysisError::Estimator {
        message: failed.to_string(),
    }
}
