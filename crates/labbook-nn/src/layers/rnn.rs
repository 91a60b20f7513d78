use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::RecurrentCells;
use super::counted_steps::Order;
use super::recurrent::{self, Given, Weights};
use super::recurrent_options::sequence_options;
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::tensors::sum::plus;
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};

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
    weights: Vec<Weights>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    cells: Vec<recurrent::Settings>,
    return_sequences: bool,
    go_backwards: bool,
}

registered!(RNN, weights: Vec::new());

impl RNN {
    /// A layer of one cell, or of an array, a vector or a tuple of cells.
    #[must_use]
    pub fn new(cells: impl Into<RecurrentCells>) -> Self {
        Self::of(Settings {
            cells: cells.into().0,
            return_sequences: false,
            go_backwards: false,
        })
    }

    sequence_options!();
    layer_options!();
}

impl Layer for RNN {
    layer_facts!(RNN, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let mut shape = input.clone();
        self.weights.clear();
        for cell in &self.settings.cells {
            if cell.kernel.activity_regularizer.is_some() {
                let advice = "put ActivityRegularization behind the layer";
                return Err(context.error("cells without an activity_regularizer", "one", advice));
            }
            let cell = recurrent::Settings {
                return_sequences: true,
                ..cell.clone()
            };
            let (weights, output) = cell.build(&shape, context)?;
            self.weights.push(weights);
            shape = output;
        }
        if self.weights.is_empty() {
            let advice = "use RNN::new([LSTMCell::new(8), LSTMCell::new(4)])";
            return Err(context.error("at least one cell", "none", advice));
        }
        Ok(match (shape.dims(), self.settings.return_sequences) {
            (&[_, units], false) => Shape::from(units),
            _ => shape,
        })
    }

    masked_calls!();

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let given = match inputs {
            [x] if !self.weights.is_empty() => Given {
                mask: first_mask(masks),
                ..Given::new(x, phase)
            },
            _ => return Err(not_built(self.class_name(), &self.options)),
        };
        let order = Order::new(&given, self.settings.go_backwards)?;
        let mut cells = self.settings.cells.iter().zip(&self.weights);
        let Some((first, weights)) = cells.next() else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let mut steps = first.steps(weights, &order.x, &given, false)?;
        for (cell, weights) in cells {
            steps = cell.steps(weights, &steps.outputs, &given, false)?;
        }
        Ok(order
            .finish(self.settings.return_sequences, &steps, &given)?
            .0)
    }

    fn compute_mask(
        &self,
        _inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let passed = first_mask(masks).filter(|_| self.settings.return_sequences);
        Ok(passed.map(Tensor::shallow_clone))
    }

    fn parameters(&self) -> Vec<Parameter> {
        let cells = self.settings.cells.iter().zip(&self.weights);
        let all = cells.flat_map(|(cell, weights)| cell.parameters(Some(weights)));
        all.collect()
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        let mut sum = None;
        for (cell, weights) in self.settings.cells.iter().zip(&self.weights) {
            if let Some(term) = cell.weight_penalty(weights)? {
                sum = Some(plus(sum, term)?);
            }
        }
        Ok(sum)
    }

    // A loop over the steps costs the same for few examples as for many.
    fn needs_whole_batch(&self) -> bool {
        true
    }
}
