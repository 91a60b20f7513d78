use ndarray::{Array2, ArrayView2};
use tch::{Device, Kind, Tensor};

use crate::AnalysisError;

/// A table of samples: one row per sample, one column per feature.
///
/// Implemented for arrays and views of floats and integers and for tensors of real numbers on any
/// device; there is no need to implement it elsewhere.
pub trait Samples {
    /// The table as a tensor of shape `(n_samples, n_features)` on the CPU, of kind `Float` or
    /// `Double`, whichever holds the numbers as they are, without a gradient. (Integers beyond
    /// 2^53 become the nearest doubles.)
    ///
    /// # Errors
    ///
    /// [`AnalysisError::NotATable`], [`AnalysisError::NotReal`], or [`AnalysisError::Tensor`] if
    /// the library fails.
    fn to_table(&self) -> Result<Tensor, AnalysisError> {
        let table = self.to_exact_table()?;
        let kind = match table.f_kind()? {
            // Singles hold no whole number beyond 2^24 exactly.
            Kind::Double | Kind::Int | Kind::Int64 => Kind::Double,
            _ => Kind::Float,
        };
        Ok(table.f_to_kind(kind)?)
    }

    /// The same in the kind that the samples have, such as `Int64`.
    ///
    /// # Errors
    ///
    /// Those of [`to_table`](Self::to_table).
    fn to_exact_table(&self) -> Result<Tensor, AnalysisError>;

    /// The samples where they are, if they are singles whose rows lie one after another.
    fn as_singles(&self) -> Option<ArrayView2<'_, f32>> {
        None
    }
}

macro_rules! samples_of_arrays {
    ($($number:ty $(, $as_singles:item)?;)*) => {
        $(
            impl Samples for Array2<$number> {
                fn to_exact_table(&self) -> Result<Tensor, AnalysisError> {
                    self.view().to_exact_table()
                }

                $($as_singles)?
            }

            impl Samples for ArrayView2<'_, $number> {
                fn to_exact_table(&self) -> Result<Tensor, AnalysisError> {
                    Ok(Tensor::try_from(&self.as_standard_layout())?)
                }

                $($as_singles)?
            }
        )*
    };
}

samples_of_arrays! {
    f32, fn as_singles(&self) -> Option<ArrayView2<'_, f32>> {
        self.is_standard_layout().then(|| self.view())
    };
    f64; u8; i8; i16; i32; i64;
}

impl Samples for Tensor {
    fn to_exact_table(&self) -> Result<Tensor, AnalysisError> {
        let shape = self.size();
        if shape.len() != 2 {
            return Err(AnalysisError::NotATable { shape });
        }
        let kind = self.f_kind()?;
        if let Kind::ComplexHalf | Kind::ComplexFloat | Kind::ComplexDouble = kind {
            return Err(AnalysisError::NotReal {
                kind: format!("{kind:?}"),
            });
        }
        Ok(self.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?)
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

/// The power of two that brings the numbers of a table to where their squares neither overflow
/// nor vanish: 1 for nearly every table.
pub(crate) fn taming_factor(table: &Tensor) -> Result<f64, AnalysisError> {
    let largest = largest(table)?;
    if largest == 0.0 || (1e-100..1e100).contains(&largest) {
        return Ok(1.0);
    }
    // The powers at the very ends have no reciprocal, or one that a processor may take for 0.
    let exponent = largest.log2().floor().clamp(-1000.0, 1000.0);
    Ok((-exponent).exp2())
}

/// The largest absolute value; 0 in a table without entries.
pub(crate) fn largest(table: &Tensor) -> Result<f64, AnalysisError> {
    if table.numel() == 0 {
        return Ok(0.0);
    }
    let above = f64::try_from(table.f_max()?)?;
    let below = f64::try_from(table.f_min()?)?;
    Ok(above.abs().max(below.abs()))
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
    fn whole_numbers_keep_every_digit_and_complex_ones_are_refused() {
        let array = arr2(&[[16_777_217_i64, 1 << 53]]);
        let table = Tensor::try_from(&array).unwrap().to_table().unwrap();
        assert_eq!(to_array::<f64>(&table).unwrap(), array.mapv(|x| x as f64));
        let table = array.mapv(|x| x as i32).to_table().unwrap();
        assert_eq!(to_array::<f64>(&table).unwrap()[[0, 0]], 16_777_217.0);
        let complex = Tensor::ones([2, 2], (Kind::ComplexFloat, Device::Cpu));
        let error = complex.to_table().unwrap_err();
        assert!(error.to_string().contains("ComplexFloat; take"), "{error}");
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
