use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::feature_slice::FeatureSlice;
use super::recurrent::{self, Given, Weights, output_shape};
use super::recurrent_part::{RecurrentPart, packed};
use super::registry::{Registered, layer_facts, registered};
use super::{GRU, LSTM, SimpleRNN};
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::{
    Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape, SymbolicTensor,
    SymbolicTensors,
};

/// How a [`Bidirectional`] layer joins the outputs of its two halves. For Keras's `merge_mode=None`
/// there is [`Bidirectional::call_apart`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// Side by side.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
}

/// A recurrent layer and one of the same options that sees the steps from the last to the first.
///
/// ```
/// use labbook_nn::{Bidirectional, LSTM, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Bidirectional::new(LSTM::new(8)).input_shape((20, 4)));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 16)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, inputs) to (N, 2 · units), or (N, steps, 2 · units) with `return_sequences`; to half
/// of that unless the outputs are put side by side.
#[derive(Debug)]
pub struct Bidirectional {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    weights: Option<(Weights, Weights)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    merge_mode: MergeMode,
    layer: recurrent::Settings,
}

registered!(Bidirectional, activity: Activity::default(), weights: None);

/// A layer that [`Bidirectional`] runs both ways: a [`SimpleRNN`], an [`LSTM`] or a [`GRU`].
#[derive(Debug)]
pub struct RecurrentLayer {
    settings: recurrent::Settings,
    options: LayerOptions,
}

macro_rules! from_layers {
    ($($layer:ident),+) => {$(
        impl From<$layer> for RecurrentLayer {
            fn from(layer: $layer) -> Self {
                Self {
                    options: layer.options().clone(),
                    settings: layer.into_settings(),
                }
            }
        }
    )+};
}
from_layers!(SimpleRNN, LSTM, GRU);

impl Bidirectional {
    /// Runs a recurrent layer both ways, the outputs side by side.
    #[must_use]
    pub fn new(layer: impl Into<RecurrentLayer>) -> Self {
        let RecurrentLayer { settings, options } = layer.into();
        let both = Self::of(Settings {
            merge_mode: MergeMode::default(),
            layer: settings,
        });
        Self {
            options: LayerOptions {
                name: None,
                ..options
            },
            ..both
        }
    }

    /// Sets how the outputs are joined; the default is [`MergeMode::Concat`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn merge_mode(mut self, merge_mode: MergeMode) -> Self {
        self.settings.merge_mode = merge_mode;
        self
    }

    layer_options!();

    /// The outputs of both halves, each as one half alone would give them, those of the second in the
    /// order of the first's: what `layer(x)` gives in Keras with `merge_mode=None`.
    ///
    /// ```
    /// use labbook_nn::{Add, Bidirectional, Dense, GRU, Input, Model};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let x = Input::new((9, 4));
    /// let [forward, backward] = Bidirectional::new(GRU::new(8)).call_apart(&x);
    /// let y = Add::new().call([&forward, &Dense::new(8).call(&backward)]);
    /// let model = Model::new(&x, &y)?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 8)");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Never fails: what does not fit is told by [`Model::new`](crate::Model::new).
    pub fn call_apart(self, inputs: impl Into<SymbolicTensors>) -> [SymbolicTensor; 2] {
        let units = self.settings.layer.units;
        let both = self.merge_mode(MergeMode::Concat).call(inputs);
        [0, units].map(|first| FeatureSlice::new(first, units).call(&both))
    }

    /// What comes out, and the state of each half after its last step, the first half's first, each
    /// (N, units), two tensors of an [`LSTM`]: what `layer(x)` gives in Keras with `return_state=True`.
    ///
    /// ```
    /// use labbook_nn::{Bidirectional, Concatenate, Dense, Input, LSTM, Model};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// // A decoder begins where both halves of an encoder ended.
    /// let (source, target) = (Input::new((9, 4)), Input::new((5, 4)));
    /// let told = Bidirectional::new(LSTM::new(8)).call_with_state(&source);
    /// let output = Concatenate::new().call([&told[1], &told[3]]);
    /// let carry = Concatenate::new().call([&told[2], &told[4]]);
    /// let x = LSTM::new(16).return_sequences(true).call([&target, &output, &carry]);
    /// let model = Model::new([&source, &target], &Dense::new(2).call(&x))?;
    /// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 5, 2)");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Never fails: what does not fit is told by [`Model::new`](crate::Model::new).
    pub fn call_with_state(mut self, inputs: impl Into<SymbolicTensors>) -> Vec<SymbolicTensor> {
        self.settings.layer.return_state = true;
        let sequences = self.settings.layer.return_sequences;
        let units = [vec![self.width()], self.states()].concat();
        RecurrentPart::all_of(&self.call(inputs), sequences, &units)
    }

    /// How many features come out.
    fn width(&self) -> i64 {
        match self.settings.merge_mode {
            MergeMode::Concat => self.settings.layer.units.saturating_mul(2),
            MergeMode::Sum | MergeMode::Mul | MergeMode::Ave => self.settings.layer.units,
        }
    }

    /// How many units each tensor of the halves' states has.
    fn states(&self) -> Vec<i64> {
        self.settings.layer.states().repeat(2)
    }

    /// The options of the second half.
    fn backwards(&self) -> recurrent::Settings {
        let layer = self.settings.layer.clone();
        recurrent::Settings {
            go_backwards: !layer.go_backwards,
            ..layer
        }
    }
}

