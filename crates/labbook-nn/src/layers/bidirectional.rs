use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::recurrent::{self, Given, Weights};
use super::registry::{Registered, layer_facts, registered};
use super::{GRU, LSTM, SimpleRNN};
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};

/// How a [`Bidirectional`] layer joins the outputs of its two halves.
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
        if layer.return_state || layer.stateful {
            return Err(context.error(
                "a layer that neither returns nor keeps its state",
                "one that does",
                "call two layers, one with go_backwards(true), and join them with Concatenate",
            ));
        }
        let (forward, output) = layer.build(input, context)?;
        let (backward, _) = self.backwards().build(input, context)?;
        self.weights = Some((forward, backward));
        let mut dims = output.dims().to_vec();
        if let (Some(last), MergeMode::Concat) = (dims.last_mut(), self.settings.merge_mode) {
            *last *= 2;
        }
        Ok(Shape::from(dims))
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
            ..Given::new(x, phase)
        };
        let (y, _) = layer.forward(forward, &given)?;
        let (mut back, _) = self.backwards().forward(backward, &given)?;
        let kernel = &layer.kernel;
        for y in [&y, &back] {
            let _ = kernel.seen(&self.activity, y.shallow_clone(), phase, kernel.activation)?;
        }
        if layer.return_sequences {
            back = back.f_flip([1])?;
        }
        Ok(match self.settings.merge_mode {
            MergeMode::Concat => Tensor::f_cat(&[y, back], -1)?,
            MergeMode::Sum => y.f_add(&back)?,
            MergeMode::Mul => y.f_mul(&back)?,
            MergeMode::Ave => y.f_add(&back)?.f_div_scalar(2.0)?,
        })
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
