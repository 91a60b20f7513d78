use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::StackedRNNCells;
use super::activity::Activity;
use super::counted_steps::Order;
use super::kept_state::KeptState;
use super::recurrent::{self, Given, State, Steps, Weights};
use super::recurrent_options::{recurrent_facts, sequence_options, stateful_option};
use super::recurrent_part::RecurrentPart;
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::tensors::sum::plus;
use crate::{
    BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape, SymbolicTensor,
    SymbolicTensors,
};

/// A recurrent layer of one cell, or of several stacked ones: at each step a cell takes what the one
/// before it put out.
///
/// As stacked layers, with one difference: options of the sequence are those of all cells. Weights are
/// those of the cells, in their order.
///
/// ```
/// use labbook_nn::{LSTMCell, RNN, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(RNN::new([LSTMCell::new(8), LSTMCell::new(3)]).input_shape((20, 4)));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, inputs) to (N, units of the last cell), or (N, steps, units) with `return_sequences`.
#[derive(Debug)]
pub struct RNN {
    settings: Settings,
    options: LayerOptions,
    /// No cell has an activity_regularizer.
    activity: Activity,
    kept: KeptState,
    weights: Option<Vec<Weights>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    cells: Vec<recurrent::Settings>,
    return_sequences: bool,
    go_backwards: bool,
    /// Files from before there were these two leave them out.
    #[serde(default)]
    return_state: bool,
    #[serde(default)]
    stateful: bool,
}

registered!(RNN, activity: Activity::default(), kept: KeptState::default(), weights: None);

impl RNN {
    /// A layer of one cell, or of an array, a vector or a tuple of cells.
    #[must_use]
    pub fn new(cells: impl Into<StackedRNNCells>) -> Self {
        Self::of(Settings {
            cells: cells.into().0,
            return_sequences: false,
            go_backwards: false,
            return_state: false,
            stateful: false,
        })
    }

    sequence_options!();
    stateful_option!();
    layer_options!();

    /// What comes out, and the states of all cells after the last step, in their order, each (N, units
    /// of the cell), two of an [`LSTMCell`](crate::LSTMCell): what `layer(x)` gives in Keras with
    /// `return_state=True`. A layer called on `[&x, &state, ..]` begins with these states.
    ///
    /// ```
    /// use labbook_nn::{GRUCell, Input, LSTMCell, Model, RNN};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let x = Input::new((20, 4));
    /// let told = RNN::new((LSTMCell::new(8), GRUCell::new(3))).call_with_state(&x);
    /// let model = Model::new(&x, &told)?;
    /// let shapes = model.output_shapes()?;
    /// assert_eq!(shapes.iter().map(ToString::to_string).collect::<Vec<_>>(), [
    ///     "(None, 3)", "(None, 8)", "(None, 8)", "(None, 3)",
    /// ]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Never fails: what does not fit is told by [`Model::new`](crate::Model::new).
    pub fn call_with_state(mut self, inputs: impl Into<SymbolicTensors>) -> Vec<SymbolicTensor> {
        self.settings.return_state = true;
        let sequences = self.settings.return_sequences;
        let units = [vec![self.settings.units()], self.settings.states()].concat();
        RecurrentPart::all_of(&self.call(inputs), sequences, &units)
    }
}

impl Settings {
    /// How many units come out.
    fn units(&self) -> i64 {
        self.cells.last().map_or(1, |cell| cell.units)
    }

    /// How many units each tensor of the cells' states has.
    fn states(&self) -> Vec<i64> {
        self.cells
            .iter()
            .flat_map(recurrent::Settings::states)
            .collect()
    }

    fn build_called(
        &self,
        inputs: &[Shape],
        context: &mut BuildContext<'_>,
    ) -> Result<(Vec<Weights>, Shape)> {
        if self.cells.is_empty() {
            let advice = "use RNN::new([LSTMCell::new(8), LSTMCell::new(4)])";
            return Err(context.error("at least one cell", "none", advice));
        }
        let states = self.states();
        let mut shape = recurrent::sequences_of(inputs, &states, context)?.clone();
        let mut all = Vec::new();
        for cell in &self.cells {
            if cell.kernel.activity_regularizer.is_some() {
                let advice = "put ActivityRegularization behind the layer";
                return Err(context.error("cells without an activity_regularizer", "one", advice));
            }
            let cell = recurrent::Settings {
                return_sequences: true,
                ..cell.clone()
            };
            let (weights, output) = cell.build(&shape, context)?;
            all.push(weights);
            shape = output;
        }
        let steps = shape.dims().first().copied().unwrap_or_default();
        let states = self.return_state.then_some(states);
        let sequences = self.return_sequences;
        let output = recurrent::output_shape(steps, self.units(), sequences, states.as_deref());
        Ok((all, output))
    }

    /// Whether a step's output needs earlier steps alone, and nothing else is kept or given.
    fn sees_earlier_steps(&self) -> bool {
        self.return_sequences && !self.go_backwards && !self.return_state && !self.stateful
    }

    /// The outputs of all steps or of the last one, and the states of all cells that are left.
    fn forward(&self, weights: &[Weights], given: &Given<'_>) -> Result<(Tensor, State)> {
        let order = Order::new(given, self.go_backwards)?;
        let (mut begin, mut left) = (given.state, State::new());
        let mut last: Option<Steps> = None;
        for (cell, weights) in self.cells.iter().zip(weights) {
            let own = begin.map(|states| states.split_at(states.len().min(cell.states().len())));
            let given = Given {
                state: own.map(|(own, _)| own),
                ..*given
            };
            begin = own.map(|(_, others)| others);
            let seen = last.as_ref().map_or(&order.x, |steps| &steps.outputs);
            let steps = cell.steps(weights, seen, &given, order.wants_carries(&given))?;
            left.extend(order.state(&steps, &given)?);
            last = Some(steps);
        }
        let y = match &last {
            Some(steps) => order.outputs(steps, self.return_sequences, given)?,
            // There is a cell, or nothing would have been built.
            None => order.x.shallow_clone(),
        };
        Ok((y, left))
    }

    fn seen(&self, _activity: &Activity, y: Tensor, _phase: Phase) -> Result<Tensor> {
        Ok(y)
    }

    fn parameters(&self, weights: Option<&Vec<Weights>>) -> Vec<Parameter> {
        let cells = self.cells.iter().zip(weights.into_iter().flatten());
        let all = cells.flat_map(|(cell, weights)| cell.parameters(Some(weights)));
        all.collect()
    }

    fn penalty(&self, weights: &[Weights], _activity: &Activity) -> Result<Option<Tensor>> {
        let mut sum = None;
        for (cell, weights) in self.cells.iter().zip(weights) {
            if let Some(term) = cell.weight_penalty(weights)? {
                sum = Some(plus(sum, term)?);
            }
        }
        Ok(sum)
    }
}

impl Layer for RNN {
    layer_facts!(RNN, whole_batch_or_not);
    recurrent_facts!();
}
