use std::fmt;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Result;

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
}

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
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
