use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tch::{Device, Kind, Tensor, no_grad_guard};

use crate::custom::Names;
use crate::losses::loss_fn::call;
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
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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
    /// 0 everywhere.
    Zeros,
    /// 1 everywhere.
    Ones,
    /// One number everywhere.
    Constant {
        /// The number.
        value: f64,
    },
    /// Normal, not cut off. Keras's defaults: mean 0, standard deviation 0.05.
    RandomNormal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        stddev: f64,
    },
    /// Normal, cut off at two of these deviations and not widened. Keras's defaults: mean 0,
    /// standard deviation 0.05.
    TruncatedNormal {
        /// Mean.
        mean: f64,
        /// Standard deviation before the cut.
        stddev: f64,
    },
    /// Uniform between two bounds. Keras's defaults: ±0.05.
    RandomUniform {
        /// The least.
        minval: f64,
        /// The bound that is not reached.
        maxval: f64,
    },
    /// Of variance `scale` over a number of inputs or outputs: what most others here are cases of.
    VarianceScaling {
        /// The variance of what comes out of a unit whose inputs have variance 1.
        scale: f64,
        /// Which number.
        mode: FanMode,
        /// How the numbers are spread.
        distribution: Distribution,
    },
    /// A matrix of orthonormal rows or columns, whichever are fewer, times a gain (Saxe et al.
    /// 2013). A convolution's filters are its rows.
    Orthogonal {
        /// What the matrix is multiplied by.
        gain: f64,
    },
    /// The identity matrix times a gain, for kernels of dense layers.
    Identity {
        /// What the matrix is multiplied by.
        gain: f64,
    },
    /// One of a person's own: [`Initializer::custom`].
    Custom(CustomInitializer),
}

/// The name of an initializer of a person's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomInitializer(&'static str);

/// What a person writes: sizes of the weight, fan_in, fan_out to its numbers.
type Function = dyn Fn(&[i64], f64, f64) -> Tensor + Send + Sync;

static CUSTOM: Names<Function> = Names::new();

impl Serialize for CustomInitializer {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CustomInitializer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = CUSTOM.get(&name).map(|(name, _)| Self(name));
        known.ok_or_else(|| {
            D::Error::custom(format!(
                "the initializer {name:?}, which is unknown until Initializer::custom is called \
                 with this name"
            ))
        })
    }
}

/// What a [`VarianceScaling`](Initializer::VarianceScaling) divides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// The number of inputs of an output.
    #[default]
    FanIn,
    /// The number of outputs of an input.
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// How random numbers of one variance are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normal, cut off at two deviations and widened to make up for it.
    #[default]
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

/// How one initializer draws.
enum Draw {
    Constant(f64),
    Normal { mean: f64, deviation: f64 },
    CutNormal { mean: f64, deviation: f64 },
    Uniform { low: f64, high: f64 },
    Orthogonal(f64),
    Identity(f64),
}

/// Standard deviation of a standard normal distribution cut off at ±2.
const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;

impl Initializer {
    /// An initializer of a person's own, known by its name from now on: a function of the
    /// weight's sizes, `fan_in` and `fan_out`, that gives its numbers.
    ///
    /// A saved model tells its name; it has to be made again before the model is loaded. Drawing
    /// from libtorch's generator gives other numbers each time, unless
    /// [`set_random_seed`](crate::set_random_seed) was called before.
    ///
    /// ```
    /// use labbook_nn::{Dense, Initializer};
    /// use tch::{Device, Kind, Tensor};
    ///
    /// let small = Initializer::custom("small", |sizes, fan_in, _| {
    ///     Tensor::randn(sizes, (Kind::Float, Device::Cpu)) * (0.1 / fan_in)
    /// });
    /// let layer = Dense::new(8).kernel_initializer(small);
    /// ```
    #[must_use]
    pub fn custom(
        name: &str,
        function: impl Fn(&[i64], f64, f64) -> Tensor + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(CustomInitializer(CUSTOM.set(name, Arc::new(function))))
    }

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

