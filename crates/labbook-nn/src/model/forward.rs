use std::ops::Range;

use tch::{Kind, Tensor};

use super::graph::{Masks, Source, taken};
use super::model::Model;
use crate::losses::loss::Output;
use crate::{Error, Phase, Result};

impl Model {
    /// Runs the layers on one tensor for each input, stopping before a last softmax or sigmoid.
    pub(crate) fn compute(&self, inputs: &[Tensor], phase: Phase) -> Result<Vec<Output>> {
        Ok(self.compute_masked(inputs, phase)?.0)
    }

    /// The same, and the outputs' masks.
    pub(crate) fn compute_masked(
        &self,
        inputs: &[Tensor],
        phase: Phase,
    ) -> Result<(Vec<Output>, Masks)> {
        let known = inputs
            .iter()
            .enumerate()
            .map(|(index, x)| Ok((Source::Input(index), self.in_compute_kind(x)?)));
        self.graph.plan().run_masked(
            known.collect::<Result<Vec<_>>>()?,
            self.compute_kind(),
            phase,
        )
    }

    /// The first output for a model with one input.
    pub(crate) fn compute_first(&self, x: &Tensor, phase: Phase) -> Result<Output> {
        let mut outputs = self.compute(&[x.shallow_clone()], phase)?;
        match outputs.is_empty() {
            true => Err(self.no_layers()),
            false => Ok(outputs.swap_remove(0)),
        }
    }

    /// The first output, given that of a node and whatever else it needs of these inputs.
    pub(crate) fn forward_from(
        &self,
        node: usize,
        y: &Tensor,
        x: &Tensor,
        phase: Phase,
    ) -> Result<Output> {
        let known = [
            (Source::Node(node), self.in_compute_kind(y)?),
            (Source::Input(0), self.in_compute_kind(x)?),
        ];
        let plan = self.graph.plan_keeping(node);
        let mut outputs = plan.run(known, self.compute_kind(), phase)?;
        match outputs.is_empty() {
            true => Err(self.no_layers()),
            false => Ok(outputs.swap_remove(0)),
        }
    }

    /// What some nodes give for inference, each to the end of its own activation function.
    pub(crate) fn node_outputs(
        &self,
        nodes: Range<usize>,
        inputs: &[Tensor],
    ) -> Result<Vec<Tensor>> {
        let mut values: Vec<Option<Tensor>> = Vec::new();
        values.resize_with(self.graph.nodes.len(), || None);
        let mut masks: Masks = Vec::new();
        masks.resize_with(self.graph.nodes.len(), || None);
        let inputs = inputs.iter().map(|x| self.in_compute_kind(x));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        // The last node that takes each one's output.
        let mut last_use = vec![0; self.graph.nodes.len()];
        for (index, node) in self.graph.nodes.iter().enumerate() {
            for source in &node.inputs {
                if let Source::Node(before) = source {
                    last_use[*before] = index;
                }
            }
        }
        for (index, node) in self.graph.nodes.iter().enumerate().take(nodes.end) {
            let missing = || Error::Torch {
                operation: "the model".to_owned(),
                message: "expected a tensor for every node, received none".to_owned(),
            };
            let tensors = node.inputs.iter().map(|source| match source {
                Source::Input(input) => inputs.get(*input).ok_or_else(missing),
                Source::Node(before) => values[*before].as_ref().ok_or_else(missing),
            });
            let tensors = tensors.map(|x| taken(&node.layer, x?, self.compute_kind()));
            let tensors = tensors.collect::<Result<Vec<Tensor>>>()?;
            let tensors: Vec<&Tensor> = tensors.iter().collect();
            let known = node.inputs.iter().map(|source| match source {
                Source::Input(_) => None,
                Source::Node(before) => masks[*before].as_ref(),
            });
            let known: Vec<Option<&Tensor>> = known.collect();
            let ending = node.layer.activation();
            let (y, mask) = node.layer.forward(&tensors, &known, Phase::Infer, ending)?;
            (values[index], masks[index]) = (Some(y), mask);
            for source in &node.inputs {
                if let Source::Node(before) = source
                    && last_use[*before] == index
                    && *before < nodes.start
                {
                    values[*before] = None;
                }
            }
        }
        let outputs = values
            .into_iter()
            .take(nodes.end)
            .skip(nodes.start)
            .flatten();
        outputs.map(|y| Ok(y.f_to_kind(Kind::Float)?)).collect()
    }

    /// Floats in the precision that layers compute in; whole numbers as they are.
    pub(crate) fn in_compute_kind(&self, x: &Tensor) -> Result<Tensor> {
        match x.f_kind()? {
            Kind::Int64 => Ok(x.shallow_clone()),
            _ => Ok(x.f_to_kind(self.compute_kind())?),
        }
    }

    pub(crate) fn compute_kind(&self) -> Kind {
        self.dtype_policy().compute_kind()
    }
}
