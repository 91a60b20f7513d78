use std::fmt;

use tch::{Kind, Tensor};

use crate::{Result, Shape};

/// What a model computed for a batch.
#[derive(Debug)]
pub enum Output {
    /// The values before the softmax that ends the last layer.
    Logits(Tensor),
    /// The output of a last layer that ends otherwise.
    Values(Tensor),
}

impl Output {
    /// What `predict` would give: the softmax of logits, other values as they are.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn predictions(&self) -> Result<Tensor> {
        match self {
            Self::Logits(logits) => Ok(logits.f_softmax(-1, None::<Kind>)?),
            Self::Values(values) => Ok(values.shallow_clone()),
        }
    }
}

/// How far predictions are from the labels.
pub trait Loss: fmt::Debug + Send {
    /// Name as in Keras, such as `sparse_categorical_crossentropy`.
    fn name(&self) -> &'static str;

    /// How many classes a model with this output has.
    ///
    /// # Errors
    /// When the loss cannot be computed for such an output.
    fn classes(&self, output: &Shape) -> Result<i64>;

    /// The mean over the batch, as a tensor without axes; labels are `i64` of shape (N,).
    ///
    /// # Errors
    /// When libtorch refuses.
    fn mean(&self, output: &Output, labels: &Tensor) -> Result<Tensor>;
}