    /// A weight of any sizes, given the numbers of inputs and outputs that one output or input
    /// is connected to.
    pub(crate) fn draw(
        self,
        sizes: &[i64],
        fans: (f64, f64),
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
        if let Self::Custom(CustomInitializer(name)) = self {
            return custom(name, sizes, fans, device);
        }
        let values = match self.how(fans) {
            Draw::Constant(value) => {
                return Ok(Tensor::f_full(sizes, value, (Kind::Float, device))?);
            }
            Draw::Orthogonal(gain) => {
                let rows = sizes.first().copied().unwrap_or(1).max(1);
                let matrix = orthogonal([rows, count / rows], rng)?.f_mul_scalar(gain)?;
                return Ok(matrix.f_reshape(sizes)?.f_to_device(device)?);
            }
            Draw::Identity(gain) => {
                let weight = Tensor::f_zeros(sizes, (Kind::Float, device))?;
                if sizes.len() == 2 {
                    let _ = weight.f_diagonal(0, 0, 1)?.f_fill_(gain)?;
                }
                return Ok(weight);
            }
            Draw::CutNormal { mean, deviation } => shifted(rng.cut_normal(count, deviation)?, mean),
            Draw::Normal { mean, deviation } => shifted(rng.normal(count, deviation)?, mean),
            Draw::Uniform { low, high } => shifted(
                rng.uniform(count, ((high - low) / 2.0) as f32)?,
                (low + high) / 2.0,
            ),
        };
        Ok(Tensor::f_from_slice(&values)?
            .f_reshape(sizes)?
            .f_to_device(device)?)
    }

    fn how(self, (fan_in, fan_out): (f64, f64)) -> Draw {
        let both = (fan_in + fan_out) / 2.0;
        let cut = |variance: f64| Draw::CutNormal {
            mean: 0.0,
            deviation: variance.sqrt() / CUT_DEVIATION,
        };
        let even = |variance: f64| Draw::Uniform {
            low: -(3.0 * variance).sqrt(),
            high: (3.0 * variance).sqrt(),
        };
        match self {
            Self::GlorotUniform => even(1.0 / both),
            Self::GlorotNormal => cut(1.0 / both),
            Self::HeUniform => even(2.0 / fan_in),
            Self::HeNormal => cut(2.0 / fan_in),
            Self::LecunUniform => even(1.0 / fan_in),
            Self::LecunNormal => cut(1.0 / fan_in),
            Self::UniformFanIn | Self::Dirac => even(1.0 / (3.0 * fan_in)),
            // One of a person's own draws by itself.
            Self::Zeros | Self::Custom(_) => Draw::Constant(0.0),
            Self::Ones => Draw::Constant(1.0),
            Self::Constant { value } => Draw::Constant(value),
            Self::RandomNormal { mean, stddev } => Draw::Normal {
                mean,
                deviation: stddev,
            },
            Self::TruncatedNormal { mean, stddev } => Draw::CutNormal {
                mean,
                deviation: stddev,
            },
            Self::RandomUniform { minval, maxval } => Draw::Uniform {
                low: minval,
                high: maxval,
            },
            Self::VarianceScaling {
                scale,
                mode,
                distribution,
            } => {
                let fan = match mode {
                    FanMode::FanIn => fan_in,
                    FanMode::FanOut => fan_out,
                    FanMode::FanAvg => both,
                };
                let variance = scale / fan.max(1.0);
                match distribution {
                    Distribution::TruncatedNormal => cut(variance),
                    Distribution::Uniform => even(variance),
                    Distribution::UntruncatedNormal => Draw::Normal {
                        mean: 0.0,
                        deviation: variance.sqrt(),
                    },
                }
            }
            Self::Orthogonal { gain } => Draw::Orthogonal(gain),
            Self::Identity { gain } => Draw::Identity(gain),
        }
    }

