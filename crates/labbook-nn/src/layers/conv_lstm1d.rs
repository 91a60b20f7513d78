use serde::{Deserialize, Serialize};
use tch::{Tensor, no_grad};

use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::{self, Convolution, one_axis};
use super::kernel_options::{KernelOptions, kernel_options};
use super::recurrent::check_drops;
use super::recurrent_options::{cell_options, sequence_options};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::tensors::sum::plus;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Layer, LayerOptions, Parameter, Phase,
    Regularizer, Result, Shape,
};

/// An LSTM over sequences of rows, whose gates are convolutions along the row (Shi et al. 2015).
///
/// Options and defaults are Keras's: no padding, gates by the sigmoid, outputs by the hyperbolic tangent.
/// Kernel (kernel size, channels, 4 · filters) Glorot uniform, recurrent kernel (kernel size, filters,
/// 4 · filters) orthogonal, bias (4 · filters,) zero but one for the forget gates. States have the
/// outputs' size, so their convolution is padded. Steps that a mask leaves out pass the state on.
///
/// ```
/// use labbook_nn::{ConvLSTM1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// // Twelve measurements along a line of 32 places, three values each.
/// let mut model = Sequential::new();
/// model.add(ConvLSTM1D::new(8, 5).input_shape((12, 32, 3)));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 28, 8)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, rows, channels) to (N, new rows, filters), or (N, steps, new rows, filters) with
/// `return_sequences`.
#[derive(Debug)]
pub struct ConvLSTM1D {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Built>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    filters: i64,
    kernel_size: i64,
    strides: i64,
    padding: Padding,
    dilation_rate: i64,
    recurrent_activation: Activation,
    unit_forget_bias: bool,
    return_sequences: bool,
    go_backwards: bool,
    dropout: f64,
    recurrent_dropout: f64,
    recurrent_initializer: Initializer,
    recurrent_regularizer: Option<Regularizer>,
    recurrent_constraint: Option<Constraint>,
    kernel: KernelOptions,
}

/// The convolutions of all four gates: i f c o, as in [`LSTM`](super::LSTM).
#[derive(Debug)]
struct Built {
    inputs: Convolution,
    state: Convolution,
}

const GATES: i64 = 4;

registered!(ConvLSTM1D, activity: Activity::default(), built: None);

impl ConvLSTM1D {
    /// A layer with `filters` outputs per row and a kernel over so many rows.
    #[must_use]
    pub fn new(filters: i64, kernel_size: i64) -> Self {
        Self::of(Settings {
            filters,
            kernel_size,
            strides: 1,
            padding: Padding::Valid,
            dilation_rate: 1,
            recurrent_activation: Activation::Sigmoid,
            unit_forget_bias: true,
            return_sequences: false,
            go_backwards: false,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            recurrent_initializer: Initializer::Orthogonal { gain: 1.0 },
            recurrent_regularizer: None,
            recurrent_constraint: None,
            kernel: KernelOptions {
                activation: Activation::Tanh,
                ..KernelOptions::default()
            },
        })
    }

    /// Sets how many rows the kernel of the inputs moves at a time; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: i64) -> Self {
        self.settings.strides = strides;
        self
    }

    /// Sets what happens at the ends of a row of inputs; the default is [`Padding::Valid`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.settings.padding = padding;
        self
    }

    /// Sets how many rows lie between the numbers of the kernel of the inputs; the default is 1. Not
    /// with strides.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn dilation_rate(mut self, dilation_rate: i64) -> Self {
        self.settings.dilation_rate = dilation_rate;
        self
    }

    /// Sets the function of the gates; the default is the sigmoid.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn recurrent_activation(mut self, activation: Activation) -> Self {
        self.settings.recurrent_activation = activation;
        self
    }

    /// Says whether the biases of the forget gates begin with 1; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn unit_forget_bias(mut self, wanted: bool) -> Self {
        self.settings.unit_forget_bias = wanted;
        self
    }

    cell_options!();
    sequence_options!();
    kernel_options!(settings.kernel);
    layer_options!();
}

