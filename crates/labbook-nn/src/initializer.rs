use tch::{Device, Kind, Tensor};

use crate::random::Rng;
use crate::{Error, Result};

/// Keras's default kernel: uniform over ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
///
/// The fans of a convolution include its receptive field: kh·kw·channels.
pub(crate) fn glorot_uniform(
    sizes: &[i64],
    fan_in: f64,
    fan_out: f64,
    rng: &mut Rng,
    device: Device,
) -> Result<Tensor> {
    let count = sizes
        .iter()
        .try_fold(1_i64, |product, &size| product.checked_mul(size))
        .ok_or_else(|| Error::Torch {
            operation: "a kernel".to_owned(),
            message: format!("it would hold too many numbers: {sizes:?}"),
        })?;
    let limit = (6.0 / (fan_in + fan_out)).sqrt() as f32;
    let values = rng.uniform(count, limit)?;
    Ok(Tensor::f_from_slice(&values)?
        .f_reshape(sizes)?
        .f_to_device(device)?)
}

/// A weight that training changes, filled with zeros.
pub(crate) fn zeros(size: i64, device: Device) -> Result<Tensor> {
    Ok(Tensor::f_zeros([size], (Kind::Float, device))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glorot_kernel_fills_its_bounds_evenly() -> Result<()> {
        let limit = (6.0_f64 / (27.0 + 288.0)).sqrt();
        let kernel = glorot_uniform(
            &[32, 3, 3, 3],
            27.0,
            288.0,
            &mut Rng::new(1, 0),
            Device::Cpu,
        )?;
        let largest = kernel.abs().max().double_value(&[]);
        assert!(largest <= limit && largest > 0.98 * limit);
        assert!(kernel.mean(Kind::Double).double_value(&[]).abs() < 0.05 * limit);
        // The standard deviation of a uniform distribution is limit / sqrt(3).
        let deviation = kernel.std(true).double_value(&[]);
        assert!((deviation * 3.0_f64.sqrt() / limit - 1.0).abs() < 0.05);
        Ok(())
    }

    #[test]
    fn a_kernel_too_large_to_count_is_an_error() {
        let sizes = [i64::MAX, i64::MAX];
        assert!(glorot_uniform(&sizes, 1.0, 1.0, &mut Rng::new(1, 0), Device::Cpu).is_err());
    }
}
