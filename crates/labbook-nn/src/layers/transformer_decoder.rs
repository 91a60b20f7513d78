use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::transformer_block::{AttentionPart, DensePart, Settings, transformer_options};
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::{
    Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape, StepMemory,
    StepsSeen,
};

/// A block of a transformer's decoder (Vaswani et al. 2017): each step attends to itself and those
/// before it, then to all steps of an encoder's output if there is one, and goes through a network
/// of its own; all are added to what they take.
///
/// Called on one sequence, as in GPT, or on it and an encoder's output. Options and defaults are
/// those of KerasHub.
///
/// ```
/// use labbook_nn::{Input, Model, TransformerDecoder};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (words, encoded) = (Input::new((20, 16)), Input::new((30, 16)));
/// let outputs = TransformerDecoder::new(32, 2).call([&words, &encoded]);
/// let model = Model::new([&words, &encoded], &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 20, 16)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as the first input, (N, steps, features).
#[derive(Debug)]
pub struct TransformerDecoder {
    settings: Settings,
    options: LayerOptions,
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    own: AttentionPart,
    cross: Option<AttentionPart>,
    dense: DensePart,
}

registered!(TransformerDecoder, parts: None);

impl TransformerDecoder {
    /// A block with so many units in the network at each step, and so many heads.
    #[must_use]
    pub fn new(intermediate_dim: i64, num_heads: i64) -> Self {
        Self::of(Settings::new(intermediate_dim, num_heads))
    }

    transformer_options!();
    layer_options!();

    /// What comes behind the attention of steps to each other; with an encoder's output and the
    /// steps of it that count.
    fn rest(
        &self,
        parts: &Parts,
        mut y: Tensor,
        encoded: Option<(&Tensor, Option<&Tensor>)>,
        phase: Phase,
    ) -> Result<Tensor> {
        if let Some(cross) = &parts.cross {
            let Some((encoded, mask)) = encoded else {
                return Err(not_built(self.class_name(), &self.options));
            };
            let seen = ([None, mask, None], false);
            y = self
                .settings
                .attend(cross, &y, Some(encoded), seen, phase)?;
        }
        self.settings.feed(&parts.dense, &y, phase)
    }
}

impl Layer for TransformerDecoder {
    layer_facts!(TransformerDecoder);
    crate::layers::layer::passes_mask!();

    masked_calls!(several);

    fn build_many(&mut self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        let (input, encoded) = match inputs {
            [input] => (input, None),
            [input, encoded] => (input, Some(encoded)),
            _ => {
                return Err(context.error(
                    "a sequence, and perhaps an encoder's output",
                    format!("{} tensors", inputs.len()),
                    "call it on [&words, &encoded]",
                ));
            }
        };
        let settings = &self.settings;
        let own = settings.attention(input, input, context)?;
        let cross = encoded.map(|encoded| settings.attention(input, encoded, context));
        self.parts = Some(Parts {
            own,
            cross: cross.transpose()?,
            dense: settings.dense(input, context)?,
        });
        Ok(input.clone())
    }

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let (Some(x), Some(parts)) = (inputs.first(), &self.parts) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let own = ([None, first_mask(masks), None], true);
        let y = self.settings.attend(&parts.own, x, None, own, phase)?;
        let mask = masks.get(1).copied().flatten();
        self.rest(
            parts,
            y,
            inputs.get(1).map(|encoded| (*encoded, mask)),
            phase,
        )
    }

    fn steps_seen(&self) -> StepsSeen {
        StepsSeen::Earlier
    }

    fn forward_next(
        &self,
        inputs: &[&Tensor],
        memory: &mut StepMemory,
        _activation: Activation,
    ) -> Result<Tensor> {
        let (Some(x), Some(parts)) = (inputs.first(), &self.parts) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let y = self.settings.attend_next(&parts.own, x, memory)?;
        let encoded = inputs.get(1).map(|encoded| (*encoded, None));
        self.rest(parts, y, encoded, Phase::Infer)
    }

    fn attention_scores(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let (Some(x), Some(parts)) = (inputs.first(), &self.parts) else {
            return Ok(None);
        };
        let own = ([None, first_mask(masks), None], true);
        self.settings.scores(&parts.own, x, own).map(Some)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some(parts) = &self.parts else {
            return Vec::new();
        };
        let cross = parts.cross.iter();
        let cross = cross.flat_map(|part| part.parameters("cross_attention"));
        let own = parts.own.parameters("self_attention").into_iter();
        own.chain(cross)
            .chain(parts.dense.parameters(false))
            .collect()
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let steps = output.dims().first().copied().unwrap_or_default();
        let Some(parts) = &self.parts else {
            return 0;
        };
        let attention = [Some(&parts.own), parts.cross.as_ref()];
        let attention = attention.iter().flatten();
        let attention: i64 = attention.map(|part| part.multiply_adds(steps)).sum();
        attention.saturating_add(parts.dense.multiply_adds(output))
    }
}
