use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad_guard};

use crate::random::Rng;
use crate::{Error, Result};

/// What a kernel is before training. The default is [`GlorotUniform`](Self::GlorotUniform), as in
/// Keras.
///
/// With `fan_in` and `fan_out` the numbers of inputs and outputs that one output or input is
/// connected to: units of a Dense layer, channels and filters of a convolution times the area of
/// its kernel. Normal distributions are cut off at two standard deviations and widened to make up
/// for it, as in Keras.
///
/// ```
/// use labbook_nn::{Dense, Initializer, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(8);
/// let outputs = Dense::new(4).kernel_initializer(Initializer::HeNormal).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Initializer {
    /// Uniform over ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
    #[default]
    GlorotUniform,
    /// Normal of variance 2 / (fan_in + fan_out).
    GlorotNormal,
    /// Uniform over ±sqrt(6 / fan_in) (He et al. 2015), made for ReLU.
    HeUniform,
    /// Normal of variance 2 / fan_in.
    HeNormal,
    /// Uniform over ±sqrt(3 / fan_in) (LeCun et al. 1998).
    LecunUniform,
    /// Normal of variance 1 / fan_in.
    LecunNormal,
    /// Uniform over ±1 / sqrt(fan_in): the default of PyTorch's layers.
    UniformFanIn,
    /// [`UniformFanIn`](Self::UniformFanIn), except that the first outputs pass the inputs on
    /// unchanged, as far as there are as many: filter i is 1 at the centre of channel i and 0
    /// elsewhere (Zagoruyko and Komodakis 2017).
    Dirac,
}

/// Standard deviation of a standard normal distribution cut off at ±2.
const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;

impl Initializer {
    /// A kernel stored as (outputs, height, width, inputs).
    pub(crate) fn convolution(
        self,
        [filters, height, width, channels]: [i64; 4],
        rng: &mut Rng,
        device: Device,
    ) -> Result<Tensor> {
        let field = height as f64 * width as f64;
        let fans = (field * channels as f64, field * filters as f64);
        let kernel = self.draw(&[filters, height, width, channels], fans, rng, device)?;
        if self == Self::Dirac {
            let _guard = no_grad_guard();
            let count = filters.min(channels);
            let _ = kernel.f_narrow(0, 0, count)?.f_zero_()?;
            let centre = kernel
                .f_select(1, (height - 1) / 2)?
                .f_select(1, (width - 1) / 2)?;
            let _ = centre
                .f_narrow(0, 0, count)?
                .f_diagonal(0, 0, 1)?
                .f_fill_(1.0)?;
        }
        Ok(kernel)
    }

    /// A kernel of shape (inputs, units).
    pub(crate) fn dense(
        self,
        [inputs, units]: [i64; 2],
        rng: &mut Rng,
        device: Device,
    ) -> Result<Tensor> {
        let fans = (inputs as f64, units as f64);
        let kernel = self.draw(&[inputs, units], fans, rng, device)?;
        if self == Self::Dirac {
            let _guard = no_grad_guard();
            let _ = kernel.f_narrow(1, 0, inputs.min(units))?.f_zero_()?;
            let _ = kernel.f_diagonal(0, 0, 1)?.f_fill_(1.0)?;
        }
        Ok(kernel)
    }

    fn draw(
        self,
        sizes: &[i64],
        (fan_in, fan_out): (f64, f64),
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
        let variance = match self {
            Self::GlorotUniform | Self::GlorotNormal => 2.0 / (fan_in + fan_out),
            Self::HeUniform | Self::HeNormal => 2.0 / fan_in,
            Self::LecunUniform | Self::LecunNormal => 1.0 / fan_in,
            Self::UniformFanIn | Self::Dirac => 1.0 / (3.0 * fan_in),
        };
        let values = match self {
            Self::GlorotNormal | Self::HeNormal | Self::LecunNormal => {
                rng.cut_normal(count, variance.sqrt() / CUT_DEVIATION)?
            }
            _ => rng.uniform(count, (3.0 * variance).sqrt() as f32)?,
        };
        Ok(Tensor::f_from_slice(&values)?
            .f_reshape(sizes)?
            .f_to_device(device)?)
    }
}

