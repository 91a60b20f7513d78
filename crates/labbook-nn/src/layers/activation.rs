use std::fmt;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::{Error, Result};

/// The function at the end of a layer. The default is [`Linear`](Activation::Linear).
///
/// ```
/// use labbook_nn::{Activation, Dense};
///
/// let hidden = Dense::new(8).activation(Activation::Relu);
/// let classes = Dense::new(3).activation(Activation::Softmax);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// The identity.
    #[default]
    Linear,
    /// max(x, 0).
    Relu,
    /// exp(x) over its sum along the last axis.
    Softmax,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// x times the standard normal distribution function of x (the exact form, as in Keras).
    Gelu,
    /// x where positive, else exp(x) - 1.
    Elu,
    /// x where positive, else 0.3 x: the slope of Keras 2.4's layer of this name.
    LeakyRelu,
    /// ln(1 + exp(x)).
    Softplus,
    /// x times its sigmoid; Keras 2.4 calls it swish.
    #[serde(alias = "swish")]
    Silu,
    /// max(x, 0), but at most 6.
    Relu6,
    /// The scaled exponential linear unit (Klambauer et al. 2017): 1.0507 times x where
    /// positive, else 1.0507 · 1.67326 (exp(x) - 1).
    Selu,
    /// x / (|x| + 1).
    Softsign,
    /// x / 6 + 1/2, cut off at 0 and 1.
    HardSigmoid,
    /// x times its hard sigmoid; also called hard swish.
    #[serde(alias = "hard_swish")]
    HardSilu,
    /// exp(x).
    Exponential,
    /// x times the hyperbolic tangent of its softplus.
    Mish,
    /// The logarithm of softmax.
    LogSoftmax,
    /// The logarithm of the sigmoid.
    LogSigmoid,
    /// As [`Elu`](Self::Elu): Keras's `celu` at its default alpha of 1.
    Celu,
    /// x, cut off at -1 and 1.
    HardTanh,
    /// x, but 0 from -0.5 to 0.5.
    HardShrink,
    /// x moved towards 0 by 0.5 and no further.
    SoftShrink,
    /// x less its hyperbolic tangent.
    TanhShrink,
    /// (x + sqrt(x² + 4)) / 2.
    Squareplus,
    /// 0 up to -1, x from 1 on, (x + 1)² / 4 between.
    SparsePlus,
    /// (x + 1) / 2, cut off at 0 and 1.
    SparseSigmoid,
    /// The nearest distribution to x along the last axis (Martins and Astudillo 2016): as
    /// softmax, but most numbers become 0.
    Sparsemax,
}

/// All of them.
const ALL: [Activation; 28] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Softmax,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::Elu,
    Activation::LeakyRelu,
    Activation::Softplus,
    Activation::Silu,
    Activation::Relu6,
    Activation::Selu,
    Activation::Softsign,
    Activation::HardSigmoid,
    Activation::HardSilu,
    Activation::Exponential,
    Activation::Mish,
    Activation::LogSoftmax,
    Activation::LogSigmoid,
    Activation::Celu,
    Activation::HardTanh,
    Activation::HardShrink,
    Activation::SoftShrink,
    Activation::TanhShrink,
    Activation::Squareplus,
    Activation::SparsePlus,
    Activation::SparseSigmoid,
    Activation::Sparsemax,
];

/// What a leaky ReLU leaves of negative numbers.
const LEAK: f64 = 0.3;

