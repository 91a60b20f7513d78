use std::borrow::Cow;

use ndarray::ArrayView2;
use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::samples::{dimensions, to_array};

/// A table in single precision, which is read in blocks of rows.
pub(super) enum Singles<'a> {
    /// Rows that lie one after another.
    Rows(ArrayView2<'a, f32>),
    Table(&'a Tensor),
}

impl<'a> Singles<'a> {
    /// The table as it is, if it is one of singles.
    pub(super) fn of(table: &'a Tensor) -> Option<Self> {
        (table.kind() == Kind::Float).then_some(Self::Table(table))
    }

    pub(super) fn dimensions(&self) -> (usize, usize) {
        match self {
            Self::Rows(view) => view.dim(),
            Self::Table(table) => dimensions(table),
        }
    }

    /// All rows, without a copy where they are not in a tensor.
    pub(super) fn all_rows(&self) -> Result<Cow<'_, [f32]>, AnalysisError> {
        match self {
            Self::Rows(view) => Ok(view.as_slice().unwrap_or_default().into()),
            Self::Table(table) => Ok(to_array(table)?.into_raw_vec_and_offset().0.into()),
        }
    }

    /// Calls `visit` with up to `block` rows at a time, one after another.
    pub(super) fn for_each_block(
        &self,
        block: usize,
        mut visit: impl FnMut(&[f32]),
    ) -> Result<(), AnalysisError> {
        let (n_samples, width) = self.dimensions();
        let mut buffer = Vec::new();
        for start in (0..n_samples).step_by(block) {
            let rows = block.min(n_samples - start);
            visit(self.rows(start, rows, width, &mut buffer)?);
        }
        Ok(())
    }

    fn rows<'b>(
        &'b self,
        start: usize,
        rows: usize,
        width: usize,
        buffer: &'b mut Vec<f32>,
    ) -> Result<&'b [f32], AnalysisError> {
        match self {
            Self::Rows(view) => {
                let all = view.as_slice().unwrap_or_default();
                Ok(&all[start * width..][..rows * width])
            }
            Self::Table(table) => {
                buffer.resize(rows * width, 0.0);
                let block = table.f_narrow(0, start as i64, rows as i64)?;
                block.f_copy_data(buffer, rows * width)?;
                Ok(buffer)
            }
        }
    }

    /// The mean of some rows, which lies close to that of all.
    pub(super) fn rough_mean(&self) -> Result<Vec<f32>, AnalysisError> {
        const ROWS: usize = 256;
        let (n_samples, width) = self.dimensions();
        let mut sums = vec![0.0_f64; width];
        let mut buffer = Vec::new();
        let step = n_samples.div_ceil(ROWS);
        let count = n_samples.div_ceil(step);
        for start in (0..n_samples).step_by(step) {
            let row = self.rows(start, 1, width, &mut buffer)?;
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum += f64::from(x) / count as f64;
            }
        }
        Ok(sums.into_iter().map(|sum| sum as f32).collect())
    }
}
