use std::fmt;
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use crate::tensors::sum::plus;
use crate::{Phase, Regularizer, Result};

/// What the outputs of a layer add to the loss, from the forward pass until the model asks.
#[derive(Default)]
pub(super) struct Activity(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Of the step that is being made, with autograd's graph.
    step: Option<Tensor>,
    /// The penalties of all outputs since evaluation began, and of how many examples they are.
    sum: Option<Tensor>,
    examples: i64,
}

impl Activity {
    /// Adds the penalty of an output.
    pub(super) fn see(&self, regularizer: Regularizer, y: &Tensor, phase: Phase) -> Result<()> {
        let examples = y.size().first().copied().unwrap_or(1).max(1);
        let penalty = regularizer.penalty(&y.f_to_kind(Kind::Float)?)?;
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, term) = match phase {
            // A layer that is called twice counts twice.
            Phase::Train => (&mut seen.step, penalty.f_div_scalar(examples as f64)?),
            Phase::Infer => {
                seen.examples += examples;
                (&mut seen.sum, penalty.f_detach()?)
            }
        };
        *place = Some(plus(place.take(), term)?);
        Ok(())
    }

    /// What was seen since the last question, zero at first: that of a training step, or the
    /// mean over the examples of an evaluation.
    pub(super) fn penalty(&self, device: Device) -> Result<Tensor> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = std::mem::take(&mut *seen);
        Ok(match (seen.step, seen.sum) {
            (Some(step), _) => step,
            (None, Some(sum)) => sum.f_div_scalar(seen.examples as f64)?,
            (None, None) => Tensor::f_zeros([0_i64; 0], (Kind::Float, device))?,
        })
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity").finish_non_exhaustive()
    }
}
