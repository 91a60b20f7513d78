use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::attention_heads::three_shapes;
use super::plain_attention::{attend, plain_attention_options, shape};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{layer_options, masked_calls, not_built};
use crate::tensors::casts::weight_like;
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};

/// Attention by the products of a query's steps and a key's (Luong et al. 2015).
///
/// Called on a query and a value, and a key where it is not the value, in Keras's order. What the
/// value's mask leaves out is not seen; where the query's does, zeros come out.
///
/// ```
/// use labbook_nn::{Attention, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (query, value) = (Input::new((5, 8)), Input::new((9, 8)));
/// let model = Model::new([&query, &value], &Attention::new().call([&query, &value]))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5, 8)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, features) and (N, steps of the value, numbers) to (N, steps, numbers).
#[derive(Debug)]
pub struct Attention {
    settings: Settings,
    options: LayerOptions,
    weights: Option<Weights>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    use_scale: bool,
    score_mode: ScoreMode,
    dropout: f64,
    use_causal_mask: bool,
}

/// How [`Attention`] scores a step of the query by one of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMode {
    /// By their product.
    #[default]
    Dot,
    /// By the sum of the hyperbolic tangent of their sum, times a trainable number.
    Concat,
}

#[derive(Debug)]
struct Weights {
    scale: Option<Tensor>,
    concat_score_weight: Option<Tensor>,
}

registered!(Attention, weights: None);

impl Attention {
    /// A layer with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            use_scale: false,
            score_mode: ScoreMode::default(),
            dropout: 0.0,
            use_causal_mask: false,
        })
    }

    /// Says whether the scores are scaled by a trainable number; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn use_scale(mut self, use_scale: bool) -> Self {
        self.settings.use_scale = use_scale;
        self
    }

    /// Sets how scores come about; the default is [`ScoreMode::Dot`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn score_mode(mut self, score_mode: ScoreMode) -> Self {
        self.settings.score_mode = score_mode;
        self
    }

    plain_attention_options!();

    layer_options!();

    fn scores(&self, weights: &Weights, query: &Tensor, key: &Tensor) -> Result<Tensor> {
        let scaled = |x: Tensor| -> Result<Tensor> {
            match &weights.scale {
                Some(scale) => Ok(x.f_mul(&weight_like(scale, query)?)?),
                None => Ok(x),
            }
        };
        let Some(weight) = &weights.concat_score_weight else {
            return scaled(query.f_matmul(&key.f_transpose(-2, -1)?)?);
        };
        let sums = scaled(query.f_unsqueeze(-2)?.f_add(&key.f_unsqueeze(-3)?)?)?;
        let sums = sums.f_tanh()?;
        let sums = sums.f_sum_dim_intlist([-1_i64].as_slice(), false, None::<Kind>)?;
        Ok(sums.f_mul(&weight_like(weight, query)?)?)
    }
}

impl Layer for Attention {
    layer_facts!(Attention);
    crate::layers::layer::passes_mask!();

    masked_calls!(several);

    fn build_many(&mut self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        let shapes = three_shapes(inputs, context)?;
        let output = shape(shapes, self.settings.dropout, context)?;
        let mut one = |wanted: bool| -> Result<Option<Tensor>> {
            if !wanted {
                return Ok(None);
            }
            let one = context.weight(crate::Initializer::Ones, &[], (1.0, 1.0))?;
            Ok(Some(one.f_set_requires_grad(true)?))
        };
        self.weights = Some(Weights {
            scale: one(self.settings.use_scale)?,
            concat_score_weight: one(self.settings.score_mode == ScoreMode::Concat)?,
        });
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
        let Some(weights) = &self.weights else {
            return Vec::new();
        };
        let scale = weights.scale.iter();
        let scale = scale.map(|scale| Parameter::new("scale", scale));
        let weight = weights.concat_score_weight.iter();
        let weight = weight.map(|weight| Parameter::new("concat_score_weight", weight));
        scale.chain(weight).collect()
    }
}

impl Default for Attention {
    fn default() -> Self {
        Self::new()
    }
}
