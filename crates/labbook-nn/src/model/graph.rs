use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tch::{Kind, Tensor};

use super::shared_layer::SharedLayer;
use super::symbolic_tensor::{InputSpec, Origin, Scope, SymbolicTensor};
use crate::losses::loss::Output;
use crate::{Activation, Error, Phase, Result, Shape};

/// Where a tensor within a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The model's input of this number.
    Input(usize),
    /// The output of the node of this number.
    Node(usize),
}

/// A call of a layer.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) layer: SharedLayer,
    pub(crate) inputs: Vec<Source>,
    /// Known once the layer is built.
    pub(crate) output_shape: Option<Shape>,
    pub(crate) scope: Option<Arc<Scope>>,
}

/// Calls of layers in an order in which each can be computed from those before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub(crate) inputs: Vec<InputSpec>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) outputs: Vec<Source>,
}

/// A node on its way to be computed, with the function that it has to end with.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) node: usize,
    pub(crate) layer: &'a SharedLayer,
    pub(crate) inputs: &'a [Source],
    pub(crate) activation: Activation,
}

/// All nodes with the functions that they have to end with, and what is left to the loss.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) steps: Vec<Planned<'a>>,
    pub(crate) outputs: &'a [Source],
    /// For each output the function that the model leaves out: linear, softmax or sigmoid.
    pub(crate) left_out: Vec<Activation>,
}

/// For each output which steps count, `bool` tensors (N, steps), where some do not.
pub(crate) type Masks = Vec<Option<Tensor>>;

/// What a model computed, with the function that it left out.
pub(crate) fn ending(values: Tensor, left_out: Activation) -> Result<Output> {
    let values = values.f_to_kind(Kind::Float)?;
    Ok(match left_out {
        Activation::Softmax => Output::Logits(values),
        Activation::Sigmoid => Output::BinaryLogits(values),
        _ => Output::Values(values),
    })
}

impl Graph {
    /// The graph between symbolic inputs and outputs.
    pub(crate) fn between(
        model: &str,
        inputs: &[SymbolicTensor],
        outputs: &[SymbolicTensor],
    ) -> Result<Self> {
        let problem = |expected: &str, received: String, advice: &str| {
            Error::option(&format!("model {model}"), expected, received, advice)
        };
        if inputs.is_empty() || outputs.is_empty() {
            return Err(problem(
                "at least one input and one output",
                format!("{} inputs and {} outputs", inputs.len(), outputs.len()),
                "pass Model::new(&inputs, &outputs)",
            ));
        }
        let mut sources: HashMap<u64, Source> = HashMap::new();
        let mut graph = Self::default();
        for (index, input) in inputs.iter().enumerate() {
            if sources
                .insert(input.number(), Source::Input(index))
                .is_some()
            {
                return Err(problem(
                    "inputs that differ",
                    format!("{} twice", input.name()),
                    "list every input once",
                ));
            }
            graph.inputs.push(spec_of(input)?);
        }
        // All calls behind the outputs, down to the inputs; in the order in which they were made.
        let mut seen: HashSet<u64> = sources.keys().copied().collect();
        let mut waiting: Vec<&SymbolicTensor> = outputs.iter().collect();
        let mut calls = Vec::new();
        while let Some(tensor) = waiting.pop() {
            if seen.insert(tensor.number()) {
                calls.push(tensor);
                waiting.extend(&tensor.call().inputs);
            }
        }
        calls.sort_by_key(|tensor| tensor.number());
        for tensor in calls {
            let call = tensor.call();
            let (layer, scope) = match &call.origin {
                Origin::Layer { layer, scope } => (layer.clone(), scope.clone()),
                Origin::Input(spec) => {
                    return Err(problem(
                        &format!(
                            "the input {}, which its outputs need, among its inputs",
                            spec.name
                        ),
                        "a model without it".to_owned(),
                        "add it to the first argument of Model::new",
                    ));
                }
                Origin::Problem(told) => {
                    return Err(problem(
                        "calls that fit",
                        told.clone(),
                        "see model.summary()",
                    ));
                }
            };
            let origins = call
                .inputs
                .iter()
                .map(|input| sources[&input.number()])
                .collect();
            sources.insert(tensor.number(), Source::Node(graph.nodes.len()));
            graph.nodes.push(Node {
                layer,
                inputs: origins,
                output_shape: None,
                scope,
            });
        }
        graph.outputs = outputs
            .iter()
            .map(|output| sources[&output.number()])
            .collect();
        graph.check_names(model)?;
        Ok(graph)
    }