impl Activation {
    /// Applies the function; `x` may have any shape, with classes on the last axis.
    ///
    /// `x` is overwritten where that saves a copy, so it has to be a tensor that nothing else
    /// needs and that is no view of one.
    ///
    /// # Errors
    /// When libtorch runs out of memory.
    pub fn apply(self, mut x: Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Linear => x,
            Self::Relu => x.f_relu_()?,
            Self::Softmax => x.f_softmax(-1, None::<Kind>)?,
            Self::Sigmoid => x.f_sigmoid_()?,
            Self::Tanh => x.f_tanh_()?,
            Self::Gelu => x.f_gelu("none")?,
            Self::Elu => x.f_elu_()?,
            Self::LeakyRelu => x.f_maximum(&x.f_mul_scalar(LEAK)?)?,
            Self::Softplus => x.f_softplus()?,
            Self::Silu => x.f_silu()?,
            Self::Relu6 => x.f_relu6()?,
            Self::Selu => x.f_selu()?,
            Self::Softsign => x.f_div(&x.f_abs()?.f_add_scalar(1.0)?)?,
            Self::HardSigmoid => x.f_hardsigmoid()?,
            Self::HardSilu => x.f_hardswish()?,
            Self::Exponential => x.f_exp()?,
            Self::Mish => x.f_mish()?,
            Self::LogSoftmax => x.f_log_softmax(-1, None::<Kind>)?,
            Self::LogSigmoid => x.f_log_sigmoid()?,
            Self::Celu => x.f_elu()?,
            Self::HardTanh => x.f_hardtanh()?,
            Self::HardShrink => x.f_hardshrink()?,
            Self::SoftShrink => x.f_softshrink()?,
            Self::TanhShrink => x.f_sub(&x.f_tanh()?)?,
            Self::Squareplus => {
                let root = x.f_square()?.f_add_scalar(4.0)?.f_sqrt()?;
                x.f_add(&root)?.f_mul_scalar(0.5)?
            }
            Self::SparsePlus => {
                let curve = x.f_clamp(-1.0, 1.0)?.f_add_scalar(1.0)?.f_square()?;
                let line = x.f_sub_scalar(1.0)?.f_relu()?;
                curve.f_mul_scalar(0.25)?.f_add(&line)?
            }
            Self::SparseSigmoid => x.f_add_scalar(1.0)?.f_mul_scalar(0.5)?.f_clamp(0.0, 1.0)?,
            Self::Sparsemax => sparsemax(&x)?,
        })
    }

    /// Whether it is no function of each number alone.
    pub(crate) fn sees_the_last_axis(self) -> bool {
        matches!(self, Self::Softmax | Self::LogSoftmax | Self::Sparsemax)
    }

    /// A function by Keras's name for it, such as `relu` or `hard_swish`.
    ///
    /// ```
    /// use labbook_nn::{Activation, Dense};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let dense = Dense::new(8).activation(Activation::by_name("selu")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn by_name(name: &str) -> Result<Self> {
        let wanted = match name.to_lowercase().as_str() {
            "swish" => "silu".to_owned(),
            "hard_swish" => "hard_silu".to_owned(),
            other => other.to_owned(),
        };
        let found = ALL.into_iter().find(|known| known.to_string() == wanted);
        found.ok_or_else(|| {
            Error::option(
                "activation",
                format!("one of {}", ALL.map(|known| known.to_string()).join(", ")),
                name,
                "see Activation for what each computes",
            )
        })
    }

    /// Applies the function to a tensor that has to stay as it is.
    pub(crate) fn of(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Relu => x.f_relu()?,
            Self::Sigmoid => x.f_sigmoid()?,
            Self::Tanh => x.f_tanh()?,
            Self::Elu => x.f_elu()?,
            _ => self.apply(x.shallow_clone())?,
        })
    }
}

impl fmt::Display for Activation {
    /// The name that Keras gives the function.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::Elu => "elu",
            Self::LeakyRelu => "leaky_relu",
            Self::Softplus => "softplus",
            Self::Silu => "silu",
            Self::Relu6 => "relu6",
            Self::Selu => "selu",
            Self::Softsign => "softsign",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardSilu => "hard_silu",
            Self::Exponential => "exponential",
            Self::Mish => "mish",
            Self::LogSoftmax => "log_softmax",
            Self::LogSigmoid => "log_sigmoid",
            Self::Celu => "celu",
            Self::HardTanh => "hard_tanh",
            Self::HardShrink => "hard_shrink",
            Self::SoftShrink => "soft_shrink",
            Self::TanhShrink => "tanh_shrink",
            Self::Squareplus => "squareplus",
            Self::SparsePlus => "sparse_plus",
            Self::SparseSigmoid => "sparse_sigmoid",
            Self::Sparsemax => "sparsemax",
        })
    }
}

