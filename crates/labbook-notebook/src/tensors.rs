//! Tensors as the arrays that figures are drawn from.

use ndarray::{Array2, Array3, Array4, ArrayD};
use tch::{Device, Kind, Tensor};

use crate::error::NotebookError;

/// The entries as `f32`, in the tensor's shape.
pub(crate) fn array(tensor: &Tensor, what: &'static str) -> Result<ArrayD<f32>, NotebookError> {
    // Their imaginary parts would be dropped in silence.
    if let Kind::ComplexHalf | Kind::ComplexFloat | Kind::ComplexDouble = tensor.f_kind()? {
        return Err(unexpected(what, "a tensor of real numbers", tensor));
    }
    let flat = tensor
        .f_detach()?
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_flatten(0, -1)?;
    let values = Vec::<f32>::try_from(flat.f_contiguous()?)?;
    let sizes = tensor.size();
    let shape: Vec<usize> = sizes
        .iter()
        .filter_map(|&size| usize::try_from(size).ok())
        .collect();
    ArrayD::from_shape_vec(shape, values)
        .map_err(|_| unexpected(what, "a tensor of numbers", tensor))
}

/// One row per sample, one column per class.
pub(crate) fn table(tensor: &Tensor, what: &'static str) -> Result<Array2<f32>, NotebookError> {
    array(tensor, what)?
        .into_dimensionality()
        .map_err(|_| unexpected(what, "a tensor of shape [N, classes]", tensor))
}

/// Heat of shape (N, height, width).
pub(crate) fn heat(tensor: &Tensor) -> Result<Array3<f32>, NotebookError> {
    array(tensor, "heat")?
        .into_dimensionality()
        .map_err(|_| unexpected("heat", "a tensor of shape [N, height, width]", tensor))
}

/// Images as bytes, from bytes or from numbers between 0 and 1.
pub(crate) fn images(tensor: &Tensor) -> Result<Array4<u8>, NotebookError> {
    let expected = "images shaped [N, height, width, channels], bytes or numbers from 0 to 1";
    let is_bytes = tensor.kind() == Kind::Uint8;
    let values = array(tensor, "images")?;
    let in_range = is_bytes || values.iter().all(|value| (-0.01..=1.01).contains(value));
    let values = values
        .into_dimensionality::<ndarray::Ix4>()
        .ok()
        .filter(|_| in_range)
        .ok_or_else(|| unexpected("images", expected, tensor))?;
    let scale = if is_bytes { 1.0 } else { 255.0 };
    // A cast cuts off what rounding left outside 0 to 255.
    Ok(values.mapv(|value| (value * scale).round() as u8))
}

fn unexpected(what: &'static str, expected: &str, tensor: &Tensor) -> NotebookError {
    NotebookError::Tensor {
        what,
        expected: expected.to_owned(),
        received: format!("{:?} shaped {:?}", tensor.kind(), tensor.size()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complex_numbers_are_refused() {
        let complex = Tensor::ones([2, 2], (Kind::ComplexFloat, Device::Cpu));
        let error = table(&complex, "scores").unwrap_err().to_string();
        assert!(
            error.contains("real numbers, received ComplexFloat"),
            "{error}"
        );
    }

    #[test]
    fn images_may_be_bytes_or_normalised() {
        let bytes = Tensor::from_slice(&[0_u8, 51, 255, 1]).reshape([1, 2, 2, 1]);
        let normalised = bytes.to_kind(Kind::Float) / 255.0;
        assert_eq!(images(&bytes).unwrap(), images(&normalised).unwrap());
        assert_eq!(images(&bytes).unwrap()[[0, 0, 1, 0]], 51);
        for wrong in [&bytes.to_kind(Kind::Float), &normalised.get(0)] {
            let error = images(wrong).unwrap_err().to_string();
            assert!(error.contains("numbers from 0 to 1"), "{error}");
        }
    }
}
