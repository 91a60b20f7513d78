use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::attention_heads::{Attended, HeadOptions, Heads, three, three_masks, three_shapes};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{layer_options, masked_calls, not_built};
use crate::{
    Activation, BuildContext, Initializer, Layer, LayerOptions, Parameter, Phase, Result, Shape,
    StepMemory, StepsSeen,
};

/// Attention of several heads (Vaswani et al. 2017): each step of a query gathers what fits it from
/// the steps of a value.
///
/// Called on a query and a value, and a key where it is not the value, in Keras's order; on one
/// tensor it attends to itself. Kernels are Glorot uniform, biases zero. What masks leave out is not
/// seen, and the query's mask is the output's. libtorch computes it without keeping the scores.
///
/// ```
/// use labbook_nn::{Input, Model, MultiHeadAttention};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (query, value) = (Input::new((5, 16)), Input::new((9, 8)));
/// let outputs = MultiHeadAttention::new(2, 4).call([&query, &value]);
/// let model = Model::new([&query, &value], &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5, 16)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, features) and (N, steps of the value, ..) to (N, steps, features).
#[derive(Debug)]
pub struct MultiHeadAttention {
    settings: Settings,
    options: LayerOptions,
    heads: Option<Heads>,
    /// How many tensors it is called on.
    inputs: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    heads: HeadOptions,
    use_causal_mask: bool,
}

registered!(MultiHeadAttention, heads: None, inputs: 0);

impl MultiHeadAttention {
    /// So many heads with keys and values of `key_dim` numbers.
    #[must_use]
    pub fn new(num_heads: i64, key_dim: i64) -> Self {
        Self::of(Settings {
            heads: HeadOptions::new(num_heads, key_dim),
            use_causal_mask: false,
        })
    }

    /// Sets how many numbers a head gathers; the default is the key's.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn value_dim(mut self, value_dim: i64) -> Self {
        self.settings.heads.value_dim = value_dim;
        self
    }

    /// Sets how many numbers come out for each step; the default is the query's.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_dim(mut self, output_dim: i64) -> Self {
        self.settings.heads.output_dim = Some(output_dim);
        self
    }

    /// Sets the share of the scores that is dropped in training; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.settings.heads.dropout = dropout;
        self
    }

    /// Says whether there are biases; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.settings.heads.use_bias = use_bias;
        self
    }

    /// Says whether no step sees those after it; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn use_causal_mask(mut self, use_causal_mask: bool) -> Self {
        self.settings.use_causal_mask = use_causal_mask;
        self
    }

    /// Sets what the kernels are before training; the default is Glorot uniform.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.heads.kernel_initializer = initializer;
        self
    }

    /// Sets what the biases are before training; the default is zeros.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.heads.bias_initializer = initializer;
        self
    }

    layer_options!();

    fn attended<'a>(
        &self,
        inputs: &[&'a Tensor],
        masks: &[Option<&'a Tensor>],
    ) -> Option<Attended<'a>> {
        let [query, value, key] = three(inputs)?;
        Some(Attended {
            query,
            value,
            key,
            masks: three_masks(masks),
            causal: self.settings.use_causal_mask,
        })
    }
}

impl Layer for MultiHeadAttention {
    layer_facts!(MultiHeadAttention);
    crate::layers::layer::passes_mask!();

    masked_calls!(several);

    fn build_many(&mut self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        let shapes = three_shapes(inputs, context)?;
        let (heads, output) = self.settings.heads.build(shapes, context)?;
        self.heads = Some(heads);
        self.inputs = inputs.len();
        Ok(output)
    }

    fn steps_seen(&self) -> StepsSeen {
        match self.settings.use_causal_mask && self.inputs == 1 {
            true => StepsSeen::Earlier,
            false => StepsSeen::All,
        }
    }

    fn forward_next(
        &self,
        inputs: &[&Tensor],
        memory: &mut StepMemory,
        _activation: Activation,
    ) -> Result<Tensor> {
        match (inputs, &self.heads) {
            ([x], Some(heads)) => heads.attend_next(&self.settings.heads, x, memory),
            _ => Err(not_built(self.class_name(), &self.options)),
        }
    }

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let (Some(attended), Some(heads)) = (self.attended(inputs, masks), &self.heads) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        heads.attend(&self.settings.heads, &attended, phase)
    }

    fn attention_scores(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        match (self.attended(inputs, masks), &self.heads) {
            (Some(attended), Some(heads)) => {
                heads.scores(&self.settings.heads, &attended).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.heads.as_ref().map_or_else(Vec::new, Heads::parameters)
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let steps = output.dims().first().copied().unwrap_or_default();
        let heads = self.heads.as_ref();
        heads.map_or(0, |heads| heads.multiply_adds(steps))
    }
}
