use std::fmt;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Result;

/// The function at the end of a layer. The default is [`Linear`](Activation::Linear).
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
}

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
        check(Activation::Gelu, [-0.158_655_253_9, 1.954_499_736_1])
    }
}
