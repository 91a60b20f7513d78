//! What the recurrent layers share: their options, weights and loops.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::counted_steps::Order;
use super::kernel_options::KernelOptions;
use super::spatial::{axes, check_sizes};
use crate::tensors::casts::weight_like;
use crate::tensors::sum::plus;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Parameter, Phase, Regularizer, Result, Shape,
};

/// The kinds of cells, with the options that each has alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Cell {
    Simple {},
    Lstm {
        recurrent_activation: Activation,
        unit_forget_bias: bool,
    },
    Gru {
        recurrent_activation: Activation,
        reset_after: bool,
    },
}

impl Cell {
    /// How many numbers a unit computes from its inputs.
    pub(super) fn gates(self) -> i64 {
        match self {
            Self::Simple {} => 1,
            Self::Lstm { .. } => 4,
            Self::Gru { .. } => 3,
        }
    }

    /// How many tensors the state is.
    pub(super) fn state_parts(self) -> usize {
        match self {
            Self::Lstm { .. } => 2,
            Self::Simple {} | Self::Gru { .. } => 1,
        }
    }
}

/// What goes from step to step, (N, units) each: the last output and, of an LSTM, what it keeps.
pub(super) type State = Vec<Tensor>;

/// What a recurrent layer is given.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// (N, steps, inputs).
    pub(super) x: &'a Tensor,
    pub(super) mask: Option<&'a Tensor>,
    /// The state before the first step; zeros if none.
    pub(super) state: Option<&'a [Tensor]>,
    pub(super) phase: Phase,
    /// Whether zeros come out of all steps that do not count.
    pub(super) zeros: bool,
    /// Whether somebody needs the state that is left.
    pub(super) wants_state: bool,
}

impl<'a> Given<'a> {
    /// Sequences without masks, from a state of zeros.
    pub(super) fn new(x: &'a Tensor, phase: Phase) -> Self {
        Self {
            x,
            mask: None,
            state: None,
            phase,
            zeros: false,
            wants_state: false,
        }
    }
}

/// What a loop over steps gives.
pub(super) struct Steps {
    /// (N, steps, units).
    pub(super) outputs: Tensor,
    /// What each step of an LSTM keeps, (N, steps, units), from the loops that tell.
    pub(super) carries: Option<Tensor>,
    /// The state after the last step.
    pub(super) state: State,
}

/// What a loop drops, a mask for each gate.
#[derive(Default)]
pub(super) struct Drops {
    pub(super) inputs: Option<Vec<Tensor>>,
    pub(super) state: Option<Vec<Tensor>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) units: i64,
    pub(super) cell: Cell,
    pub(super) return_sequences: bool,
    pub(super) go_backwards: bool,
    /// Files from before there were these two leave them out.
    #[serde(default)]
    pub(super) return_state: bool,
    #[serde(default)]
    pub(super) stateful: bool,
    pub(super) dropout: f64,
    pub(super) recurrent_dropout: f64,
    pub(super) recurrent_initializer: Initializer,
    pub(super) recurrent_regularizer: Option<Regularizer>,
    pub(super) recurrent_constraint: Option<Constraint>,
    pub(super) kernel: KernelOptions,
}

/// The weights in Keras's layout: gates side by side, i f c o or z r h.
#[derive(Debug)]
pub(super) struct Weights {
    /// (inputs, gates * units).
    pub(super) kernel: Tensor,
    /// (units, gates * units).
    pub(super) recurrent_kernel: Tensor,
    /// (gates * units,), or (2, gates * units) for those of inputs and state.
    pub(super) bias: Option<Tensor>,
}

/// The shape of what comes out; states that are wanted lie behind the outputs, as if they were further
/// steps.
pub(super) fn output_shape(
    steps: i64,
    units: i64,
    return_sequences: bool,
    states: Option<&[i64]>,
) -> Shape {
    let count = match return_sequences {
        true => steps,
        false => 1,
    };
    match (states, return_sequences) {
        (Some(states), _) => {
            let widest = states.iter().copied().fold(units, i64::max);
            Shape::from((count + states.len() as i64, widest))
        }
        (None, true) => Shape::from((count, units)),
        (None, false) => Shape::from(units),
    }
}

/// The sequences of what a layer is called on: these alone, or with states of so many units behind them.
pub(super) fn sequences_of<'a>(
    inputs: &'a [Shape],
    states: &[i64],
    context: &BuildContext<'_>,
) -> Result<&'a Shape> {
    let expected: Vec<Shape> = states.iter().copied().map(Shape::from).collect();
    match inputs {
        [input, given @ ..] if given.is_empty() || *given == expected => Ok(input),
        _ => {
            let told = |shapes: &[Shape]| {
                let shapes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
                shapes.join(", ")
            };
            let count = states.len();
            Err(context.error(
                &format!(
                    "sequences, and perhaps a state of {count} tensors: {}",
                    told(&expected)
                ),
                told(inputs),
                "call it on [&x], or on x and the states that call_with_state gave",
            ))
        }
    }
}

