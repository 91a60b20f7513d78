use std::collections::HashMap;

use super::graph::{Node, Source};
use super::model::Model;
use super::summary::{Summary, SummaryRow};
use crate::{Error, Fit, LayerConfig, LayerInfo, Parameter, Result, Shape};

impl Model {
    /// The names of the outputs: those of the layers that give them.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for source in &self.graph.outputs {
            let name = match source {
                Source::Input(index) => self.graph.inputs[*index].name.clone(),
                Source::Node(index) => self.graph.nodes[*index].full_name(),
            };
            // A layer may give two outputs: Keras numbers the second.
            let mut free = name.clone();
            let mut number = 1;
            while names.contains(&free) {
                free = format!("{name}_{number}");
                number += 1;
            }
            names.push(free);
        }
        names
    }

    /// The names of the inputs.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        let inputs = self.graph.inputs.iter();
        inputs.map(|input| input.name.clone()).collect()
    }

    /// The table of layers.
    ///
    /// # Errors
    /// When a layer does not fit or the input shape is not known yet.
    pub fn summary(&self) -> Result<Summary> {
        let layers = self.layers()?;
        let total_params = layers.iter().map(|layer| layer.params).sum();
        let trainable_params = layers.iter().map(|layer| layer.trainable_params).sum();
        let mut rows: Vec<SummaryRow> = Vec::new();
        let connected = self.class_name != "Sequential";
        if connected {
            rows.extend(self.graph.inputs.iter().map(|input| {
                SummaryRow {
                    name: input.name.clone(),
                    class_name: "InputLayer".to_owned(),
                    output_shape: input
                        .shape
                        .as_ref()
                        .map(Shape::to_string)
                        .unwrap_or_default(),
                    params: 0,
                    connected_to: Vec::new(),
                }
            }));
        }
        // A model within the model is one row, as in Keras: its last layer's output.
        let mut inner: HashMap<&str, usize> = HashMap::new();
        for ((_, node), layer) in self.graph.layers().into_iter().zip(&layers) {
            let known = node
                .scope
                .as_ref()
                .and_then(|scope| inner.get(scope.outermost()));
            if let Some(row) = known.and_then(|row| rows.get_mut(*row)) {
                row.params += layer.params;
                continue;
            }
            let class_name = match &node.scope {
                Some(scope) => {
                    inner.insert(scope.outermost(), rows.len());
                    scope.class_name
                }
                None => node.layer.class_name(),
            };
            rows.push(SummaryRow {
                name: node.row_name().to_owned(),
                class_name: class_name.to_owned(),
                output_shape: String::new(),
                params: layer.params,
                connected_to: Vec::new(),
            });
        }
        self.fill_rows(&mut rows, connected);
        Ok(Summary {
            model: self.name.clone(),
            class_name: self.class_name.to_owned(),
            rows,
            total_params,
            trainable_params,
            non_trainable_params: total_params - trainable_params,
            training_memory: self.training_memory(&Fit::new()).ok(),
        })
    }

    /// Tells of each row what its calls give, and what they take from other rows.
    fn fill_rows(&self, rows: &mut [SummaryRow], connected: bool) {
        let names = rows.iter().map(|row| row.name.clone()).enumerate();
        let places: HashMap<String, usize> = names.map(|(place, name)| (name, place)).collect();
        // Within one call of a model the last layer's output counts.
        let mut calls: Vec<(usize, Option<u64>, String)> = Vec::new();
        for node in &self.graph.nodes {
            let Some(&place) = places.get(node.row_name()) else {
                continue;
            };
            let shape = node.output_shape.as_ref();
            let shape = shape.map(Shape::to_string).unwrap_or_default();
            let call = node.scope.as_ref().map(|scope| scope.call);
            match calls.last_mut() {
                Some((last, of, told)) if *last == place && call.is_some() && *of == call => {
                    *told = shape;
                }
                _ => calls.push((place, call, shape)),
            }
            for source in node.inputs.iter().filter(|_| connected) {
                let from = match source {
                    Source::Input(index) => &self.graph.inputs[*index].name,
                    Source::Node(index) => {
                        let from = &self.graph.nodes[*index];
                        let within = from.scope.as_ref().map(|scope| scope.call);
                        if call.is_some() && within == call {
                            continue;
                        }
                        from.row_name()
                    }
                };
                rows[place].connected_to.push(from.to_owned());
            }
        }
        for (place, _, shape) in calls {
            let row = &mut rows[place];
            // As in Keras 2.4, a layer that gives several shapes.
            row.output_shape = match row.output_shape.is_empty() || row.output_shape == shape {
                true => shape,
                false => "multiple".to_owned(),
            };
        }
    }

    /// All layers in order: names, shapes, sizes. A layer that is called several times is told
    /// once, with the shapes of its first call.
    ///
    /// # Errors
    /// When a layer does not fit or the input shape is not known yet.
    pub fn layers(&self) -> Result<Vec<LayerInfo>> {
        self.built()?;
        let mut calls: HashMap<usize, Vec<&Node>> = HashMap::new();
        for node in &self.graph.nodes {
            calls.entry(node.layer.identity()).or_default().push(node);
        }
        let mut layers = Vec::new();
        for (_, node) in self.graph.layers() {
            let output_shape = node.output_shape.clone().ok_or_else(|| self.not_built())?;
            let shapes = node
                .inputs
                .iter()
                .map(|source| self.graph.shape_of(*source));
            let input_shape = shapes.flatten().next().cloned();
            let parameters = node.layer.parameters();
            let trainable = parameters.iter().filter(|parameter| parameter.trainable);
            let full_name = node.full_name();
            let calls = calls.get(&node.layer.identity());
            let calls = || calls.into_iter().flatten();
            let inputs = calls()
                .flat_map(|call| &call.inputs)
                .map(|source| match source {
                    Source::Input(index) => self.graph.inputs[*index].name.clone(),
                    Source::Node(index) => self.graph.nodes[*index].full_name(),
                });
            layers.push(LayerInfo {
                name: full_name.clone(),
                class_name: node.layer.class_name().to_owned(),
                inputs: inputs.collect(),
                input_shape: input_shape.ok_or_else(|| self.not_built())?,
                output_shape: output_shape.clone(),
                activation: node.layer.activation(),
                params: parameters.iter().map(Parameter::count).sum(),
                trainable_params: trainable.map(Parameter::count).sum(),
                flops: calls()
                    .filter_map(|call| call.output_shape.as_ref())
                    .map(|output| node.layer.multiply_adds(output).saturating_mul(2))
                    .fold(0, i64::saturating_add),
            });
        }
        Ok(layers)
    }

    /// The number of the first node that calls the layer of this name.
    pub(crate) fn node_of(&self, name: &str) -> Result<usize> {
        let nodes = &self.graph.nodes;
        let found = nodes.iter().position(|node| node.full_name() == name);
        found.ok_or_else(|| {
            let layers = self.graph.layers().into_iter();
            let known: Vec<String> = layers.map(|(_, node)| node.full_name()).collect();
            Error::UnknownLayer {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// One layer by its name.
    ///
    /// # Errors
    /// When no layer has this name, or the model is not built.
    pub fn layer(&self, name: &str) -> Result<LayerInfo> {
        let layers = self.layers()?;
        let known: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        let known = known.join(", ");
        layers
            .into_iter()
            .find(|layer| layer.name == name)
            .ok_or_else(|| Error::UnknownLayer {
                name: name.to_owned(),
                known,
            })
    }

    /// The number of weights.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn count_params(&self) -> Result<i64> {
        Ok(self.layers()?.iter().map(|layer| layer.params).sum())
    }

    /// Floating-point operations that the prediction for one example takes.
    ///
    /// Counts what is usually counted: two for every multiplication in a kernel of a dense,
    /// convolutional or whitening layer, one for the product and one for its addition to the
    /// sum. Biases, activation functions, pooling and normalization are left out; they take
    /// time, but few operations. A training step takes about three times as many per example:
    /// the gradients of a layer's input and of its kernel cost as much as its output each.
    /// [`layers`](Self::layers) has the numbers of every layer.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn flops(&self) -> Result<i64> {
        let layers = self.layers()?;
        Ok(layers
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.flops)))
    }

    /// Shape of one example that goes into the first input, if it is known yet.
    #[must_use]
    pub fn input_shape(&self) -> Option<&Shape> {
        self.graph.inputs.first()?.shape.as_ref()
    }

    /// The shapes of what goes into each input.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn input_shapes(&self) -> Result<Vec<Shape>> {
        let inputs = self.graph.inputs.iter();
        let shapes = inputs.map(|input| input.shape.clone().ok_or_else(|| self.not_built()));
        shapes.collect()
    }

    /// The shapes of what each output gives for one example.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn output_shapes(&self) -> Result<Vec<Shape>> {
        self.built()?;
        let outputs = self.graph.outputs.iter();
        let shapes = outputs.map(|output| self.graph.shape_of(*output).cloned());
        shapes
            .map(|shape| shape.ok_or_else(|| self.not_built()))
            .collect()
    }

    /// The options of the layers, as far as a file can keep them.
    pub(crate) fn layer_configs(&self) -> Vec<Option<LayerConfig>> {
        let layers = self.graph.layers().into_iter();
        layers.map(|(_, node)| node.layer.config()).collect()
    }

    /// Numbers that the layers put out for one example: a measure of the memory it takes.
    pub(crate) fn activation_count(&self) -> i64 {
        let nodes = self.graph.nodes.iter();
        let shapes = nodes.filter_map(|node| node.output_shape.as_ref());
        let counts = shapes.filter_map(Shape::elements);
        counts.fold(0, i64::saturating_add)
    }

    /// The output's shape of a model with one output.
    pub(crate) fn output_shape(&self) -> Result<&Shape> {
        self.built()?;
        let shape = self.graph.outputs.first();
        shape
            .and_then(|output| self.graph.shape_of(*output))
            .ok_or_else(|| self.not_built())
    }
}
