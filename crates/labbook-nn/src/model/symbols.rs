use std::sync::{Arc, PoisonError};

use super::activations::LayerRange;
use super::graph::Source;
use super::model::Model;
use super::symbolic_tensor::{Origin, Scope, SymbolicTensor, SymbolicTensors, next_number};
use crate::Result;

/// A model's symbolic tensors: its inputs, and what its nodes give.
pub(super) struct Symbols {
    inputs: Vec<SymbolicTensor>,
    nodes: Vec<SymbolicTensor>,
}

impl Model {
    /// The model's first symbolic input, to make another model of its layers:
    /// `Model::new(&model.input()?, &model.layer_outputs(..8)?)`.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn input(&self) -> Result<SymbolicTensor> {
        self.inputs()?
            .0
            .into_iter()
            .next()
            .ok_or_else(|| self.not_built())
    }

    /// All symbolic inputs of the model.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn inputs(&self) -> Result<SymbolicTensors> {
        Ok(SymbolicTensors(self.symbols()?.inputs.clone()))
    }

    /// The model's first symbolic output.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn output(&self) -> Result<SymbolicTensor> {
        self.outputs()?
            .0
            .into_iter()
            .next()
            .ok_or_else(|| self.not_built())
    }

    /// All symbolic outputs of the model.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn outputs(&self) -> Result<SymbolicTensors> {
        let symbols = self.symbols()?;
        let outputs = self.graph.outputs.iter().map(|source| match source {
            Source::Input(index) => symbols.inputs[*index].clone(),
            Source::Node(index) => symbols.nodes[*index].clone(),
        });
        Ok(SymbolicTensors(outputs.collect()))
    }

    /// What a layer gives, to make another model that ends there; of a layer that is called
    /// several times, what it gives first.
    ///
    /// # Errors
    /// When no layer has this name, or the model is not built.
    pub fn layer_output(&self, name: &str) -> Result<SymbolicTensor> {
        let index = self.node_of(name)?;
        Ok(self.symbols()?.nodes[index].clone())
    }

    /// What some layers give, as a range such as `..8` of their places in the summary.
    ///
    /// ```
    /// use labbook_nn::{Dense, Model, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(8).input_shape(2));
    /// model.add(Dense::new(3));
    /// let activations = Model::new(&model.input()?, &model.layer_outputs(..)?)?;
    /// assert_eq!(activations.output_names().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there are no such layers, or the model is not built.
    pub fn layer_outputs(&self, layers: impl Into<LayerRange>) -> Result<SymbolicTensors> {
        let symbols = self.symbols()?;
        let layers = layers.into().within(self)?;
        Ok(SymbolicTensors(symbols.nodes[layers].to_vec()))
    }

    /// What the whole model makes of other symbolic tensors: a model within a model.
    ///
    /// Its layers keep their weights and are shared with the model that is made. Never fails:
    /// what does not fit is told by [`Model::new`].
    pub fn call(&self, inputs: impl Into<SymbolicTensors>) -> SymbolicTensor {
        let mut outputs = self.call_all(inputs).into_iter();
        match (outputs.next(), outputs.next()) {
            (Some(output), None) => output,
            (first, _) => SymbolicTensor::of(
                Origin::Problem(format!(
                    "model {} with {}, where one output is needed: use call_all",
                    self.name,
                    match first {
                        Some(_) => "several outputs",
                        None => "none",
                    }
                )),
                Vec::new(),
            ),
        }
    }

    /// [`call`](Self::call) of a model with several outputs.
    pub fn call_all(&self, inputs: impl Into<SymbolicTensors>) -> Vec<SymbolicTensor> {
        let inputs = inputs.into().0;
        if inputs.len() != self.graph.inputs.len() {
            let told = format!(
                "model {} on {} tensors, where it takes {}",
                self.name,
                inputs.len(),
                self.graph.inputs.len()
            );
            return vec![SymbolicTensor::of(Origin::Problem(told), Vec::new())];
        }
        let scope = Arc::new(Scope {
            name: self.name.clone(),
            class_name: self.class_name,
            call: next_number(),
        });
        let nodes = self.graph.calls(&inputs, Some(&scope));
        let outputs = self.graph.outputs.iter().map(|source| match source {
            Source::Input(index) => inputs[*index].clone(),
            Source::Node(index) => nodes[*index].clone(),
        });
        outputs.collect()
    }

    fn symbols(&self) -> Result<Arc<Symbols>> {
        self.built()?;
        let mut symbols = self.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbols) = &*symbols {
            return Ok(symbols.clone());
        }
        let inputs = self.graph.inputs.iter();
        let inputs: Vec<SymbolicTensor> = inputs
            .map(|spec| SymbolicTensor::of(Origin::Input(spec.clone()), Vec::new()))
            .collect();
        let nodes = self.graph.calls(&inputs, None);
        let made = Arc::new(Symbols { inputs, nodes });
        *symbols = Some(made.clone());
        Ok(made)
    }
}