    /// Different layers of one name would be one in a file.
    pub(crate) fn check_names(&self, model: &str) -> Result<()> {
        let mut inputs = HashSet::new();
        if let Some(input) = self.inputs.iter().find(|input| !inputs.insert(&input.name)) {
            return Err(Error::DuplicateLayer {
                model: model.to_owned(),
                layer: input.name.clone(),
            });
        }
        let mut layers: HashMap<String, &SharedLayer> = HashMap::new();
        for node in &self.nodes {
            let name = node.full_name();
            match layers.get(&name) {
                Some(other) if !other.is(&node.layer) => {
                    return Err(Error::DuplicateLayer {
                        model: model.to_owned(),
                        layer: name,
                    });
                }
                _ => {
                    layers.insert(name, &node.layer);
                }
            }
        }
        Ok(())
    }

    /// The layers, each once, in the order of their first calls; with the first call's number.
    pub(crate) fn layers(&self) -> Vec<(usize, &Node)> {
        // Known by the layer itself: called within a model and beside it, it has two names.
        let mut layers: Vec<(usize, &Node)> = Vec::new();
        let mut seen = HashSet::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if seen.insert(node.layer.identity()) {
                layers.push((index, node));
            }
        }
        layers
    }

    pub(crate) fn shape_of(&self, source: Source) -> Option<&Shape> {
        match source {
            Source::Input(index) => self.inputs.get(index)?.shape.as_ref(),
            Source::Node(index) => self.nodes.get(index)?.output_shape.as_ref(),
        }
    }

    /// Whether every node takes the output of the one before it, and the last one's is the
    /// model's.
    pub(crate) fn is_chain(&self) -> bool {
        let follows = |(index, node): (usize, &Node)| match index {
            0 => node.inputs == [Source::Input(0)],
            _ => node.inputs == [Source::Node(index - 1)],
        };
        self.inputs.len() == 1
            && self.nodes.iter().enumerate().all(follows)
            && self.outputs == [self.last()]
    }

    /// Where the output of a chain comes from.
    pub(crate) fn last(&self) -> Source {
        match self.nodes.len() {
            0 => Source::Input(0),
            count => Source::Node(count - 1),
        }
    }

    /// Whether the numbers of an input go to a layer that takes whole numbers.
    pub(crate) fn takes_integers(&self, input: usize) -> bool {
        let source = Source::Input(input);
        let mut nodes = self.nodes.iter();
        nodes.any(|node| node.inputs.contains(&source) && node.layer.takes_integers())
    }

    /// How often each node's output is used, by nodes and as an output of the model.
    fn uses(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut by_nodes, mut as_outputs) = (vec![0; self.nodes.len()], vec![0; self.nodes.len()]);
        for source in self.nodes.iter().flat_map(|node| &node.inputs) {
            if let Source::Node(index) = source {
                by_nodes[*index] += 1;
            }
        }
        for source in &self.outputs {
            if let Source::Node(index) = source {
                as_outputs[*index] += 1;
            }
        }
        (by_nodes, as_outputs)
    }

    /// What has to be computed, and how each layer has to end.
    ///
    /// A ReLU goes behind the pool that alone takes it: maxima and ReLU may change places, and
    /// after a 2x2 pool there is a quarter of the numbers left. A last softmax or sigmoid is left
    /// to the loss.
    pub(crate) fn plan(&self) -> Plan<'_> {
        self.plan_with(None)
    }

    /// The same, with the output of one node as it is without any of that.
    pub(crate) fn plan_keeping(&self, node: usize) -> Plan<'_> {
        self.plan_with(Some(node))
    }

    fn plan_with(&self, kept: Option<usize>) -> Plan<'_> {
        let (by_nodes, as_outputs) = self.uses();
        let mut activations: Vec<Activation> = self
            .nodes
            .iter()
            .map(|node| node.layer.activation())
            .collect();
        for (index, node) in self.nodes.iter().enumerate() {
            let &[Source::Node(before)] = node.inputs.as_slice() else {
                continue;
            };
            let only = by_nodes[before] == 1 && as_outputs[before] == 0 && kept != Some(before);
            if only
                && activations[before] == Activation::Relu
                && activations[index] == Activation::Linear
                && node.layer.selects_maxima()
            {
                activations[before] = Activation::Linear;
                activations[index] = Activation::Relu;
            }
        }
        let left_out = self.outputs.iter().map(|output| {
            let &Source::Node(index) = output else {
                return Activation::Linear;
            };
            let last = by_nodes[index] == 0 && as_outputs[index] == 1;
            match activations[index] {
                ending @ (Activation::Softmax | Activation::Sigmoid) if last => {
                    activations[index] = Activation::Linear;
                    ending
                }
                _ => Activation::Linear,
            }
        });
        let left_out = left_out.collect();
        let steps = self.nodes.iter().zip(activations).enumerate();
        Plan {
            steps: steps
                .map(|(index, (node, activation))| Planned {
                    node: index,
                    layer: &node.layer,
                    inputs: &node.inputs,
                    activation,
                })
                .collect(),
            outputs: &self.outputs,
            left_out,
        }
    }

    /// The symbolic tensors of all nodes for these inputs: the graph as calls of its layers.
    pub(crate) fn calls(
        &self,
        inputs: &[SymbolicTensor],
        scope: Option<&Arc<Scope>>,
    ) -> Vec<SymbolicTensor> {
        let mut calls: Vec<SymbolicTensor> = Vec::new();
        for node in &self.nodes {
            let sources = node.inputs.iter().map(|source| match source {
                Source::Input(index) => inputs[*index].clone(),
                Source::Node(index) => calls[*index].clone(),
            });
            let inputs = sources.collect();
            let origin = Origin::Layer {
                layer: node.layer.clone(),
                scope: match (scope, &node.scope) {
                    (Some(outer), Some(inner)) => Some(Arc::new(Scope {
                        name: format!("{}/{}", outer.name, inner.name),
                        ..**outer
                    })),
                    (outer, inner) => outer.or(inner.as_ref()).cloned(),
                },
            };
            calls.push(SymbolicTensor::of(origin, inputs));
        }
        calls
    }
}

