use tch::Tensor;

use crate::Result;

/// Labels -1 and 1: those of a batch that has only 0 and 1 are converted, as Keras does.
///
/// The batch decides as a whole. It is decided on the device, so that nothing waits for it.
pub(crate) fn signed(y_true: &Tensor) -> Result<Tensor> {
    let zero_or_one = y_true.f_eq(0.0)?.f_logical_or(&y_true.f_eq(1.0)?)?;
    let converted = y_true.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?;
    Ok(converted.f_where_self(&zero_or_one.f_all()?, y_true)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_batch_of_zeros_and_ones_is_converted() -> Result<()> {
        let check = |labels: &[f64], expected: &[f64]| -> Result<()> {
            let signed = signed(&Tensor::from_slice(labels))?;
            assert_eq!(signed, Tensor::from_slice(expected));
            Ok(())
        };
        check(&[0.0, 1.0, 1.0], &[-1.0, 1.0, 1.0])?;
        check(&[-1.0, 1.0], &[-1.0, 1.0])?;
        check(&[1.0, 1.0], &[1.0, 1.0])?;
        check(&[-1.0, 0.0, 1.0], &[-1.0, 0.0, 1.0])
    }
}
