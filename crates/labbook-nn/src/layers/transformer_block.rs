//! What the blocks of a transformer share: attention and a small network at each step, each added to
//! its input and normalized.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::attention_heads::{Attended, HeadOptions, Heads};
use super::spatial::{axes, check_sizes};
use super::{Dense, Dropout, LayerNormalization};
use crate::{
    Activation, BuildContext, Initializer, Layer, Parameter, Phase, Result, Shape, StepMemory,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) intermediate_dim: i64,
    pub(super) num_heads: i64,
    pub(super) dropout: f64,
    pub(super) activation: Activation,
    pub(super) layer_norm_epsilon: f64,
    pub(super) kernel_initializer: Initializer,
    pub(super) bias_initializer: Initializer,
    pub(super) normalize_first: bool,
}

/// Attention and the normalization that belongs to it.
#[derive(Debug)]
pub(super) struct AttentionPart {
    options: HeadOptions,
    heads: Heads,
    norm: LayerNormalization,
}

/// The network at each step and its normalization.
#[derive(Debug)]
pub(super) struct DensePart {
    inner: Dense,
    outer: Dense,
    norm: LayerNormalization,
}

impl Settings {
    /// KerasHub's defaults.
    pub(super) fn new(intermediate_dim: i64, num_heads: i64) -> Self {
        Self {
            intermediate_dim,
            num_heads,
            dropout: 0.0,
            activation: Activation::Relu,
            layer_norm_epsilon: 1e-5,
            kernel_initializer: Initializer::default(),
            bias_initializer: Initializer::Zeros,
            normalize_first: false,
        }
    }

    fn norm(&self, input: &Shape, context: &mut BuildContext<'_>) -> Result<LayerNormalization> {
        let mut norm = LayerNormalization::new().epsilon(self.layer_norm_epsilon);
        let _ = norm.build(input, context)?;
        Ok(norm)
    }

    /// Attention of steps of one shape to those of another.
    pub(super) fn attention(
        &self,
        query: &Shape,
        value: &Shape,
        context: &mut BuildContext<'_>,
    ) -> Result<AttentionPart> {
        let (_, features) = axes(query, 1, context)?;
        let sizes = [self.intermediate_dim, self.num_heads];
        check_sizes("intermediate_dim and num_heads", &sizes, 1, context)?;
        if features < self.num_heads {
            return Err(context.error(
                &format!("at least a feature for each of {} heads", self.num_heads),
                query,
                "use fewer heads, or embed into more numbers",
            ));
        }
        let options = HeadOptions {
            dropout: self.dropout,
            kernel_initializer: self.kernel_initializer,
            bias_initializer: self.bias_initializer,
            ..HeadOptions::new(self.num_heads, features / self.num_heads)
        };
        let (heads, _) = options.build([query, value, value], context)?;
        Ok(AttentionPart {
            options,
            heads,
            norm: self.norm(query, context)?,
        })
    }

    /// The network at each step of this shape.
    pub(super) fn dense(&self, input: &Shape, context: &mut BuildContext<'_>) -> Result<DensePart> {
        let layer = |units: i64, activation: Activation| {
            Dense::new(units)
                .activation(activation)
                .kernel_initializer(self.kernel_initializer)
                .bias_initializer(self.bias_initializer)
        };
        let (_, features) = axes(input, 1, context)?;
        let mut inner = layer(self.intermediate_dim, self.activation);
        let mut outer = layer(features, Activation::Linear);
        let wide = inner.build(input, context)?;
        let _ = outer.build(&wide, context)?;
        Ok(DensePart {
            inner,
            outer,
            norm: self.norm(input, context)?,
        })
    }

    /// A part of the block added to its input, normalized before or after.
    fn added(
        &self,
        x: &Tensor,
        norm: &LayerNormalization,
        phase: Phase,
        part: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let normal = |x: &Tensor| norm.forward(x, phase, Activation::Linear);
        let y = match self.normalize_first {
            true => part(&normal(x)?)?,
            false => part(x)?,
        };
        let y = Dropout::new(self.dropout).forward(&y, phase, Activation::Linear)?;
        let y = y.f_add(x)?;
        match self.normalize_first {
            true => Ok(y),
            false => normal(&y),
        }
    }

    /// Attention to the steps of another sequence, or if none is given to its own.
    pub(super) fn attend(
        &self,
        part: &AttentionPart,
        x: &Tensor,
        other: Option<&Tensor>,
        (masks, causal): ([Option<&Tensor>; 3], bool),
        phase: Phase,
    ) -> Result<Tensor> {
        self.added(x, &part.norm, phase, |query| {
            let value = other.unwrap_or(query);
            let attended = Attended {
                query,
                value,
                key: value,
                masks,
                causal,
            };
            part.heads.attend(&part.options, &attended, phase)
        })
    }

