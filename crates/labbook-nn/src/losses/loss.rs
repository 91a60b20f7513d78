use tch::{Kind, Tensor};

use super::config::LossConfig;
use crate::{Error, Result, Shape};

/// What a model computed for a batch at one of its outputs.
///
/// Where the last layer ends with a softmax or a sigmoid, the model stops before it and leaves
/// the function to the loss, which stays exact for probabilities too small for an `f32`.
///
/// ```
/// use labbook_nn::Output;
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let output = Output::BinaryLogits(Tensor::from_slice(&[0_f32]));
/// assert_eq!(output.raw().double_value(&[0]), 0.0);
/// assert_eq!(output.predictions()?.double_value(&[0]), 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum Output {
    /// The values before the softmax that ends the last layer.
    Logits(Tensor),
    /// The values before the sigmoid that ends the last layer.
    BinaryLogits(Tensor),
    /// The output of a last layer that ends otherwise.
    Values(Tensor),
}

impl Output {
    /// What `predict` would give: the softmax or sigmoid of logits, other values as they are.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn predictions(&self) -> Result<Tensor> {
        match self {
            Self::Logits(logits) => Ok(logits.f_softmax(-1, None::<Kind>)?),
            Self::BinaryLogits(logits) => Ok(logits.f_sigmoid()?),
            Self::Values(values) => Ok(values.shallow_clone()),
        }
    }

    /// The numbers as the model left them.
    pub fn raw(&self) -> &Tensor {
        match self {
            Self::Logits(values) | Self::BinaryLogits(values) | Self::Values(values) => values,
        }
    }
}

/// What a loss learns from.
///
/// ```
/// use labbook_nn::{Loss, MeanSquaredError, SparseCategoricalCrossentropy, Targets};
///
/// assert_eq!(SparseCategoricalCrossentropy::new().targets(), Targets::ClassNumbers);
/// assert_eq!(MeanSquaredError::new().targets(), Targets::LikeOutput);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Targets {
    /// Class numbers from 0 on, one for each row along the output's last axis: `i64` of shape
    /// (N,) for an output (N, classes), (N, steps) for (N, steps, classes).
    ClassNumbers,
    /// Numbers in the shape of the output: one-hot rows, measurements, images.
    LikeOutput,
    /// Whatever has one row for each example.
    Any,
}

/// How far a model's output is from the targets.
///
/// A loss of a person's own needs no type: see [`LossFn`](super::LossFn).
///
/// ```
/// use labbook_nn::{Loss, Output, Result, Targets};
/// use tch::{Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// /// Errors above the target count three times.
/// struct Cautious;
///
/// impl Loss for Cautious {
///     fn name(&self) -> &str {
///         "cautious"
///     }
///
///     fn targets(&self) -> Targets {
///         Targets::LikeOutput
///     }
///
///     fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
///         let error = output.predictions()? - targets;
///         let weighted = error.relu() * 3.0 + (-&error).relu();
///         Ok(weighted.mean_dim(-1, false, Kind::Float))
///     }
///
///     fn is_mean_over_examples(&self) -> bool {
///         true
///     }
/// }
///
/// let y = Tensor::from_slice(&[0_f32, 0.0]).reshape([2, 1]);
/// let output = Output::Values(Tensor::from_slice(&[1_f32, -1.0]).reshape([2, 1]));
/// assert_eq!(Cautious.mean(&y, &output)?.double_value(&[]), 2.0);
/// # Ok(())
/// # }
/// ```
pub trait Loss: Send {
    /// Name as in Keras, such as `mean_squared_error`.
    fn name(&self) -> &str;

    /// The options, if a saved model can keep them.
    fn config(&self) -> Option<LossConfig> {
        None
    }

    /// Checks the options.
    ///
    /// # Errors
    /// When one is outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// What it learns from: `fit` and `evaluate` check and convert their targets by it.
    fn targets(&self) -> Targets {
        Targets::LikeOutput
    }

    /// Checks that it can be computed for an output of this shape.
    ///
    /// # Errors
    /// When it cannot.
    fn check_output(&self, output: &Shape) -> Result<()> {
        let _ = output;
        Ok(())
    }

    /// The loss of each example, of shape (N,): means over all axes but the first.
    ///
    /// Targets are as [`targets`](Self::targets) says, on the output's device.
    ///
    /// # Errors
    /// When libtorch refuses, or an own loss gives something else.
    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor>;

    /// The mean over the batch, as a tensor without axes.
    ///
    /// # Errors
    /// As [`per_example`](Self::per_example).
    fn mean(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        Ok(self.per_example(targets, output)?.f_mean(None::<Kind>)?)
    }

    /// The mean over the batch of these targets and predictions, as autograd records it: the
    /// `loss(y_true, y_pred)` of Keras, for training steps of a person's own.
    ///
    /// Predictions are what a model's output is, softmax or sigmoid included.
    ///
    /// # Errors
    /// As [`per_example`](Self::per_example).
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        self.mean(y_true, &Output::Values(y_pred.shallow_clone()))
    }

    /// Whether the batch's loss is the mean of what each example gives by itself.
    ///
    /// Only then may a batch go through the model in pieces whose gradients are added up. The
    /// safe answer is the default.
    fn is_mean_over_examples(&self) -> bool {
        false
    }
}

/// The mean over all axes but the first: a number for each example.
pub(crate) fn mean_of_each_example(values: &Tensor) -> Result<Tensor> {
    match values.dim() {
        0 => Err(Error::data(
            "the loss",
            "a number for each example, shape (N,)",
            "a single number",
            "keep the first axis, for instance with mean_dim(-1, ..)",
        )),
        1 => Ok(values.shallow_clone()),
        _ => {
            let count = values.size()[0];
            Ok(values.f_reshape([count, -1])?.f_mean_dim(
                [1_i64].as_slice(),
                false,
                None::<Kind>,
            )?)
        }
    }
}