/// x less the number that makes what stays positive of it sum up to 1.
fn sparsemax(x: &Tensor) -> Result<Tensor> {
    let size = x.size();
    let Some(&count) = size.last() else {
        return Ok(x.f_ones_like()?);
    };
    let options = (x.f_kind()?, x.device());
    let places = Tensor::f_arange_start(1, count + 1, options)?;
    let (sorted, _) = x.f_sort(-1, true)?;
    let sums = sorted.f_cumsum(-1, None::<Kind>)?.f_sub_scalar(1.0)?;
    // The largest numbers that stay positive: as many as this holds for.
    let stay = sorted.f_mul(&places)?.f_gt_tensor(&sums)?;
    let stay = stay.f_sum_dim_intlist(-1_i64, true, Kind::Int64)?;
    let sum = sums.f_gather(-1, &stay.f_sub_scalar(1)?.f_clamp_min(0)?, false)?;
    let threshold = sum.f_div(&stay.f_clamp_min(1)?.f_to_kind(options.0)?)?;
    Ok(x.f_sub(&threshold)?.f_relu()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparsemax_gives_the_nearest_distribution() -> Result<()> {
        let x = Tensor::from_slice(&[0.1_f64, 0.5, 0.3, -2.0, 0.2, 5.0, 1.0, 3.0]);
        let y = Activation::Sparsemax.apply(x.reshape([2, 4]))?;
        // 0.1, 0.5 and 0.3 less (0.9 - 1) / 3; 5 alone less 4.
        let third = 0.1 / 3.0;
        let expected = [
            0.1 + third,
            0.5 + third,
            0.3 + third,
            0.0,
            0.0,
            1.0,
            0.0,
            0.0,
        ];
        let expected = Tensor::from_slice(&expected).reshape([2, 4]);
        assert!((y - expected).abs().max().double_value(&[]) < 1e-12);
        Ok(())
    }

    #[test]
    fn names_are_those_of_keras_and_of_files() {
        for activation in ALL {
            let name = activation.to_string();
            assert_eq!(Activation::by_name(&name), Ok(activation));
            let saved = serde_json::to_value(activation).unwrap();
            assert_eq!(saved, name);
        }
        assert_eq!(Activation::by_name("swish"), Ok(Activation::Silu));
        let error = Activation::by_name("rleu").unwrap_err().to_string();
        assert!(error.contains("relu, softmax"), "{error}");
    }

    #[test]
    fn each_function_gives_its_textbook_values() -> Result<()> {
        let check = |activation: Activation, expected: [f64; 2]| -> Result<()> {
            let y = activation.apply(Tensor::from_slice(&[-1.0_f64, 2.0]))?;
            for (i, expected) in expected.iter().enumerate() {
                let value = y.double_value(&[i as i64]);
                assert!((value - expected).abs() < 1e-9, "{activation}: {value}");
            }
            Ok(())
        };
        check(Activation::Linear, [-1.0, 2.0])?;
        check(Activation::Relu, [0.0, 2.0])?;
        check(Activation::Softmax, [0.047_425_873_2, 0.952_574_126_8])?;
        check(Activation::Sigmoid, [0.268_941_421_4, 0.880_797_078_0])?;
        check(Activation::Tanh, [-0.761_594_156_0, 0.964_027_580_1])?;
        check(Activation::Gelu, [-0.158_655_253_9, 1.954_499_736_1])?;
        check(Activation::Elu, [-0.632_120_558_8, 2.0])?;
        check(Activation::LeakyRelu, [-0.3, 2.0])?;
        check(Activation::Softplus, [0.313_261_687_5, 2.126_928_011_0])?;
        check(Activation::Silu, [-0.268_941_421_4, 1.761_594_156_0])
    }
}
