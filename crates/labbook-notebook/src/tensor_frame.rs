//! Tensors and arrays as polars columns.

use labbook_analysis::Samples;
use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};
use tch::{Kind, Tensor};

use crate::error::NotebookError;
use crate::matrix::classes;

/// A table of samples as a frame: one row per sample, columns `{prefix}0`, `{prefix}1` and so on.
///
/// Takes a tensor or an array of shape (N, features).
///
/// # Errors
/// [`NotebookError::Analysis`] for another shape, [`NotebookError::Torch`] or
/// [`NotebookError::Frame`] when a library refuses.
pub fn frame_of(samples: &impl Samples, prefix: &str) -> Result<DataFrame, NotebookError> {
    let table = samples.to_table()?;
    let (rows, features) = table.size2()?;
    let by_column = table.f_transpose(0, 1)?.f_contiguous()?;
    let values = Vec::<f64>::try_from(by_column.f_to_kind(Kind::Double)?.f_flatten(0, -1)?)?;
    let rows = usize::try_from(rows).unwrap_or_default();
    let columns = (0..usize::try_from(features).unwrap_or_default()).map(|index| {
        let name = format!("{prefix}{index}");
        let values = values[index * rows..(index + 1) * rows].to_vec();
        Series::new(name.as_str().into(), values).into_column()
    });
    Ok(DataFrame::new(rows, columns.collect())?)
}

/// Classes as a column, for a frame's `insert_column`.
///
/// # Errors
/// [`NotebookError::Tensor`] unless the tensor holds integers shaped (N,) or (N, 1).
pub fn column_of(name: &str, tensor: &Tensor) -> Result<Column, NotebookError> {
    let values = classes(tensor, "column")?;
    Ok(Series::new(name.into(), values).into_column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_its_rows_and_gets_a_column_of_classes() -> Result<(), NotebookError> {
        let table = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).view([2, 3]);
        let mut frame = frame_of(&table, "pca_")?;
        frame.insert_column(
            0,
            column_of("pred_class", &Tensor::from_slice(&[7_i64, 8]))?,
        )?;
        assert_eq!(frame.shape(), (2, 4));
        assert_eq!(
            frame.column("pca_1")?.f64()?.to_vec(),
            [Some(2.0), Some(5.0)]
        );
        assert_eq!(
            frame.column("pred_class")?.i64()?.to_vec(),
            [Some(7), Some(8)]
        );
        Ok(())
    }

    #[test]
    fn an_image_is_no_table() {
        let images = Tensor::zeros([2, 3, 3], tch::kind::FLOAT_CPU);
        assert!(frame_of(&images, "x").is_err());
        assert!(column_of("x", &images).is_err());
    }
}
