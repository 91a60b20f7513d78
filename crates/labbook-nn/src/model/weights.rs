use tch::{Device, Kind, Tensor};

use super::model::Model;
use crate::tensors::copy::copy;
use crate::tensors::shape::tuple;
use crate::tensors::sum::plus;
use crate::{Error, OptimizerState, Parameter, Result};

impl Model {
    /// Takes over the weights of all layers that another model has under the same names and
    /// with the same shapes; tells the names of those layers.
    ///
    /// # Errors
    /// When a model is not built, or a weight of a layer of the same name has another shape.
    pub fn copy_weights_from(&mut self, other: &Model) -> Result<Vec<String>> {
        let theirs = other.weights()?;
        let mut taken: Vec<String> = Vec::new();
        let mut weights = Vec::new();
        for (name, own) in self.weights()? {
            match theirs.iter().find(|(other, _)| *other == name) {
                Some((_, weight)) => {
                    let layer = name
                        .rsplit_once('/')
                        .map_or(name.as_str(), |(layer, _)| layer);
                    if taken.last().is_none_or(|last| last != layer) {
                        taken.push(layer.to_owned());
                    }
                    weights.push((name, weight.shallow_clone()));
                }
                None => weights.push((name, own)),
            }
        }
        self.set_weights(&weights)?;
        Ok(taken)
    }

    /// Copies of all weights on the CPU, in Keras's order and shapes, named as Keras names
    /// them: `dense/kernel:0`.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        self.built()?;
        let mut weights = Vec::new();
        for (name, parameter) in self.parameters() {
            let view = parameter.keras_view(&parameter.value)?;
            weights.push((name, copy(&view)?.f_to_device(Device::Cpu)?));
        }
        Ok(weights)
    }

    /// Copies of one layer's weights on the CPU, in Keras's order and shapes, such as kernel and bias: the
    /// `get_layer(name).get_weights()` of Keras.
    ///
    /// ```
    /// use labbook_nn::{Embedding, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Embedding::new(7, 2).name("color").input_shape(1));
    /// assert_eq!(model.layer_weights("color")?[0].size(), [7, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the model is not built, or has no such layer.
    pub fn layer_weights(&self, layer: &str) -> Result<Vec<Tensor>> {
        self.layer(layer)?;
        let prefix = format!("{layer}/");
        let mut weights = Vec::new();
        for (name, parameter) in self.parameters() {
            if name.starts_with(&prefix) {
                let view = parameter.keras_view(&parameter.value)?;
                weights.push(copy(&view)?.f_to_device(Device::Cpu)?);
            }
        }
        Ok(weights)
    }

    /// Overwrites all weights, given as [`weights`](Self::weights) gives them.
    ///
    /// They are matched by their order and checked by their shapes; names may differ, since
    /// they count on from model to model. Nothing changes if one does not fit. The optimizer
    /// keeps what it remembers.
    ///
    /// # Errors
    /// When number, shapes or kinds differ, or the model is not built.
    pub fn set_weights(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.built()?;
        let parameters = self.parameters();
        if parameters.len() != weights.len() {
            return Err(Error::weights(
                format!("{} weights", parameters.len()),
                weights.len().to_string(),
                "take them from a model of the same architecture",
            ));
        }
        for ((name, parameter), (given, weight)) in parameters.iter().zip(weights) {
            let size = parameter.keras_view(&parameter.value)?.size();
            let kind = weight.f_kind()?;
            let is_real = matches!(
                kind,
                Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16
            );
            if size != weight.size() || !is_real {
                return Err(Error::weights(
                    format!("{name} of shape {} and a floating-point kind", tuple(&size)),
                    format!(
                        "{given} of shape {} and kind {kind:?}",
                        tuple(&weight.size())
                    ),
                    "take them from a model of the same architecture",
                ));
            }
        }
        for ((_, parameter), (_, weight)) in parameters.iter().zip(weights) {
            let mut view = parameter.keras_view(&parameter.value)?;
            view.f_copy_(&weight.f_detach()?)?;
        }
        Ok(())
    }

    /// The weights' names and Keras's shapes.
    pub(crate) fn weight_sizes(&self) -> Result<Vec<(String, Vec<i64>)>> {
        self.built()?;
        let parameters = self.parameters().into_iter();
        parameters
            .map(|(name, parameter)| Ok((name, parameter.keras_view(&parameter.value)?.size())))
            .collect()
    }

    /// The shapes that an optimizer's slots of these names have to have: those of the weights
    /// that it changes, each as often as it has slots for one.
    ///
    /// Those of several optimizers, whose names begin with a number, are checked when they are
    /// used: each has its own number of slots.
    pub(crate) fn slot_sizes(&self, slots: &[String]) -> Result<Vec<(String, Option<Vec<i64>>)>> {
        let of_part = |slot: &String| slot.starts_with(|c: char| c.is_ascii_digit());
        if slots.iter().any(of_part) {
            return Ok(slots.iter().map(|slot| (slot.clone(), None)).collect());
        }
        let mut sizes = Vec::new();
        for (_, parameter) in self.parameters() {
            if parameter.trainable {
                sizes.push(parameter.keras_view(&parameter.value)?.size());
            }
        }
        let kinds = slots.len() / sizes.len().max(1);
        if slots.len() != kinds * sizes.len() {
            return Err(Error::weights(
                format!(
                    "as many slots of the optimizer for each of {} weights",
                    sizes.len()
                ),
                format!("{} slots", slots.len()),
                "take them from a model of the same architecture",
            ));
        }
        let sizes = sizes.into_iter().flat_map(|size| vec![Some(size); kinds]);
        Ok(slots.iter().cloned().zip(sizes).collect())
    }

    /// What the optimizer remembers, in Keras's shapes.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn optimizer_state(&self) -> Result<OptimizerState> {
        self.compiled()?.optimizer.state()
    }

    /// Goes back to a state of the optimizer.
    ///
    /// # Errors
    /// When the model is not compiled, or with another kind of optimizer.
    pub fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.compiled_mut()?.optimizer.set_state(state)
    }

    /// The sum of the layers' penalties (regularizers), if any has one, as autograd records it:
    /// for training steps of a person's own.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn penalty(&self) -> Result<Option<Tensor>> {
        let mut sum = None;
        for (_, node) in self.graph.layers() {
            if let Some(penalty) = node.layer.penalty()? {
                sum = Some(plus(sum, penalty)?);
            }
        }
        Ok(sum)
    }

    /// All weights with their full names.
    pub(crate) fn parameters(&self) -> Vec<(String, Parameter)> {
        let layers = self.graph.layers().into_iter();
        layers
            .flat_map(|(_, node)| {
                let name = node.full_name();
                let parameters = node.layer.parameters().into_iter();
                parameters.map(move |p| (format!("{name}/{}:0", p.name), p))
            })
            .collect()
    }
}
