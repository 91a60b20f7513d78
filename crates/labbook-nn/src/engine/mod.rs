//! How a training step is computed: by autograd, or by one of two ways around it.
//!
//! [`choose`] is the one place where that is decided.

pub(crate) mod allocator;
mod autograd;
pub(crate) mod kernels;
mod own_convolutions;
mod pieces;
mod pixel_network;
mod pixels;

use tch::Tensor;

pub(crate) use autograd::derivatives;
pub(crate) use pieces::piece_size;

use crate::{Model, Output, Result};

/// What is to be derived: the loss of what the model computes.
pub(crate) trait Objective {
    /// The share that some examples of the batch, `length` from `start` on, have in its loss;
    /// without penalties. Outputs may have masks.
    fn of(
        &mut self,
        outputs: &[Output],
        masks: &[Option<Tensor>],
        start: i64,
        length: i64,
    ) -> Result<Tensor>;

    /// Is told the layers' penalties, if they have any, once a step.
    fn penalty(&mut self, penalty: &Tensor) -> Result<()>;
}

/// A way to compute the gradients of a training step.
pub(crate) trait Engine {
    /// The gradients of the loss, with penalties, by all weights that training changes, in the
    /// model's order of them.
    fn gradients(
        &mut self,
        model: &Model,
        inputs: &[Tensor],
        objective: &mut dyn Objective,
    ) -> Result<Vec<Tensor>>;
}

/// The fastest way that fits a model and its batches.
pub(crate) fn choose(model: &Model, batch_size: i64) -> Result<Box<dyn Engine>> {
    if let Some(pixels) = pixels::Pixels::of(model, batch_size)? {
        return Ok(Box::new(pixels));
    }
    Ok(Box::new(autograd::Autograd::of(model, batch_size)?))
}