impl Settings {
    fn of_inputs(&self) -> convolution::Settings {
        convolution::Settings {
            strides: one_axis(self.strides),
            padding: self.padding,
            dilation_rate: one_axis(self.dilation_rate),
            kernel: KernelOptions {
                activity_regularizer: None,
                ..self.kernel.clone()
            },
            ..self.convolution()
        }
    }

    fn of_state(&self) -> convolution::Settings {
        convolution::Settings {
            padding: Padding::Same,
            kernel: KernelOptions {
                use_bias: false,
                kernel_initializer: self.recurrent_initializer,
                kernel_regularizer: self.recurrent_regularizer,
                kernel_constraint: self.recurrent_constraint,
                ..KernelOptions::default()
            },
            ..self.convolution()
        }
    }

    /// For all gates side by side.
    fn convolution(&self) -> convolution::Settings {
        let wide = self.filters.saturating_mul(GATES);
        convolution::Settings::new(wide, one_axis(self.kernel_size))
    }

    fn build(&self, input: &Shape, context: &mut BuildContext<'_>) -> Result<(Built, Shape)> {
        let &[steps, rows, channels] = input.dims() else {
            return Err(context.error(
                "sequences of rows (None, steps, rows, channels)",
                input,
                "use Reshape, or LSTM for sequences (None, steps, features)",
            ));
        };
        check_drops(self.dropout, self.recurrent_dropout, context)?;
        self.recurrent_initializer
            .check("recurrent_initializer", context)?;
        // Three axes, as a convolution's kernel has.
        self.kernel.check(3, context)?;
        let (inputs, output) =
            self.of_inputs()
                .build(1, &Shape::from((rows, channels)), context)?;
        let rows = output.dims()[0];
        let (state, _) = self
            .of_state()
            .build(1, &Shape::from((rows, self.filters)), context)?;
        if let (true, Some(bias)) = (self.unit_forget_bias, &inputs.weights.bias) {
            // The forget gates begin open (Jozefowicz et al. 2015).
            let _ = no_grad(|| bias.f_narrow(0, self.filters, self.filters)?.f_fill_(1.0))?;
        }
        let output = match self.return_sequences {
            true => Shape::from((steps, rows, self.filters)),
            false => Shape::from((rows, self.filters)),
        };
        Ok((Built { inputs, state }, output))
    }

    /// The outputs of all steps, (N, steps, new rows, filters), or of the last one.
    fn forward(
        &self,
        built: &Built,
        x: &Tensor,
        mask: Option<&Tensor>,
        phase: Phase,
    ) -> Result<Tensor> {
        let (of_inputs, of_state) = (self.of_inputs(), self.of_state());
        // Neither convolution adds to the loss by its outputs.
        let none = Activity::default();
        let convolve = |settings: &convolution::Settings, with: &Convolution, x: &Tensor| {
            settings.forward(with, &none, x, phase, Activation::Linear)
        };
        let &[count, steps, rows, channels] = x.size().as_slice() else {
            // The shape was checked when the layer was built.
            return Ok(x.shallow_clone());
        };
        let dropped = |x: &Tensor, rate: f64, size: &[i64]| -> Result<Tensor> {
            if phase != Phase::Train || rate == 0.0 {
                return Ok(x.shallow_clone());
            }
            // All steps of an example lose the same numbers (Gal and Ghahramani 2016).
            let ones = Tensor::f_ones(size, (x.f_kind()?, x.device()))?;
            Ok(x.f_mul(&ones.f_dropout(rate, true)?)?)
        };
        let x = dropped(x, self.dropout, &[count, 1, rows, channels])?;
        let flat = x.f_reshape([count * steps, rows, channels])?;
        let given = convolve(&of_inputs, &built.inputs, &flat)?;
        let new_rows = given.size()[1];
        let size = [count, new_rows, self.filters];
        let given = given.f_reshape([count, steps, new_rows, -1])?;
        let zeros = Tensor::f_zeros(size, (given.f_kind()?, given.device()))?;
        let kept = dropped(&zeros.f_ones_like()?, self.recurrent_dropout, &size)?;
        let (mut h, mut c) = (zeros.shallow_clone(), zeros);
        let mut outputs = Vec::new();
        for step in 0..steps {
            let step = match self.go_backwards {
                true => steps - 1 - step,
                false => step,
            };
            let seen = match self.recurrent_dropout > 0.0 {
                true => h.f_mul(&kept)?,
                false => h.shallow_clone(),
            };
            let gates = convolve(&of_state, &built.state, &seen)?;
            let gates = given.f_select(1, step)?.f_add(&gates)?;
            let gate = |place: i64| gates.f_narrow(-1, place * self.filters, self.filters);
            let open = |place: i64| self.recurrent_activation.of(&gate(place)?);
            let end = self.kernel.activation;
            let new = open(0)?.f_mul(&end.of(&gate(2)?)?)?;
            let next_c = open(1)?.f_mul(&c)?.f_add(&new)?;
            let next_h = open(3)?.f_mul(&end.of(&next_c)?)?;
            (h, c) = match mask {
                Some(mask) => {
                    let counts = mask.f_select(1, step)?.f_reshape([count, 1, 1])?;
                    (
                        next_h.f_where_self(&counts, &h)?,
                        next_c.f_where_self(&counts, &c)?,
                    )
                }
                None => (next_h, next_c),
            };
            if self.return_sequences {
                outputs.push(h.shallow_clone());
            }
        }
        Ok(match self.return_sequences {
            true => Tensor::f_stack(&outputs, 1)?,
            false => h,
        })
    }
}

