use std::slice;

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Gives the numbers of a contiguous `f32` tensor on the CPU to a function, in which nothing may
/// change them, also not by another handle to them.
pub(crate) fn with_numbers<R>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let fits =
        tensor.device() == Device::Cpu && tensor.f_kind()? == Kind::Float && tensor.is_contiguous();
    if !fits {
        return Err(Error::Torch {
            operation: "a product of rows".to_owned(),
            message: format!("expected a contiguous f32 tensor on the CPU, received {tensor:?}"),
        });
    }
    if tensor.numel() == 0 {
        return Ok(read(&[]));
    }
    // SAFETY: the tensor holds that many numbers of this kind one after another, and they live
    // as long as it does, which is longer than the function runs.
    let numbers = unsafe { slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) };
    Ok(read(numbers))
}

/// A new `f32` tensor on the CPU, all of whose numbers are `start` before a function changes them.
pub(crate) fn new_tensor(
    size: &[i64],
    start: f64,
    write: impl FnOnce(&mut [f32]) -> Result<()>,
) -> Result<Tensor> {
    let tensor = Tensor::f_full(size, start, (Kind::Float, Device::Cpu))?;
    if tensor.numel() == 0 {
        write(&mut [])?;
        return Ok(tensor);
    }
    // SAFETY: the tensor holds that many numbers of this kind one after another, and nobody else
    // has it before it is returned.
    write(unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) })?;
    Ok(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_of_another_kind_is_an_error() {
        let doubles = Tensor::zeros([2], (Kind::Double, Device::Cpu));
        assert!(with_numbers(&doubles, |_| ()).is_err());
        let transposed = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)).tr();
        assert!(with_numbers(&transposed, |_| ()).is_err());
    }

    #[test]
    fn numbers_that_are_written_are_read_again() -> Result<()> {
        let written = new_tensor(&[2, 3], 1.0, |numbers| {
            numbers[4] = 7.0;
            Ok(())
        })?;
        assert_eq!(written.size(), [2, 3]);
        let read = with_numbers(&written, <[f32]>::to_vec)?;
        assert_eq!(read, [1.0, 1.0, 1.0, 1.0, 7.0, 1.0]);
        // From the middle of a tensor.
        let read = with_numbers(&written.narrow(0, 1, 1), <[f32]>::to_vec)?;
        assert_eq!(read, [1.0, 7.0, 1.0]);
        let none = new_tensor(&[0, 3], 1.0, |numbers| {
            assert!(numbers.is_empty());
            Ok(())
        })?;
        assert_eq!(with_numbers(&none, <[f32]>::len)?, 0);
        Ok(())
    }
}
