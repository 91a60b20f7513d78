use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::graph::{Graph, Node, Source};
use crate::model::shared_layer::SharedLayer;
use crate::model::symbolic_tensor::{InputSpec, Scope, next_number};
use crate::{Error, Result, Shape};

/// How the layers of a model are joined, as a file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedGraph {
    inputs: Vec<SavedInput>,
    nodes: Vec<SavedNode>,
    outputs: Vec<SavedSource>,
    /// Calls of models within the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<SavedScope>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedInput {
    name: String,
    shape: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedNode {
    /// The layer's number in the list of layers.
    layer: usize,
    inputs: Vec<SavedSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedSource {
    Input(usize),
    Node(usize),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedScope {
    name: String,
    sequential: bool,
}

impl SavedGraph {
    pub(crate) fn of(graph: &Graph) -> Self {
        let layers = graph.layers();
        let mut scopes: Vec<&Arc<Scope>> = Vec::new();
        let nodes = graph.nodes.iter().map(|node| {
            let layer = layers
                .iter()
                .position(|(_, first)| first.layer.is(&node.layer));
            let scope = node.scope.as_ref().map(|scope| {
                let known = scopes.iter().position(|other| *other == scope);
                known.unwrap_or_else(|| {
                    scopes.push(scope);
                    scopes.len() - 1
                })
            });
            SavedNode {
                layer: layer.unwrap_or_default(),
                inputs: node.inputs.iter().map(|source| saved(*source)).collect(),
                scope,
            }
        });
        let nodes = nodes.collect();
        Self {
            inputs: graph
                .inputs
                .iter()
                .map(|input| SavedInput {
                    name: input.name.clone(),
                    shape: input
                        .shape
                        .as_ref()
                        .map(|shape| shape.dims().to_vec())
                        .unwrap_or_default(),
                })
                .collect(),
            nodes,
            outputs: graph.outputs.iter().map(|source| saved(*source)).collect(),
            scopes: scopes
                .into_iter()
                .map(|scope| SavedScope {
                    name: scope.name.clone(),
                    sequential: scope.class_name == "Sequential",
                })
                .collect(),
        }
    }

    /// How the layers are joined, without any name.
    pub(crate) fn joints(&self) -> Vec<(usize, Vec<(bool, usize)>)> {
        let plain = |source: &SavedSource| match source {
            SavedSource::Input(index) => (true, *index),
            SavedSource::Node(index) => (false, *index),
        };
        let nodes = self.nodes.iter();
        nodes
            .map(|node| (node.layer, node.inputs.iter().map(plain).collect()))
            .collect()
    }

    /// The graph of these layers, checked: a file may say anything.
    pub(crate) fn into_graph(self, model: &str, layers: Vec<SharedLayer>) -> Result<Graph> {
        let wrong = |received: String| {
            Error::weights(
                format!("layers of {model} that are joined one after another"),
                received,
                "save the model again",
            )
        };
        let source = |source: SavedSource, before: usize| match source {
            SavedSource::Input(index) if index < self.inputs.len() => Ok(Source::Input(index)),
            SavedSource::Node(index) if index < before => Ok(Source::Node(index)),
            _ => Err(wrong(format!("{source:?} before node {before}"))),
        };
        let scopes: Vec<Arc<Scope>> = self
            .scopes
            .iter()
            .map(|scope| {
                Arc::new(Scope {
                    name: scope.name.clone(),
                    class_name: match scope.sequential {
                        true => "Sequential",
                        false => "Functional",
                    },
                    call: next_number(),
                })
            })
            .collect();
        let mut graph = Graph::default();
        for input in &self.inputs {
            let shape = Shape::from(input.shape.as_slice());
            let positive = shape.dims().iter().all(|&size| size > 0);
            if !positive || shape.elements().is_none() {
                return Err(wrong(format!("an input {} of shape {shape}", input.name)));
            }
            graph.inputs.push(InputSpec {
                name: input.name.clone(),
                shape: Some(shape),
            });
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let layer = layers.get(node.layer);
            let scope = match node.scope {
                None => None,
                Some(scope) => {
                    let found = scopes.get(scope).cloned();
                    Some(found.ok_or_else(|| wrong(format!("a model {scope} within")))?)
                }
            };
            let inputs = node.inputs.iter().map(|input| source(*input, index));
            graph.nodes.push(Node {
                layer: layer
                    .cloned()
                    .ok_or_else(|| wrong(format!("layer {}", node.layer)))?,
                inputs: inputs.collect::<Result<_>>()?,
                output_shape: None,
                scope,
            });
        }
        let outputs = self
            .outputs
            .iter()
            .map(|output| source(*output, self.nodes.len()));
        graph.outputs = outputs.collect::<Result<_>>()?;
        if graph.inputs.is_empty() || graph.outputs.is_empty() {
            return Err(wrong("a model without inputs or outputs".to_owned()));
        }
        graph.check_names(model)?;
        Ok(graph)
    }
}

fn saved(source: Source) -> SavedSource {
    match source {
        Source::Input(index) => SavedSource::Input(index),
        Source::Node(index) => SavedSource::Node(index),
    }
}