impl Layer for ConvLSTM1D {
    layer_facts!(ConvLSTM1D, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (built, output) = self.settings.build(input, context)?;
        self.built = Some(built);
        Ok(output)
    }

    masked_calls!();

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        _activation: Activation,
    ) -> Result<Tensor> {
        let ([x], Some(built)) = (inputs, &self.built) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let settings = &self.settings;
        let y = settings.forward(built, x, first_mask(masks), phase)?;
        let kernel = &settings.kernel;
        kernel.seen(&self.activity, y, phase, kernel.activation)
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
        let Some(Built { inputs, state }) = &self.built else {
            return Vec::new();
        };
        let settings = &self.settings;
        let mut parameters = settings.kernel.parameters(Some(&inputs.weights));
        let of_state = settings.of_state().kernel.parameters(Some(&state.weights));
        let of_state = of_state.into_iter().map(|parameter| Parameter {
            name: "recurrent_kernel".into(),
            ..parameter
        });
        // Behind the kernel, before the bias.
        parameters.splice(1..1, of_state);
        parameters
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        let Some(Built { inputs, state }) = &self.built else {
            return Ok(None);
        };
        let of_inputs = self
            .settings
            .kernel
            .penalty(&inputs.weights, &self.activity)?;
        let of_state = self.settings.of_state().kernel;
        match of_state.penalty(&state.weights, &Activity::default())? {
            Some(term) => Ok(Some(plus(of_inputs, term)?)),
            None => Ok(of_inputs),
        }
    }

    // A loop over the steps costs the same for few examples as for many.
    fn needs_whole_batch(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sequential, clear_session};

    #[test]
    fn sequences_without_rows_and_rates_of_one_are_refused() {
        clear_session();
        let build = |layer: ConvLSTM1D, shape: Shape| {
            let mut model = Sequential::new();
            model.add(layer.input_shape(shape));
            model.output_shapes().map(drop).unwrap_err().to_string()
        };
        let error = build(ConvLSTM1D::new(2, 3), Shape::from((5, 4)));
        assert!(error.contains("sequences of rows"), "{error}");
        let error = build(ConvLSTM1D::new(2, 3).dropout(1.0), Shape::from((5, 4, 1)));
        assert!(
            error.contains("dropout of at least 0 and below 1"),
            "{error}"
        );
        let error = build(ConvLSTM1D::new(2, 9), Shape::from((5, 4, 1)));
        assert!(error.contains("kernel"), "{error}");
    }
}