impl Node {
    /// The layer's name or, within a model within the model, that model's.
    pub(crate) fn row_name(&self) -> &str {
        match &self.scope {
            Some(scope) => scope.outermost(),
            None => self.layer.name(),
        }
    }

    /// The layer's name, after that of the model within the model that it belongs to.
    pub(crate) fn full_name(&self) -> String {
        match &self.scope {
            Some(scope) => format!("{}/{}", scope.name, self.layer.name()),
            None => self.layer.name().to_owned(),
        }
    }
}

impl Plan<'_> {
    /// Computes the steps from one on; `known` are the tensors that exist already.
    ///
    /// Every tensor is let go when nothing needs it any longer.
    pub(crate) fn run(
        &self,
        known: impl IntoIterator<Item = (Source, Tensor)>,
        kind: Kind,
        phase: Phase,
    ) -> Result<Vec<Output>> {
        Ok(self.run_masked(known, kind, phase)?.0)
    }

    /// The same, and the outputs' masks.
    pub(crate) fn run_masked(
        &self,
        known: impl IntoIterator<Item = (Source, Tensor)>,
        kind: Kind,
        phase: Phase,
    ) -> Result<(Vec<Output>, Masks)> {
        self.run_by(known, kind, |step, inputs, masks| {
            step.layer.forward(inputs, masks, phase, step.activation)
        })
    }

    /// The same, with each step computed, and given a mask, by a function of its inputs and their
    /// masks.
    pub(crate) fn run_by(
        &self,
        known: impl IntoIterator<Item = (Source, Tensor)>,
        kind: Kind,
        mut compute: impl FnMut(
            &Planned<'_>,
            &[&Tensor],
            &[Option<&Tensor>],
        ) -> Result<(Tensor, Option<Tensor>)>,
    ) -> Result<(Vec<Output>, Masks)> {
        let mut masks: HashMap<Source, Tensor> = HashMap::new();
        let mut values: HashMap<Source, Tensor> = known.into_iter().collect();
        let steps = self.needed(&values);
        let mut uses: HashMap<Source, usize> = HashMap::new();
        let inputs = steps.iter().flat_map(|step| step.inputs);
        for source in inputs.chain(self.outputs) {
            *uses.entry(*source).or_default() += 1;
        }
        for step in steps {
            let (y, mask) = {
                let inputs = step
                    .inputs
                    .iter()
                    .map(|source| taken(step.layer, value(&values, *source)?, kind));
                let inputs = inputs.collect::<Result<Vec<Tensor>>>()?;
                let inputs: Vec<&Tensor> = inputs.iter().collect();
                let masks = step.inputs.iter().map(|source| masks.get(source));
                let masks: Vec<Option<&Tensor>> = masks.collect();
                compute(step, &inputs, &masks)?
            };
            if let Some(mask) = mask {
                masks.insert(Source::Node(step.node), mask);
            }
            for source in step.inputs {
                let left = uses.entry(*source).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    values.remove(source);
                }
            }
            values.insert(Source::Node(step.node), y);
        }
        let outputs = self.outputs.iter().zip(&self.left_out);
        let outputs = outputs
            .map(|(source, left_out)| ending(value(&values, *source)?.shallow_clone(), *left_out));
        let masks = self.outputs.iter().map(|source| masks.get(source));
        let masks = masks.map(|mask| mask.map(Tensor::shallow_clone));
        Ok((outputs.collect::<Result<_>>()?, masks.collect()))
    }

    /// The steps that the outputs need beyond what is known.
    fn needed(&self, known: &HashMap<Source, Tensor>) -> Vec<&Planned<'_>> {
        let mut wanted: HashSet<Source> = self.outputs.iter().copied().collect();
        let mut steps = Vec::new();
        for step in self.steps.iter().rev() {
            let source = Source::Node(step.node);
            if wanted.contains(&source) && !known.contains_key(&source) {
                wanted.extend(step.inputs);
                steps.push(step);
            }
        }
        steps.reverse();
        steps
    }
}

