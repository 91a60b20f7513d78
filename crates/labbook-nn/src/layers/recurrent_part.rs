//! The outputs and states of a recurrent layer that gives both.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::axes;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape, SymbolicTensor};

/// One of the tensors that a recurrent layer gives together, behind one another along the steps: what
/// [`LSTM::call_with_state`](super::LSTM::call_with_state) makes of each.
///
/// ```
/// use labbook_nn::{Dense, GRU, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// // An encoder's state is where a decoder begins.
/// let (source, target) = (Input::new((9, 4)), Input::new((5, 4)));
/// let [_, state] = GRU::new(8).call_with_state(&source);
/// let x = GRU::new(8).return_sequences(true).call([&target, &state]);
/// let model = Model::new([&source, &target], &Dense::new(2).call(&x))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5, 2)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, units) to (N, units), or for the outputs of all steps (N, fewer steps, units).
#[derive(Debug)]
pub struct RecurrentPart {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whether the outputs are those of all steps.
    sequences: bool,
    /// How many tensors there are.
    tensors: usize,
    /// Which one this is: the outputs, then the states.
    index: usize,
    /// How many units it has; files from before cells could be stacked with their states leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    units: Option<i64>,
}

registered!(RecurrentPart);

impl RecurrentPart {
    pub(super) fn new(sequences: bool, tensors: usize, index: usize) -> Self {
        Self::of(Settings {
            sequences,
            tensors,
            index,
            units: None,
        })
    }

    /// All of them, of so many units each, out of what a layer gives together.
    pub(super) fn all_of(
        packed: &SymbolicTensor,
        sequences: bool,
        units: &[i64],
    ) -> Vec<SymbolicTensor> {
        let tensors = units.len();
        let parts = units.iter().enumerate().map(|(index, &units)| {
            let mut part = Self::new(sequences, tensors, index);
            part.settings.units = Some(units);
            part.call(packed)
        });
        parts.collect()
    }

    layer_options!();

    /// Whether it is the outputs of all steps.
    fn is_sequence(&self) -> bool {
        self.settings.sequences && self.settings.index == 0
    }

    /// How many steps are outputs, of so many.
    fn outputs(&self, steps: i64) -> i64 {
        steps - self.settings.tensors as i64 + 1
    }
}

/// Outputs, (N, units) or (N, steps, units), with the states behind them; zeros fill up those of fewer
/// units.
pub(super) fn packed(y: Tensor, states: &[Tensor]) -> Result<Tensor> {
    let outputs = match y.dim() {
        2 => y.f_unsqueeze(1)?,
        _ => y,
    };
    let mut all = vec![outputs];
    for state in states {
        all.push(state.f_unsqueeze(1)?);
    }
    let width = |part: &Tensor| part.size().last().copied().unwrap_or_default();
    let widest = all.iter().map(width).max().unwrap_or_default();
    for part in &mut all {
        let missing = widest - width(part);
        if missing > 0 {
            *part = part.f_constant_pad_nd([0, missing])?;
        }
    }
    Ok(Tensor::f_cat(&all, 1)?)
}

impl Layer for RecurrentPart {
    layer_facts!(RecurrentPart);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (steps, units) = axes(input, 1, context)?;
        let outputs = self.outputs(steps[0]);
        let wide = units;
        let units = self.settings.units.unwrap_or(wide);
        let fits = (1..=wide).contains(&units) && self.settings.index < self.settings.tensors;
        if outputs < 1 || !fits {
            return Err(context.error(
                "the outputs and states of a recurrent layer",
                input,
                "make it by call_with_state",
            ));
        }
        Ok(match self.is_sequence() {
            true => Shape::from((outputs, units)),
            false => Shape::from(units),
        })
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let outputs = self.outputs(x.size()[1]);
        let part = match self.is_sequence() {
            true => x.f_narrow(1, 0, outputs)?,
            false => x.f_select(1, outputs - 1 + self.settings.index as i64)?,
        };
        match self.settings.units {
            Some(units) => Ok(part.f_narrow(-1, 0, units)?),
            None => Ok(part),
        }
    }

    fn compute_mask(
        &self,
        _inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let mask = crate::layers::layer::first_mask(masks).filter(|_| self.is_sequence());
        Ok(mask.map(Tensor::shallow_clone))
    }
}
