use tch::{Device, Kind, Tensor, no_grad};

use super::pixel_network::PixelNetwork;
use super::{Engine, Objective};
use crate::data::spans::spans;
use crate::model::graph::ending;
use crate::{Activation, Error, Model, Result};

/// Training steps of dense layers on pixels, without autograd but for the loss.
#[derive(Debug)]
pub(crate) struct Pixels {
    network: PixelNetwork,
    /// The function that the model leaves to the loss.
    left_out: Activation,
}

impl Pixels {
    /// The engine of such a network, if the model is one and the processor can.
    pub(crate) fn of(model: &Model, batch_size: i64) -> Result<Option<Self>> {
        // A layer that is called twice would have to have its gradients added up.
        let fits = model.graph.is_chain()
            && model.graph.layers().len() == model.graph.nodes.len()
            && model.device() == Device::Cpu
            && !model.compiled()?.needs_whole_batch();
        if !fits {
            return Ok(None);
        }
        let plan = model.graph.plan();
        let left_out = plan.left_out.first().copied().unwrap_or_default();
        let network = PixelNetwork::of(&plan.steps, model.built_for()?.dims(), batch_size);
        // The small products of a table gain nothing in fewer bits: calls are what takes time.
        let computed = model.dtype_policy().compute_kind();
        let fits = |network: &PixelNetwork| {
            computed == Kind::Float || network.is_of_a_table() && computed == Kind::BFloat16
        };
        Ok(network
            .filter(fits)
            .map(|network| Self { network, left_out }))
    }
}

impl Engine for Pixels {
    fn gradients(
        &mut self,
        model: &Model,
        inputs: &[Tensor],
        objective: &mut dyn Objective,
    ) -> Result<Vec<Tensor>> {
        let [x] = inputs else {
            return Err(Error::Torch {
                operation: "the gradients".to_owned(),
                message: format!("expected one input, received {}", inputs.len()),
            });
        };
        let network = &mut self.network;
        network.begin()?;
        for (start, length) in spans(x.size()[0], network.piece_size()) {
            let x = x.f_narrow(0, start, length)?;
            // A leaf, by which autograd derives the loss.
            let leaf = no_grad(|| network.forward(&x, start))?.f_set_requires_grad(true)?;
            let output = ending(leaf.shallow_clone(), self.left_out)?;
            let loss = objective.of(&[output], &[], start, length)?;
            let gradients = Tensor::f_run_backward(&[loss], &[leaf], false, false)
                .map_err(|error| Error::from(error).within("the gradients"))?;
            if let Some(gradients) = gradients.first() {
                network.backward(gradients)?;
            }
        }
        if let Some(penalty) = no_grad(|| model.penalty())? {
            objective.penalty(&penalty)?;
        }
        network.gradients()
    }
}
