use std::borrow::Borrow;

use tch::{Tensor, no_grad_guard};

use super::own_convolutions::OwnConvolutions;
use super::{Engine, Objective, piece_size};
use crate::data::spans::spans;
use crate::tensors::casts::Casts;
use crate::{Error, Model, Phase, Result};

/// Gradients as libtorch derives them, piece by piece of the batch; convolutions that we
/// multiply with less are left to [`OwnConvolutions`].
#[derive(Debug)]
pub(crate) struct Autograd {
    leaves: Vec<Tensor>,
    convolutions: Option<OwnConvolutions>,
    piece: i64,
}

impl Autograd {
    pub(crate) fn of(model: &Model, batch_size: i64) -> Result<Self> {
        let piece = piece_size(model, batch_size)?;
        let parameters = model
            .parameters()
            .into_iter()
            .map(|(_, parameter)| parameter);
        Ok(Self {
            leaves: parameters
                .filter(|parameter| parameter.trainable)
                .map(|parameter| parameter.value)
                .collect(),
            convolutions: OwnConvolutions::of(model, piece)?,
            piece,
        })
    }
}

impl Engine for Autograd {
    fn gradients(
        &mut self,
        model: &Model,
        inputs: &[Tensor],
        objective: &mut dyn Objective,
    ) -> Result<Vec<Tensor>> {
        let batch = inputs.first().map_or(0, |x| x.size()[0]);
        let _casts = Casts::keep();
        let mut gradients: Vec<Tensor> = Vec::new();
        for (start, length) in spans(batch, self.piece.min(batch).max(1)) {
            let piece = inputs.iter().map(|x| Ok(x.f_narrow(0, start, length)?));
            let piece = piece.collect::<Result<Vec<Tensor>>>()?;
            let ((outputs, masks), junctions) = match &self.convolutions {
                Some(convolutions) => {
                    let (output, junctions) = convolutions.forward(model, &piece[0])?;
                    ((vec![output], Vec::new()), junctions)
                }
                None => (model.compute_masked(&piece, Phase::Train)?, Vec::new()),
            };
            let mut loss = objective.of(&outputs, &masks, start, length)?;
            if start == 0
                && let Some(penalty) = model.penalty()?
            {
                objective.penalty(&penalty)?;
                loss = loss.f_add(&penalty)?;
            }
            let derived = match &self.convolutions {
                Some(convolutions) => convolutions.gradients(loss, junctions)?,
                None => derivatives(
                    &loss,
                    &self.leaves,
                    false,
                    "unfreeze a layer, or compute an own loss from y_pred with tensor operations",
                )?,
            };
            if gradients.is_empty() {
                gradients = derived;
                continue;
            }
            for (sum, gradient) in gradients.iter_mut().zip(&derived) {
                let _ = sum.f_add_(gradient)?;
            }
        }
        Ok(gradients)
    }
}

/// The gradients of a loss by these leaves; `advice` says what to do about one that depends on none.
///
/// With `keep_graph` another loss may be derived that shares parts of its computation.
pub(crate) fn derivatives<T: Borrow<Tensor>>(
    loss: &Tensor,
    leaves: &[T],
    keep_graph: bool,
    advice: &str,
) -> Result<Vec<Tensor>> {
    if !loss.requires_grad() {
        return Err(Error::option(
            "loss",
            "one that depends on the weights",
            "one that does not",
            advice,
        ));
    }
    let mut gradients = Tensor::f_run_backward(&[loss], leaves, keep_graph, false)
        .map_err(|error| Error::from(error).within("the gradients"))?;
    // A weight that the loss does not depend on has no gradient at all.
    let _guard = no_grad_guard();
    for (gradient, leaf) in gradients.iter_mut().zip(leaves) {
        if !gradient.defined() {
            *gradient = leaf.borrow().f_zeros_like()?;
        }
    }
    Ok(gradients)
}