impl Settings {
    /// Keras's defaults.
    pub(super) fn new(units: i64, cell: Cell) -> Self {
        Self {
            units,
            cell,
            return_sequences: false,
            go_backwards: false,
            return_state: false,
            stateful: false,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            recurrent_initializer: Initializer::Orthogonal { gain: 1.0 },
            recurrent_regularizer: None,
            recurrent_constraint: None,
            kernel: KernelOptions {
                activation: Activation::Tanh,
                ..KernelOptions::default()
            },
        }
    }

    /// Checks the options for sequences of this shape, and makes the weights.
    pub(super) fn build(
        &self,
        input: &Shape,
        context: &mut BuildContext<'_>,
    ) -> Result<(Weights, Shape)> {
        let (steps, inputs) = axes(input, 1, context)?;
        check_sizes("units", &[self.units], 1, context)?;
        check_drops(self.dropout, self.recurrent_dropout, context)?;
        self.kernel.check(2, context)?;
        let init = self.recurrent_initializer;
        init.check("recurrent_initializer", context)?;
        if let Some(regularizer) = self.recurrent_regularizer {
            regularizer.check("recurrent_regularizer", Some(2), context)?;
        }
        if let Some(constraint) = self.recurrent_constraint {
            constraint.check("recurrent_constraint", 2, context)?;
        }
        let wide = self.units.saturating_mul(self.cell.gates());
        let kernel = context.dense_kernel(self.kernel.kernel_initializer, [inputs, wide])?;
        let recurrent_kernel = context.dense_kernel(init, [self.units, wide])?;
        let bias = match self.kernel.use_bias {
            true => Some(self.bias(wide, context)?.f_set_requires_grad(true)?),
            false => None,
        };
        let weights = Weights {
            kernel: kernel.f_set_requires_grad(true)?,
            recurrent_kernel: recurrent_kernel.f_set_requires_grad(true)?,
            bias,
        };
        let states = self.return_state.then(|| self.states());
        let sequences = self.return_sequences;
        let output = output_shape(steps[0], self.units, sequences, states.as_deref());
        Ok((weights, output))
    }

    /// How many units each tensor of the state has.
    pub(super) fn states(&self) -> Vec<i64> {
        vec![self.units; self.cell.state_parts()]
    }

    /// The same for a layer that may be called on a state to begin with, too.
    pub(super) fn build_called(
        &self,
        inputs: &[Shape],
        context: &mut BuildContext<'_>,
    ) -> Result<(Weights, Shape)> {
        let input = sequences_of(inputs, &self.states(), context)?;
        self.build(input, context)
    }

    /// Whether a step's output needs earlier steps alone, and nothing else is kept or given.
    pub(super) fn sees_earlier_steps(&self) -> bool {
        self.return_sequences && !self.go_backwards && !self.return_state && !self.stateful
    }

    fn bias(&self, wide: i64, context: &mut BuildContext<'_>) -> Result<Tensor> {
        let (units, fans) = (self.units, (wide as f64, wide as f64));
        let init = self.kernel.bias_initializer;
        Ok(match self.cell {
            Cell::Gru {
                reset_after: true, ..
            } => context.weight(init, &[2, wide], (2.0, wide as f64))?,
            Cell::Lstm {
                unit_forget_bias: true,
                ..
            } => {
                // The forget gates begin open (Jozefowicz et al. 2015).
                let bias = context.weight(init, &[wide], fans)?;
                let _ = bias.f_narrow(0, units, units)?.f_fill_(1.0)?;
                bias
            }
            _ => context.weight(init, &[wide], fans)?,
        })
    }

    /// The outputs of all steps (N, steps, units), or of the last one, and the state that is left.
    ///
    /// Steps that a mask (N, steps) leaves out pass the state on as it is, and put out what the
    /// last step before them did, zeros at the beginning; or zeros everywhere.
    pub(super) fn forward(&self, weights: &Weights, given: &Given<'_>) -> Result<(Tensor, State)> {
        let order = Order::new(given, self.go_backwards)?;
        let steps = self.steps(weights, &order.x, given, order.wants_carries(given))?;
        let y = order.outputs(&steps, self.return_sequences, given)?;
        Ok((y, order.state(&steps, given)?))
    }

    /// The outputs, once the loss has seen them where it has to.
    pub(super) fn seen(&self, activity: &Activity, y: Tensor, phase: Phase) -> Result<Tensor> {
        self.kernel.seen(activity, y, phase, self.kernel.activation)
    }