impl Layer for Bidirectional {
    layer_facts!(Bidirectional, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let layer = &self.settings.layer;
        if layer.stateful {
            return Err(context.error(
                "a layer that keeps no state between batches",
                "one that does",
                "call two layers, one with go_backwards(true), and join them with Concatenate",
            ));
        }
        let (forward, _) = layer.build(input, context)?;
        let (backward, _) = self.backwards().build(input, context)?;
        self.weights = Some((forward, backward));
        let steps = input.dims().first().copied().unwrap_or_default();
        let states = layer.return_state.then(|| self.states());
        Ok(output_shape(
            steps,
            self.width(),
            layer.return_sequences,
            states.as_deref(),
        ))
    }

    masked_calls!();

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let ([x], Some((forward, backward))) = (inputs, &self.weights) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let (layer, mask) = (&self.settings.layer, first_mask(masks));
        // Keras has zeros come out of the steps that do not count, here alone.
        let given = Given {
            mask,
            zeros: true,
            wants_state: layer.return_state,
            ..Given::new(x, phase)
        };
        let (y, mut states) = layer.forward(forward, &given)?;
        let (mut back, left) = self.backwards().forward(backward, &given)?;
        states.extend(left);
        let kernel = &layer.kernel;
        for y in [&y, &back] {
            let _ = kernel.seen(&self.activity, y.shallow_clone(), phase, kernel.activation)?;
        }
        if layer.return_sequences {
            back = back.f_flip([1])?;
        }
        let y = match self.settings.merge_mode {
            MergeMode::Concat => Tensor::f_cat(&[y, back], -1)?,
            MergeMode::Sum => y.f_add(&back)?,
            MergeMode::Mul => y.f_mul(&back)?,
            MergeMode::Ave => y.f_add(&back)?.f_div_scalar(2.0)?,
        };
        match layer.return_state {
            true => packed(y, &states),
            false => Ok(y),
        }
    }

    fn compute_mask(
        &self,
        _inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let passed = first_mask(masks).filter(|_| self.settings.layer.return_sequences);
        Ok(passed.map(Tensor::shallow_clone))
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some((forward, backward)) = &self.weights else {
            return Vec::new();
        };
        let halves = [("forward", forward), ("backward", backward)];
        let named = halves.into_iter().flat_map(|(half, weights)| {
            let parameters = self.settings.layer.parameters(Some(weights));
            parameters.into_iter().map(move |parameter| Parameter {
                name: format!("{half}_{}", parameter.name),
                ..parameter
            })
        });
        named.collect()
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        let Some((forward, backward)) = &self.weights else {
            return Ok(None);
        };
        let layer = &self.settings.layer;
        let first = layer.penalty(forward, &self.activity)?;
        let second = layer.penalty(backward, &self.activity)?;
        Ok(match (first, second) {
            (Some(first), Some(second)) => Some(first.f_add(&second)?),
            (first, second) => first.or(second),
        })
    }

    fn needs_whole_batch(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::{Input, Model, Predict};

    #[test]
    fn halves_and_states_are_those_of_the_joined_layer() -> Result<()> {
        let x = (Tensor::arange(30, (Kind::Float, Device::Cpu)) * 0.7).sin();
        let x = x.reshape([2, 5, 3]);
        let input = Input::new((5, 3));
        let computed = |outputs: Vec<SymbolicTensor>| {
            let mut model = Model::on(Device::Cpu, &input, &outputs)?.seeded(3);
            model.predict_all(&x, &Predict::new())
        };
        let same = |a: &Tensor, b: &Tensor| {
            assert_eq!(a.size(), b.size());
            assert!((a - b).abs().max().double_value(&[]) < 1e-6, "{a} {b}");
        };
        for sequences in [false, true] {
            let layer = || Bidirectional::new(LSTM::new(4).return_sequences(sequences));
            let joined = computed(vec![layer().call(&input)])?;
            let apart = computed(layer().call_apart(&input).into())?;
            same(&Tensor::cat(&apart, -1), &joined[0]);
            let told = computed(layer().call_with_state(&input))?;
            assert_eq!(told.len(), 5);
            same(&told[0], &joined[0]);
            // An LSTM's first state is what it puts out at the last step that it sees.
            let last = |half: &Tensor, step: i64| match sequences {
                true => half.select(1, step),
                false => half.shallow_clone(),
            };
            same(&told[1], &last(&apart[0], -1));
            same(&told[3], &last(&apart[1], 0));
        }
        Ok(())
    }
}