/// A weight that training changes, filled with zeros.
pub(crate) fn zeros(size: i64, device: Device) -> Result<Tensor> {
    Ok(Tensor::f_zeros([size], (Kind::Float, device))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convolution(initializer: Initializer) -> Result<Tensor> {
        initializer.convolution([32, 3, 3, 3], &mut Rng::new(1, 0), Device::Cpu)
    }

    #[test]
    fn uniform_kernels_fill_their_bounds_evenly() -> Result<()> {
        for (initializer, limit) in [
            (
                Initializer::GlorotUniform,
                (6.0_f64 / (27.0 + 288.0)).sqrt(),
            ),
            (Initializer::HeUniform, (6.0_f64 / 27.0).sqrt()),
            (Initializer::LecunUniform, (3.0_f64 / 27.0).sqrt()),
            (Initializer::UniformFanIn, (1.0_f64 / 27.0).sqrt()),
        ] {
            let kernel = convolution(initializer)?;
            let largest = kernel.abs().max().double_value(&[]);
            assert!(largest <= limit * (1.0 + 1e-6) && largest > 0.98 * limit);
            assert!(kernel.mean(Kind::Double).double_value(&[]).abs() < 0.05 * limit);
            // The standard deviation of a uniform distribution is limit / sqrt(3).
            let deviation = kernel.std(true).double_value(&[]);
            assert!((deviation * 3.0_f64.sqrt() / limit - 1.0).abs() < 0.05);
        }
        Ok(())
    }

    #[test]
    fn normal_kernels_have_their_variance_within_two_deviations() -> Result<()> {
        for (initializer, variance) in [
            (Initializer::GlorotNormal, 2.0_f64 / (100.0 + 200.0)),
            (Initializer::HeNormal, 2.0 / 100.0),
            (Initializer::LecunNormal, 1.0 / 100.0),
        ] {
            let kernel = initializer.dense([100, 200], &mut Rng::new(2, 0), Device::Cpu)?;
            let deviation = kernel.std(true).double_value(&[]);
            assert!((deviation / variance.sqrt() - 1.0).abs() < 0.02);
            let bound = 2.0 * variance.sqrt() / CUT_DEVIATION;
            let largest = kernel.abs().max().double_value(&[]);
            assert!(largest < bound * (1.0 + 1e-6) && largest > 0.98 * bound);
        }
        Ok(())
    }

    #[test]
    fn the_first_filters_of_dirac_are_the_identity() -> Result<()> {
        let kernel = convolution(Initializer::Dirac)?;
        let uniform = convolution(Initializer::UniformFanIn)?;
        assert_eq!(kernel.narrow(0, 3, 29), uniform.narrow(0, 3, 29));
        let x = Tensor::rand([2, 3, 6, 5], (Kind::Float, Device::Cpu));
        let kernel = kernel.permute([0, 3, 1, 2]);
        let y = x.conv2d(&kernel, None::<Tensor>, 1, 1, 1, 1);
        assert_eq!(y.narrow(1, 0, 3), x);
        let dense = Initializer::Dirac.dense([3, 5], &mut Rng::new(1, 0), Device::Cpu)?;
        let x = Tensor::rand([2, 3], (Kind::Float, Device::Cpu));
        assert_eq!(x.matmul(&dense).narrow(1, 0, 3), x);
        assert!(dense.narrow(1, 3, 2).abs().min().double_value(&[]) > 0.0);
        Ok(())
    }

    #[test]
    fn a_kernel_too_large_to_count_is_an_error() {
        let sizes = [i64::MAX, i64::MAX];
        let kernel = Initializer::default().dense(sizes, &mut Rng::new(1, 0), Device::Cpu);
        assert!(kernel.is_err());
    }
}