    /// The loop over steps that all count.
    pub(super) fn steps(
        &self,
        weights: &Weights,
        x: &Tensor,
        given: &Given<'_>,
        wants_carries: bool,
    ) -> Result<Steps> {
        let kernel = weight_like(&weights.kernel, x)?;
        let recurrent_kernel = weight_like(&weights.recurrent_kernel, x)?;
        let bias = weights.bias.as_ref();
        let bias = bias.map(|bias| weight_like(bias, x)).transpose()?;
        let weights = Weights {
            kernel,
            recurrent_kernel,
            bias,
        };
        let state = match given.state {
            Some(state) => {
                let state = state.iter().map(|part| Ok(part.f_to_kind(x.f_kind()?)?));
                state.collect::<Result<State>>()?
            }
            None => {
                let size = [x.size()[0], self.units];
                let zeros = Tensor::f_zeros(size, (x.f_kind()?, x.device()))?;
                let parts = (0..self.cell.state_parts()).map(|_| zeros.shallow_clone());
                parts.collect()
            }
        };
        let dropping = given.phase == Phase::Train;
        if dropping && self.recurrent_dropout > 0.0 {
            let units = self.units;
            let inputs = x.size()[2];
            let drops = Drops {
                inputs: Some(self.drop_masks(x, self.dropout, inputs)?),
                state: Some(self.drop_masks(x, self.recurrent_dropout, units)?),
            };
            return self.step_by_step(&weights, x, state, &drops);
        }
        let x = match dropping && self.dropout > 0.0 {
            // All steps of an example lose the same inputs (Gal and Ghahramani 2016).
            true => x.f_mul(&drop_mask(x, self.dropout, &[x.size()[0], 1, x.size()[2]])?)?,
            false => x.shallow_clone(),
        };
        if !(wants_carries && matches!(self.cell, Cell::Lstm { .. }))
            && let Some(steps) = super::fused::steps(self, &weights, &x, &state)?
        {
            return Ok(steps);
        }
        self.step_by_step(&weights, &x, state, &Drops::default())
    }

    /// A mask for each gate.
    fn drop_masks(&self, x: &Tensor, rate: f64, size: i64) -> Result<Vec<Tensor>> {
        let masks = (0..self.cell.gates()).map(|_| drop_mask(x, rate, &[x.size()[0], size]));
        masks.collect()
    }

    pub(super) fn parameters(&self, weights: Option<&Weights>) -> Vec<Parameter> {
        let Some(weights) = weights else {
            return Vec::new();
        };
        let kernel = Parameter {
            constraint: self.kernel.kernel_constraint,
            ..Parameter::new("kernel", &weights.kernel)
        };
        let recurrent_kernel = Parameter {
            constraint: self.recurrent_constraint,
            ..Parameter::new("recurrent_kernel", &weights.recurrent_kernel)
        };
        let bias = weights.bias.iter().map(|bias| Parameter {
            constraint: self.kernel.bias_constraint,
            ..Parameter::new("bias", bias)
        });
        [kernel, recurrent_kernel].into_iter().chain(bias).collect()
    }

    /// What the weights and outputs add to the loss.
    pub(super) fn penalty(&self, weights: &Weights, activity: &Activity) -> Result<Option<Tensor>> {
        let of_weights = self.weight_penalty(weights)?;
        if self.kernel.activity_regularizer.is_none() {
            return Ok(of_weights);
        }
        let of_outputs = activity.penalty(weights.kernel.device())?;
        Ok(Some(plus(of_weights, of_outputs)?))
    }

    /// What the weights alone add.
    pub(super) fn weight_penalty(&self, weights: &Weights) -> Result<Option<Tensor>> {
        let terms = [
            (self.kernel.kernel_regularizer, Some(&weights.kernel)),
            (self.recurrent_regularizer, Some(&weights.recurrent_kernel)),
            (self.kernel.bias_regularizer, weights.bias.as_ref()),
        ];
        let mut sum = None;
        for (regularizer, weight) in terms {
            if let (Some(regularizer), Some(weight)) = (regularizer, weight) {
                sum = Some(plus(sum, regularizer.penalty(weight)?)?);
            }
        }
        Ok(sum)
    }
}

/// What inputs and states lose has to be a share below all.
pub(super) fn check_drops(inputs: f64, state: f64, context: &BuildContext<'_>) -> Result<()> {
    for (option, rate) in [("dropout", inputs), ("recurrent_dropout", state)] {
        if !(0.0..1.0).contains(&rate) {
            return Err(context.error(
                &format!("a {option} of at least 0 and below 1"),
                rate,
                "use 0.2 to drop a fifth",
            ));
        }
    }
    Ok(())
}

/// Zeros for what is dropped; the rest makes up for it.
fn drop_mask(x: &Tensor, rate: f64, size: &[i64]) -> Result<Tensor> {
    let ones = Tensor::f_ones(size, (x.f_kind()?, x.device()))?;
    Ok(ones.f_dropout(rate, true)?)
}
