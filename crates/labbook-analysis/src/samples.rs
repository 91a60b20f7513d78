use ndarray::{Array2, ArrayView2};
use tch::{Device, Kind, Tensor};

use crate::AnalysisError;

/// A table of samples: one row per sample, one column per feature.
///
/// Implemented for arrays and views of `f32` and `f64` and for tensors of any kind and device;
/// there is no need to implement it elsewhere.
pub trait Samples {
    /// The table as a tensor of shape `(n_samples, n_features)` on the CPU, of kind `Float` or
    /// `Double`, without a gradient.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`] if the library fails.
    fn to_table(&self) -> Result<Tensor, AnalysisError>;
}

macro_rules! samples_of_arrays {
    ($($float:ty),*) => {
        $(
            impl Samples for Array2<$float> {
                fn to_table(&self) -> Result<Tensor, AnalysisError> {
                    self.view().to_table()
                }
            }

            impl Samples for ArrayView2<'_, $float> {
                fn to_table(&self) -> Result<Tensor, AnalysisError> {
                    Ok(Tensor::try_from(&self.as_standard_layout())?)
                }
            }
        )*
    };
}

samples_of_arrays!(f32, f64);

impl Samples for Tensor {
    fn to_table(&self) -> Result<Tensor, AnalysisError> {
        let shape = self.size();
        if shape.len() != 2 {
            return Err(AnalysisError::NotATable { shape });
        }
        let kind = match self.kind() {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        };
        Ok(self
            .f_detach()?
            .f_to_device(Device::Cpu)?
            .f_to_kind(kind)?
            .f_contiguous()?)
    }
}

/// Rows and columns of a table.
pub(crate) fn dimensions(table: &Tensor) -> (usize, usize) {
    match table.size()[..] {
        // Sizes of tensors are never negative.
        [rows, columns] => (rows as usize, columns as usize),
        _ => (0, 0),
    }
}

/// Refuses a table that holds NaN or an infinity, and names the first such place.
pub(crate) fn require_finite(table: &Tensor) -> Result<(), AnalysisError> {
    // The sum is finite for nearly every finite table and needs no table of flags.
    let sum = f64::try_from(table.f_sum(Kind::Double)?)?;
    if sum.is_finite() {
        return Ok(());
    }
    let places = table.f_isfinite()?.f_logical_not()?.f_nonzero()?;
    if places.size()[0] == 0 {
        return Ok(());
    }
    let (row, column) = (
        places.f_int64_value(&[0, 0])?,
        places.f_int64_value(&[0, 1])?,
    );
    Err(AnalysisError::NotFinite {
        value: table.f_double_value(&[row, column])?.to_string(),
        row: row as usize,
        column: column as usize,
    })
}

/// A tensor of two dimensions as an array.
pub(crate) fn to_array<F: tch::kind::Element + Copy>(
    table: &Tensor,
) -> Result<Array2<F>, AnalysisError> {
    let mut values = vec![F::ZERO; table.numel()];
    let length = values.len();
    table
        .f_to_kind(F::KIND)?
        .f_contiguous()?
        .f_copy_data(&mut values, length)?;
    Array2::from_shape_vec(dimensions(table), values).map_err(|error| AnalysisError::Tensor {
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr2};

    use super::*;

    #[test]
    fn a_transposed_view_keeps_its_meaning() {
        let array = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let table = array.t().to_table().unwrap();
        assert_eq!(to_array::<f32>(&table).unwrap(), array.t());
    }

    #[test]
    fn a_tensor_of_images_is_refused() {
        let images = Tensor::zeros([2, 4, 4, 3], (Kind::Float, Device::Cpu));
        let error = images.to_table().unwrap_err();
        assert!(error.to_string().contains("shape [2, 4, 4, 3]; flatten"));
    }

    #[test]
    fn the_first_bad_number_is_named() {
        let mut array = Array2::<f64>::zeros((3, 2));
        assert_eq!(require_finite(&array.to_table().unwrap()), Ok(()));
        array[[1, 1]] = f64::INFINITY;
        array[[2, 0]] = f64::NAN;
        assert_eq!(
            require_finite(&array.to_table().unwrap()),
            Err(AnalysisError::NotFinite {
                value: "inf".to_owned(),
                row: 1,
                column: 1
            })
        );
    }
}
