//! Tensors and arrays as polars columns.

use labbook_analysis::Samples;
use ndarray::Array2;
use polars::frame::DataFrame;
use polars::prelude::{Column, IntoColumn, NamedFrom, Series};
use tch::{Device, Kind, Tensor};

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

/// An array of shape (N, features) as a tensor of 32-bit numbers, such as what a model takes of a map or of
/// principal components: the counterpart of [`array_of`].
///
/// ```
/// use labbook_notebook::tensor_of;
/// use ndarray::array;
///
/// let x = tensor_of(&array![[1.0, 2.0], [3.0, 4.0]])?;
/// assert_eq!((x.size(), x.double_value(&[1, 0])), (vec![2, 2], 3.0));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Analysis`] for another shape, [`NotebookError::Torch`] when libtorch refuses.
pub fn tensor_of(samples: &impl Samples) -> Result<Tensor, NotebookError> {
    let table = samples.to_exact_table()?;
    Ok(table.f_to_kind(Kind::Float)?.f_contiguous()?)
}

/// Classes or other numbers as a column, for a frame's `insert_column` and `with_column`: whole numbers stay
/// whole, others become doubles.
///
/// # Errors
/// [`NotebookError::Tensor`] unless the tensor holds real numbers and is shaped (N,) or (N, 1).
pub fn column_of(name: &str, tensor: &Tensor) -> Result<Column, NotebookError> {
    if !tensor.is_floating_point() {
        let values = classes(tensor, "column")?;
        return Ok(Series::new(name.into(), values).into_column());
    }
    let size = tensor.size();
    if !matches!(size.as_slice(), [_] | [_, 1]) {
        return Err(NotebookError::Tensor {
            what: "column",
            expected: "numbers shaped [N] or [N, 1]".to_owned(),
            received: format!("{:?} shaped {size:?}", tensor.kind()),
        });
    }
    let values = tensor
        .f_detach()?
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Double)?;
    let values = Vec::<f64>::try_from(values.f_contiguous()?.f_view([-1])?)?;
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
    fn a_column_of_numbers_keeps_their_fractions() -> Result<(), NotebookError> {
        let column = column_of("error", &Tensor::from_slice(&[0.5_f32, -1.25]).view([2, 1]))?;
        assert_eq!(column.f64()?.to_vec(), [Some(0.5), Some(-1.25)]);
        assert_eq!(column.name().as_str(), "error");
        Ok(())
    }

    #[test]
    fn an_array_comes_back_as_it_was() -> Result<(), NotebookError> {
        let array = ndarray::array![[0.5_f64, -1.0, 3.0], [2.0, 0.0, 1e-3]];
        let tensor = tensor_of(&array)?;
        assert_eq!((tensor.size(), tensor.kind()), (vec![2, 3], Kind::Float));
        assert_eq!(array_of(&tensor)?, array.mapv(|value| value as f32));
        Ok(())
    }

    #[test]
    fn an_image_is_no_table() {
        let images = Tensor::zeros([2, 3, 3], tch::kind::FLOAT_CPU);
        assert!(frame_of(&images, "x").is_err());
        assert!(column_of("x", &images).is_err());
        assert!(column_of("x", &images.get(0)).is_err());
        assert!(tensor_of(&images).is_err());
    }
}
