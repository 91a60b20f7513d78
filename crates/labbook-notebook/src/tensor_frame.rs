//! Tensors and arrays as polars columns.

use labbook_analysis::Samples;
use ndarray::Array2;
use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};
use tch::{Kind, Tensor};

use crate::error::NotebookError;
use crate::matrix::classes;
use crate::tensors::table;

/// A table of samples as a frame: one row per sample, columns `{prefix}0`, `{prefix}1` and so on.
///
/// Takes a tensor or an array of shape (N, features). Whole numbers give columns of whole numbers,
/// with every digit, others columns of doubles.
///
/// # Errors
/// [`NotebookError::Analysis`] for another shape, [`NotebookError::Torch`] or
/// [`NotebookError::Frame`] when a library refuses.
pub fn frame_of(samples: &impl Samples, prefix: &str) -> Result<DataFrame, NotebookError> {
    let table = samples.to_exact_table()?;
    let (rows, features) = table.size2()?;
    let columns = (0..features).map(|index| {
        let name = format!("{prefix}{index}");
        let column = table.f_select(1, index)?.f_contiguous()?;
        let series = match column.f_kind()? {
            Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => {
                let whole = Vec::<i64>::try_from(column.f_to_kind(Kind::Int64)?)?;
                Series::new(name.as_str().into(), whole)
            }
            _ => {
                let values = Vec::<f64>::try_from(column.f_to_kind(Kind::Double)?)?;
                Series::new(name.as_str().into(), values)
            }
        };
        Ok(series.into_column())
    });
    let columns: Result<Vec<Column>, NotebookError> = columns.collect();
    Ok(DataFrame::new(
        usize::try_from(rows).unwrap_or_default(),
        columns?,
    )?)
}

/// A tensor of shape (N, features) as an array, for maps and figures.
///
/// ```
/// use labbook_notebook::array_of;
/// use tch::Tensor;
///
/// let codes = array_of(&Tensor::from_slice2(&[[1.0, 2.0], [3.0, 4.0]]))?;
/// assert_eq!(codes[[1, 0]], 3.0);
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] for another shape.
pub fn array_of(tensor: &Tensor) -> Result<Array2<f32>, NotebookError> {
    table(tensor, "tensor")
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
    fn whole_numbers_keep_their_digits_and_complex_ones_are_refused() -> Result<(), NotebookError> {
        let whole = [9_007_199_254_740_993_i64, 18_014_398_509_481_983];
        let frame = frame_of(&Tensor::from_slice(&whole).view([1, 2]), "x")?;
        assert_eq!(frame.column("x0")?.i64()?.to_vec(), [Some(whole[0])]);
        assert_eq!(frame.column("x1")?.i64()?.to_vec(), [Some(whole[1])]);
        let complex = Tensor::ones([2, 2], (Kind::ComplexDouble, tch::Device::Cpu));
        let error = frame_of(&complex, "x").unwrap_err().to_string();
        assert!(error.contains("ComplexDouble"), "{error}");
        Ok(())
    }

    #[test]
    fn an_image_is_no_table() {
        let images = Tensor::zeros([2, 3, 3], tch::kind::FLOAT_CPU);
        assert!(frame_of(&images, "x").is_err());
        assert!(column_of("x", &images).is_err());
    }
}
