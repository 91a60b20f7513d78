use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::attention_heads::three_shapes;
use super::plain_attention::{attend, plain_attention_options, shape};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{layer_options, masked_calls, not_built};
use crate::tensors::casts::weight_like;
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};

/// Attention by the hyperbolic tangent of the sum of a query's steps and a key's (Bahdanau et al.
/// 2015).
///
/// Called on a query and a value, and a key where it is not the value, in Keras's order. What the
/// value's mask leaves out is not seen; where the query's does, zeros come out.
///
/// ```
/// use labbook_nn::{AdditiveAttention, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (query, value) = (Input::new((5, 8)), Input::new((9, 8)));
/// let model = Model::new([&query, &value], &AdditiveAttention::new().call([&query, &value]))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5, 8)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, features) and (N, steps of the value, numbers) to (N, steps, numbers).
#[derive(Debug)]
pub struct AdditiveAttention {
    settings: Settings,
    options: LayerOptions,
    weights: Option<Weights>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    use_scale: bool,
    dropout: f64,
    use_causal_mask: bool,
}

#[derive(Debug)]
struct Weights {
    scale: Option<Tensor>,
}

registered!(AdditiveAttention, weights: None);

impl AdditiveAttention {
    /// A layer with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            use_scale: true,
            dropout: 0.0,
            use_causal_mask: false,
        })
    }

    /// Says whether the scores are scaled by trainable numbers; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn use_scale(mut self, use_scale: bool) -> Self {
        self.settings.use_scale = use_scale;
        self
    }

    plain_attention_options!();

    layer_options!();

    fn scores(&self, weights: &Weights, query: &Tensor, key: &Tensor) -> Result<Tensor> {
        let sums = query.f_unsqueeze(-2)?.f_add(&key.f_unsqueeze(-3)?)?;
        let mut sums = sums.f_tanh()?;
        if let Some(scale) = &weights.scale {
            sums = sums.f_mul(&weight_like(scale, query)?)?;
        }
        Ok(sums.f_sum_dim_intlist([-1_i64].as_slice(), false, None::<Kind>)?)
    }
}

impl Layer for AdditiveAttention {
    layer_facts!(AdditiveAttention);
    crate::layers::layer::passes_mask!();

    masked_calls!(several);

    fn build_many(&mut self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        let shapes = three_shapes(inputs, context)?;
        let output = shape(shapes, self.settings.dropout, context)?;
        let size = shapes[0].dims().last().copied().unwrap_or_default();
        let mut scale = None;
        if self.settings.use_scale {
            let fans = (size as f64, size as f64);
            let numbers = context.weight(crate::Initializer::GlorotUniform, &[size], fans)?;
            scale = Some(numbers.f_set_requires_grad(true)?);
        }
        self.weights = Some(Weights { scale });
        Ok(output)
    }

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let settings = &self.settings;
        let options = (settings.dropout, settings.use_causal_mask);
        let y = match &self.weights {
            Some(weights) => attend(inputs, masks, options, phase, |query, key| {
                self.scores(weights, query, key)
            })?,
            None => None,
        };
        y.ok_or_else(|| not_built(self.class_name(), &self.options))
    }

    fn parameters(&self) -> Vec<Parameter> {
        let scale = self.weights.iter().flat_map(|weights| &weights.scale);
        scale.map(|scale| Parameter::new("scale", scale)).collect()
    }
}

impl Default for AdditiveAttention {
    fn default() -> Self {
        Self::new()
    }
}
