use std::fmt;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::{Result, Shape, SparseCategoricalCrossentropy};

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

/// The options of one of this crate's losses, as a saved model keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LossConfig(pub(crate) LossKind);

/// The kinds of losses by their names in Keras.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config", deny_unknown_fields)]
pub(crate) enum LossKind {
    SparseCategoricalCrossentropy {
        from_logits: bool,
        label_smoothing: f64,
    },
}

impl LossConfig {
    /// The loss that has these options.
    pub(crate) fn into_loss(self) -> Box<dyn Loss> {
        match self.0 {
            LossKind::SparseCategoricalCrossentropy {
                from_logits,
                label_smoothing,
            } => Box::new(
                SparseCategoricalCrossentropy::new()
                    .from_logits(from_logits)
                    .label_smoothing(label_smoothing),
            ),
        }
    }
}