    /// An initializer by Keras's name for it, such as `he_normal` or `HeNormal`, with Keras's
    /// defaults.
    ///
    /// ```
    /// use labbook_nn::{Dense, Initializer};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let dense = Dense::new(8).kernel_initializer(Initializer::by_name("he_normal")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn by_name(name: &str) -> Result<Self> {
        let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let found = NAMED.iter().find(|(known, _)| {
            let known = known.replace('_', "");
            known == plain.to_lowercase()
        });
        found.map(|&(_, initializer)| initializer).ok_or_else(|| {
            let known: Vec<&str> = NAMED.iter().map(|&(name, _)| name).collect();
            Error::option(
                "initializer",
                format!("one of {}", known.join(", ")),
                name,
                "or one with options, such as Initializer::Constant { value: 0.1 }",
            )
        })
    }

    /// Checks the numbers of its options.
    pub(crate) fn check(self, option: &str, context: &crate::BuildContext<'_>) -> Result<()> {
        let positive = |value: f64| value.is_finite() && value >= 0.0;
        let fits = match self {
            Self::Constant { value: number }
            | Self::Orthogonal { gain: number }
            | Self::Identity { gain: number } => number.is_finite(),
            Self::RandomNormal { mean, stddev } | Self::TruncatedNormal { mean, stddev } => {
                mean.is_finite() && positive(stddev)
            }
            Self::RandomUniform { minval, maxval } => {
                minval.is_finite() && maxval.is_finite() && minval <= maxval
            }
            Self::VarianceScaling { scale, .. } => positive(scale) && scale > 0.0,
            _ => true,
        };
        match fits {
            true => Ok(()),
            false => Err(context.error(
                &format!("a {option} of finite numbers, deviations and scales above 0"),
                format!("{self:?}"),
                "use Initializer::by_name(\"glorot_uniform\") or others with their defaults",
            )),
        }
    }
}

/// Keras's names, with its defaults.
const NAMED: &[(&str, Initializer)] = &[
    ("glorot_uniform", Initializer::GlorotUniform),
    ("glorot_normal", Initializer::GlorotNormal),
    ("he_uniform", Initializer::HeUniform),
    ("he_normal", Initializer::HeNormal),
    ("lecun_uniform", Initializer::LecunUniform),
    ("lecun_normal", Initializer::LecunNormal),
    ("zeros", Initializer::Zeros),
    ("ones", Initializer::Ones),
    ("constant", Initializer::Constant { value: 0.0 }),
    (
        "random_normal",
        Initializer::RandomNormal {
            mean: 0.0,
            stddev: 0.05,
        },
    ),
    (
        "truncated_normal",
        Initializer::TruncatedNormal {
            mean: 0.0,
            stddev: 0.05,
        },
    ),
    (
        "random_uniform",
        Initializer::RandomUniform {
            minval: -0.05,
            maxval: 0.05,
        },
    ),
    (
        "variance_scaling",
        Initializer::VarianceScaling {
            scale: 1.0,
            mode: FanMode::FanIn,
            distribution: Distribution::TruncatedNormal,
        },
    ),
    ("orthogonal", Initializer::Orthogonal { gain: 1.0 }),
    ("identity", Initializer::Identity { gain: 1.0 }),
];

/// What a function of a person's own gives, checked.
fn custom(name: &str, sizes: &[i64], fans: (f64, f64), device: Device) -> Result<Tensor> {
    let what = format!("the initializer {name}");
    let Some((_, function)) = CUSTOM.get(name) else {
        return Err(Error::option(
            "initializer",
            "one that is known",
            name,
            "call Initializer::custom with its name first",
        ));
    };
    let weight = call(&what, || function(sizes, fans.0, fans.1))?;
    match weight.size() == sizes {
        true => Ok(weight
            .f_detach()?
            .f_to_device(device)?
            .f_to_kind(Kind::Float)?),
        false => Err(Error::data(
            &what,
            format!("a tensor of the sizes {sizes:?}"),
            format!("{:?}", weight.size()),
            "make it with the sizes that the function is given",
        )),
    }
}

/// Numbers with another mean.
fn shifted(mut values: Vec<f32>, mean: f64) -> Vec<f32> {
    if mean != 0.0 {
        for value in &mut values {
            *value += mean as f32;
        }
    }
    values
}

/// A matrix of orthonormal rows or columns: the Q of a random one, with signs that make it
/// equally likely to lie in any direction.
fn orthogonal([rows, columns]: [i64; 2], rng: &mut Rng) -> Result<Tensor> {
    let (long, short) = (rows.max(columns), rows.min(columns));
    let numbers = rng.normal(long.saturating_mul(short), 1.0)?;
    let random = Tensor::f_from_slice(&numbers)?.f_reshape([long, short])?;
    let (q, r) = Tensor::f_linalg_qr(&random, "reduced")?;
    let q = q.f_mul(&r.f_diagonal(0, 0, 1)?.f_sign()?)?;
    match rows < columns {
        true => Ok(q.f_tr()?.f_contiguous()?),
        false => Ok(q),
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
