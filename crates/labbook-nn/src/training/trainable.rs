use tch::{Tensor, no_grad_guard};

use super::train_step::check_scalar;
use crate::engine::derivatives;
use crate::{Error, Model, Optimizer, Parameter, Result};

/// The weights that the optimizer changes.
pub(crate) struct Trainable {
    pub(crate) parameters: Vec<Parameter>,
    /// For the optimizer: names and views in Keras's shapes, without autograd.
    pub(crate) values: Vec<(String, Tensor)>,
}

impl Trainable {
    pub(crate) fn of(model: &Model) -> Result<Self> {
        let mut weights = Self {
            parameters: Vec::new(),
            values: Vec::new(),
        };
        for (name, parameter) in model.parameters() {
            if parameter.trainable {
                let view = parameter.keras_view(&parameter.value)?;
                weights.values.push((name, view));
                weights.parameters.push(parameter);
            }
        }
        if weights.values.is_empty() {
            return Err(Error::weights(
                "at least one weight that training changes",
                "none",
                "unfreeze a layer with set_layer_trainable(name, true)",
            ));
        }
        Ok(weights)
    }

    /// Those that another model has as well.
    pub(crate) fn shared(model: &Model, part: &Model) -> Result<Self> {
        let mut weights = Self::of(model)?;
        let of_part = part.parameters();
        let has = |parameter: &Parameter| {
            let mut others = of_part.iter();
            others.any(|(_, other)| other.value.data_ptr() == parameter.value.data_ptr())
        };
        let kept: Vec<bool> = weights.parameters.iter().map(has).collect();
        let mut flags = kept.iter();
        weights
            .parameters
            .retain(|_| *flags.next().unwrap_or(&false));
        let mut flags = kept.iter();
        weights.values.retain(|_| *flags.next().unwrap_or(&false));
        match weights.values.is_empty() {
            false => Ok(weights),
            true => Err(Error::weights(
                format!("a part that shares weights with the model {}", model.name()),
                format!(
                    "{}, which has no weights of it that are trained",
                    part.name()
                ),
                "make the model of its parts with Model::joined",
            )),
        }
    }

    /// The gradients of a loss, as the weights are stored.
    pub(crate) fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>> {
        check_scalar("the loss", loss)?;
        let leaves: Vec<&Tensor> = self.parameters.iter().map(|weight| &weight.value).collect();
        // The graph is kept: another loss of the same step may need parts of it.
        let advice = "compute it from model.forward(&x, step.phase()) with tensor operations";
        derivatives(loss, &leaves, true, advice)
    }

    /// One step of an optimizer, given a gradient for each weight as it is stored.
    pub(crate) fn step(&self, optimizer: &mut dyn Optimizer, gradients: &[Tensor]) -> Result<()> {
        let _guard = no_grad_guard();
        let gradients = self.in_keras_shape(gradients)?;
        optimizer.step(&self.values, &gradients)?;
        self.constrain()
    }

    /// Holds the weights within their constraints.
    fn constrain(&self) -> Result<()> {
        for (parameter, (_, weight)) in self.parameters.iter().zip(&self.values) {
            if let Some(constraint) = parameter.constraint {
                let held = constraint.apply(weight)?;
                weight.shallow_clone().f_copy_(&held)?;
            }
        }
        Ok(())
    }

    fn in_keras_shape(&self, gradients: &[Tensor]) -> Result<Vec<Tensor>> {
        if gradients.len() != self.parameters.len() {
            return Err(Error::Torch {
                operation: "the gradients".to_owned(),
                message: format!(
                    "expected one for each of {} weights, received {}",
                    self.parameters.len(),
                    gradients.len()
                ),
            });
        }
        let pairs = self.parameters.iter().zip(gradients);
        pairs
            .map(|(weight, gradient)| weight.keras_view(gradient))
            .collect()
    }
}
