use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::transformer_block::{AttentionPart, DensePart, Settings, transformer_options};
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};

/// A block of a transformer's encoder (Vaswani et al. 2017): each step attends to all, then goes
/// through a network of its own; both are added to what they take.
///
/// Options and defaults are those of KerasHub. Steps that a mask leaves out are not seen.
///
/// ```
/// use labbook_nn::{Dense, Embedding, GlobalAveragePooling1D, Sequential, TransformerEncoder};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Embedding::new(1000, 16).mask_zero(true).input_shape(20));
/// model.add(TransformerEncoder::new(32, 2));
/// model.add(GlobalAveragePooling1D::new());
/// model.add(Dense::new(3));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input, (N, steps, features).
#[derive(Debug)]
pub struct TransformerEncoder {
    settings: Settings,
    options: LayerOptions,
    parts: Option<(AttentionPart, DensePart)>,
}

registered!(TransformerEncoder, parts: None);

impl TransformerEncoder {
    /// A block with so many units in the network at each step, and so many heads.
    #[must_use]
    pub fn new(intermediate_dim: i64, num_heads: i64) -> Self {
        Self::of(Settings::new(intermediate_dim, num_heads))
    }

    transformer_options!();
    layer_options!();
}

impl Layer for TransformerEncoder {
    layer_facts!(TransformerEncoder);
    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let attention = self.settings.attention(input, input, context)?;
        self.parts = Some((attention, self.settings.dense(input, context)?));
        Ok(input.clone())
    }

    masked_calls!();

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let ([x], Some((attention, dense))) = (inputs, &self.parts) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let mask = first_mask(masks);
        let seen = ([mask, mask, None], false);
        let y = self.settings.attend(attention, x, None, seen, phase)?;
        self.settings.feed(dense, &y, phase)
    }

    fn attention_scores(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let ([x], Some((attention, _))) = (inputs, &self.parts) else {
            return Ok(None);
        };
        let mask = first_mask(masks);
        let scores = self
            .settings
            .scores(attention, x, ([mask, mask, None], false));
        scores.map(Some)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some((attention, dense)) = &self.parts else {
            return Vec::new();
        };
        let attention = attention.parameters("self_attention").into_iter();
        attention.chain(dense.parameters(true)).collect()
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let steps = output.dims().first().copied().unwrap_or_default();
        self.parts.as_ref().map_or(0, |(attention, dense)| {
            let attention = attention.multiply_adds(steps);
            attention.saturating_add(dense.multiply_adds(output))
        })
    }
}