    /// How much each step gathers from the steps of its own sequence.
    pub(super) fn scores(
        &self,
        part: &AttentionPart,
        x: &Tensor,
        (masks, causal): ([Option<&Tensor>; 3], bool),
    ) -> Result<Tensor> {
        let query = match self.normalize_first {
            true => part.norm.forward(x, Phase::Infer, Activation::Linear)?,
            false => x.shallow_clone(),
        };
        let attended = Attended {
            query: &query,
            value: &query,
            key: &query,
            masks,
            causal,
        };
        part.heads.scores(&part.options, &attended)
    }

    /// Attention of new steps to themselves and those before them, for inference.
    pub(super) fn attend_next(
        &self,
        part: &AttentionPart,
        x: &Tensor,
        memory: &mut StepMemory,
    ) -> Result<Tensor> {
        self.added(x, &part.norm, Phase::Infer, |x| {
            part.heads.attend_next(&part.options, x, memory)
        })
    }

    /// The network at each step.
    pub(super) fn feed(&self, part: &DensePart, x: &Tensor, phase: Phase) -> Result<Tensor> {
        self.added(x, &part.norm, phase, |x| {
            let wide = part.inner.forward(x, phase, self.activation)?;
            part.outer.forward(&wide, phase, Activation::Linear)
        })
    }
}

/// Weights under the name of the part that they belong to.
fn under(name: &str, parameters: Vec<Parameter>) -> impl Iterator<Item = Parameter> {
    let name = name.to_owned();
    parameters.into_iter().map(move |parameter| Parameter {
        name: format!("{name}_{}", parameter.name),
        ..parameter
    })
}

impl AttentionPart {
    pub(super) fn parameters(&self, name: &str) -> Vec<Parameter> {
        let heads = under(name, self.heads.parameters());
        heads
            .chain(under(&format!("{name}_layer_norm"), self.norm.parameters()))
            .collect()
    }

    pub(super) fn multiply_adds(&self, steps: i64) -> i64 {
        self.heads.multiply_adds(steps)
    }
}

impl DensePart {
    /// The weights; in the order of KerasHub's encoder, or of its decoder.
    pub(super) fn parameters(&self, norm_first: bool) -> Vec<Parameter> {
        let norm = under("feedforward_layer_norm", self.norm.parameters());
        let inner = under("feedforward_intermediate", self.inner.parameters());
        let outer = under("feedforward_output", self.outer.parameters());
        match norm_first {
            true => norm.chain(inner).chain(outer).collect(),
            false => inner.chain(outer).chain(norm).collect(),
        }
    }

    pub(super) fn multiply_adds(&self, output: &Shape) -> i64 {
        let numbers = output.elements().unwrap_or(i64::MAX);
        let weights = self.inner.parameters();
        let units = weights.first().map_or(0, |kernel| kernel.value.size()[1]);
        numbers.saturating_mul(units).saturating_mul(2)
    }
}

/// The builder methods that both blocks share.
macro_rules! transformer_options {
    () => {
        /// Sets the share of scores and outputs that is dropped in training; the default is 0.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn dropout(mut self, dropout: f64) -> Self {
            self.settings.dropout = dropout;
            self
        }

        /// Sets the function within the network at each step; the default is ReLU.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn activation(mut self, activation: $crate::Activation) -> Self {
            self.settings.activation = activation;
            self
        }

        /// Sets the number that keeps the normalizations' divisions finite; the default is 0.00001.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn layer_norm_epsilon(mut self, epsilon: f64) -> Self {
            self.settings.layer_norm_epsilon = epsilon;
            self
        }

        /// Sets what the kernels are before training; the default is Glorot uniform.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn kernel_initializer(mut self, initializer: $crate::Initializer) -> Self {
            self.settings.kernel_initializer = initializer;
            self
        }

        /// Sets what the biases are before training; the default is zeros.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn bias_initializer(mut self, initializer: $crate::Initializer) -> Self {
            self.settings.bias_initializer = initializer;
            self
        }

        /// Says whether each part normalizes its input, as GPT-2, or its output, as BERT; the
        /// default is `false`, the output.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn normalize_first(mut self, normalize_first: bool) -> Self {
            self.settings.normalize_first = normalize_first;
            self
        }
    };
}
pub(super) use transformer_options;