/// A tensor as a layer takes it: whole numbers only where it takes those, else of this kind.
pub(crate) fn taken(layer: &SharedLayer, x: &Tensor, kind: Kind) -> Result<Tensor> {
    match x.f_kind()? == Kind::Int64 && !layer.takes_integers() {
        true => Ok(x.f_to_kind(kind)?),
        false => Ok(x.shallow_clone()),
    }
}

fn value(values: &HashMap<Source, Tensor>, source: Source) -> Result<&Tensor> {
    values.get(&source).ok_or_else(|| Error::Torch {
        operation: "the model".to_owned(),
        message: format!("expected a tensor for {source:?}, received none"),
    })
}

/// The shape of a symbolic tensor, if all layers on the way have their weights.
fn shape_of(tensor: &SymbolicTensor) -> Option<Shape> {
    let mut known: HashMap<u64, Option<Shape>> = HashMap::new();
    let mut waiting = vec![tensor];
    while let Some(&next) = waiting.last() {
        let call = next.call();
        let count = waiting.len();
        let unknown = call.inputs.iter();
        waiting.extend(unknown.filter(|input| !known.contains_key(&input.number())));
        if waiting.len() > count {
            continue;
        }
        waiting.pop();
        let inputs = call.inputs.iter().map(|input| known.get(&input.number()));
        let inputs: Option<Vec<Shape>> = inputs.map(|shape| shape.cloned().flatten()).collect();
        let shape = match &call.origin {
            Origin::Input(spec) => spec.shape.clone(),
            Origin::Layer { layer, .. } => inputs.and_then(|inputs| layer.shape_for(&inputs)),
            Origin::Problem(_) => None,
        };
        known.insert(next.number(), shape);
    }
    known.remove(&tensor.number()).flatten()
}

/// The name and shape of a symbolic tensor that a model takes in.
fn spec_of(tensor: &SymbolicTensor) -> Result<InputSpec> {
    match &tensor.call().origin {
        Origin::Input(InputSpec {
            name,
            shape: Some(shape),
        }) if shape.elements().is_none() || shape.dims().iter().any(|&size| size < 1) => {
            Err(Error::option(
                &format!("input {name}"),
                "sizes of at least 1, whose product an i64 holds",
                shape,
                "leave the batch axis out: Input::new((32, 32, 3)) for colour images",
            ))
        }
        Origin::Input(spec) => Ok(spec.clone()),
        Origin::Layer { layer, .. } => match shape_of(tensor) {
            Some(shape) => Ok(InputSpec {
                name: format!("{}_output", layer.name()),
                shape: Some(shape),
            }),
            None => Err(Error::option(
                "inputs",
                "tensors whose shapes are known",
                format!(
                    "what layer {} gives, which has no weights yet",
                    layer.name()
                ),
                "first make the model that it belongs to, from its Input on",
            )),
        },
        Origin::Problem(told) => Err(Error::option(
            "inputs",
            "calls that fit",
            told,
            "see model.summary()",
        )),
    }
}
